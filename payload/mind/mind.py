"""The mind: decides when to think and about what, and keeps only usable lines.

    IDLE --slot, question or muse_now--> THINKING --reply--> kept, or tried again (three tries)
      ^------ back-off 30 s .. 10 min ------'--deadline, failure--> LOST until the next reply

Questions go before musings. No thought begins while power or temperature forbids it, and one in
progress is stopped. The worker's text is data: it is cleaned, bounded, stored and sent, and can
cause nothing else. ``payload.mind.topics`` chooses the topic, ``payload.prompt`` words the prompt,
``payload.mind.disclosure`` what is said before the first line.
"""

from __future__ import annotations

import contextlib
import random
from collections import deque
from dataclasses import dataclass, replace

from payload.hearsay import Hearsay
from payload.mind import spoken, topics
from payload.mind.disclosure import Disclosure
from payload.mind.drafts import of_replies
from payload.mind.exchanges import Exchange
from payload.mind.firsts import TOPIC_OF, Firsts
from payload.mind.memory import Memory
from payload.mind.musing_due import MusingDue
from payload.mind.neighbour_talk import Answering, NeighbourTalk
from payload.mind.question_queue import Question, QuestionQueue
from payload.mind.refusals import DraftChoice
from payload.navigation.sun import sun_word
from payload.notes import Note, event
from payload.ports import Mind, MindFailed, MindReply, MindRequest, PortError
from payload.power.power import PowerManager
from payload.prompt import PLAIN, Moment, PersonaText, exchange, prefix, suffix
from payload.situation import Situation
from wire.beacon import Phase
from wire.mission import MindSection
from wire.sampling import Sampling

TRIES_MAX = 3
BACKOFF_MS_MIN, BACKOFF_MS_MAX = 30_000, 600_000
START_RETRY_MS = 5_000
START_PATIENCE_MS = 120_000  # a worker may take this long to load its model
MEMORIES_AVOIDED = 16
# With power short or unknown: the second draft adds a fifth to a thought's energy and saves most
# thoughts whose first is refused; to compare the two by the model would add half of it again.
DRAFTS_UNRANKED = 2
NO_VOICE = "I have no voice today. The log goes on."


@dataclass(slots=True)
class _Thought:
    """One request in flight, with the situation in which it was begun."""

    request_id: int
    started_ms: int
    situation: Situation
    moment: Moment
    memory: str | None
    question: Question | None
    thread: list[Exchange]  # what the prompt has of the question's conversation
    api_ms: int | None  # when the API outcome it may mention arrived
    answering: Answering | None  # the musing of a neighbour that it is about


class MindManager:
    """Musings on schedule, replies on request; all state of the mind that the core holds."""

    def __init__(
        self, mind: Mind | None, persona: PersonaText | None, memory: Memory | None,
        section: MindSection, rng: random.Random, musings: list[str], questions: QuestionQueue,
        sampling: Sampling, firsts: Firsts, hearsay: Hearsay, musing_due: MusingDue,
        conversation: NeighbourTalk,
    ) -> None:
        """``musings`` are those of this flight before the reboot, oldest first.

        ``sampling`` is that of the persona; ``section`` may override it.
        """
        self._mind = mind if persona is not None else None
        self._memory = memory
        self.section = section
        self.examined = sampling
        self.sampling = sampling.overridden(section.overrides)
        self._rng = rng
        self._choice = DraftChoice(
            musings, section.private_words, persona, self.sampling.sentences_max)
        self._prefix = prefix(persona) if persona is not None else ""
        self._disclosure = Disclosure(persona, section.private_words, bool(musings))
        self._request_id = rng.getrandbits(24)  # a worker may still answer an earlier boot
        self._thought: _Thought | None = None
        self.musing_due = musing_due
        self._is_owed = False  # a musing is due and not yet kept or given up
        self._tries = 0  # of the musing that is owed
        self._tried_topics: list[str] = []
        self._questions = questions
        self._firsts = firsts
        self._hearsay = hearsay
        self._conversation = conversation
        self._recent_topics: deque[str] = deque(maxlen=topics.RECENT_TOPICS)
        self._recent_memories: deque[str] = deque(maxlen=MEMORIES_AVOIDED)
        self._api: tuple[str, str, int] | None = None
        self._mused_api_ms: int | None = None
        self._picture: tuple[str | None, int] | None = None
        self._ground_altitude_m: float | None = None
        self._retry_ms = 0  # nothing is started before
        self._backoff_ms = BACKOFF_MS_MIN
        self._refused_since_ms: int | None = None
        self._lost_since_ms: int | None = None
        self._has_reported_absent = False
        self.rejected = 0  # replies without a usable draft: empty, unclean, private, said before
        self.given_up = 0  # musings abandoned after three tries

    @property
    def is_busy(self) -> bool:
        return self._thought is not None

    @property
    def faults(self) -> set[str]:
        """``absent`` (no worker or no persona) or ``lost`` (it does not answer)."""
        if self._mind is None:
            return {"absent"}
        return {"lost"} if self._lost_since_ms is not None else set()

    def ask(self, question_id: int, text: str, follows: int | None = None) -> bool:
        """True when the question will be answered; False when known already, empty or too many.

        ``follows`` is the id of the question of the same person before it.
        """
        return self._questions.ask(question_id, text, follows)

    def knows(self, question_id: int) -> bool:
        """This question was asked before."""
        return self._questions.is_known(question_id)

    def muse_now(self) -> None:
        """Ask for one musing as soon as power allows; asking twice is asking once."""
        self._is_owed = True

    def note_api(self, name: str, outcome: str, now_ms: int) -> None:
        """An API answered, or failed to, at ``now_ms``; noting it again changes nothing, and a
        failure is no news while a fresh answer has not been mused about."""
        if self._api is not None and outcome != "ok":
            _, before, at_ms = self._api
            is_fresh = now_ms - at_ms <= topics.API_FRESH_S * 1000
            if before == "ok" and is_fresh and at_ms != self._mused_api_ms:
                return
        self._api = (name, outcome, now_ms)

    def note_picture(self, scene: str | None, now_ms: int) -> None:
        """A picture was taken at ``now_ms``."""
        self._picture = (scene, now_ms)

    def update(
        self, situation: Situation, now_ms: int, power: PowerManager,
        ground_altitude_m: float | None = None,
    ) -> list[Note]:
        """Collect a reply, stop one that must stop, begin the next when it is time.

        ``ground_altitude_m`` is where the flight began; without it, the last altitude in GROUND.
        """
        if ground_altitude_m is not None:
            self._ground_altitude_m = ground_altitude_m
        elif situation.phase is Phase.GROUND and situation.altitude_m is not None:
            self._ground_altitude_m = situation.altitude_m
        if self._mind is None:
            return self._without_mind(situation)
        self.musing_due.update(situation, power, self._ground_altitude_m, self.is_busy)
        if self._firsts.is_due(now_ms):
            facts = self._facts(situation, power)
            self._firsts.observe(facts, now_ms)
            self.musing_due.observe(facts, self._firsts.fresh)
        notes: list[Note] = []
        if self._thought is not None:
            notes += self._collect(self._mind, self._thought, now_ms)
        if not power.may_think:
            self._stop(self._mind, now_ms)
        notes += [self._reply(question, NO_VOICE, situation)
                  for question in self._questions.late(now_ms)]
        if power.may_think and self._thought is None:
            self._is_owed = self.musing_due.is_due(self.section, power, now_ms) or self._is_owed
            is_wanted = self._is_owed or self._questions.first is not None
            if is_wanted and now_ms >= self._retry_ms:
                notes += self._begin(self._mind, situation, now_ms, power)
        return notes

    def _begin(
        self, mind: Mind, situation: Situation, now_ms: int, power: PowerManager
    ) -> list[Note]:
        """Start the first question, or the musing that is owed; a note only when that fails."""
        question = self._questions.first
        thought = self._compose(situation, question, now_ms, power)
        sampling, is_ranked = of_replies(self.sampling), True
        if question is None:
            sampling, is_ranked = self.sampling, power.may_rank_drafts
        request = MindRequest(
            request_id=thought.request_id,
            prefix=self._prefix,
            suffix=suffix(thought.moment, thought.memory),
            plain_suffix=suffix(PLAIN) if is_ranked else "",
            drafts=sampling.drafts if is_ranked else min(sampling.drafts, DRAFTS_UNRANKED),
            sentences_max=sampling.sentences_max,
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            min_p=sampling.min_p,
            seed=self._rng.getrandbits(31),
            earlier=[exchange(turn.question, turn.answer or "") for turn in thought.thread],
            is_brief=question is not None,
        )
        try:
            is_taken = mind.start(request, now_ms)
        except (PortError, OSError) as error:
            return self._lose(type(error).__name__, now_ms)
        if not is_taken:
            return self._refused(now_ms)
        self._refused_since_ms = None
        self._thought = thought
        self.musing_due.note_thought(now_ms)
        if question is None:
            return []
        self._questions.take()
        has_begun, question.has_begun = question.has_begun, True
        return [] if has_begun else [event("question_begun", question_id=question.question_id)]

    def _compose(
        self, situation: Situation, question: Question | None, now_ms: int, power: PowerManager
    ) -> _Thought:
        facts = self._facts(situation, power)
        question_text = None if question is None else question.text
        news = None if question is not None else self._firsts.news(facts, self._tried_topics)
        memory = answering = None
        if question_text is not None:
            about = "question"
        elif news is not None:
            about, memory = TOPIC_OF[news], self._firsts.last_line(news)
        else:
            about = topics.choose(facts, [*self._recent_topics, *self._tried_topics], self._rng)
            if about not in topics.URGENT:
                answering = self._conversation.next(situation.utc_ms)
                about = about if answering is None else topics.ANSWER
        if self._memory is not None and memory is None:
            memory = self._memory.recall_for(
                about, question_text, list(self._recent_memories), self._rng)
        self._request_id += 1
        api_ms = self._api[2] if self._api is not None else None
        moment = replace(topics.moment(facts, about, question_text), news=news)
        if answering is None:
            heard = self._hearsay.for_thought(moment, situation.utc_ms)
            moment = replace(moment, heard=heard)
        else:
            moment = replace(moment, heard=answering.heard, api=None)
        thread: list[Exchange] = []
        if question is not None and question.tries < TRIES_MAX - 1:  # the last try is without
            thread = self._questions.thread(question)
        return _Thought(
            self._request_id, now_ms, situation, moment, memory, question, thread, api_ms,
            answering)

    def _facts(self, situation: Situation, power: PowerManager) -> topics.Facts:
        """The situation in the words of prompts; what is not fresh is left out."""
        bare = topics.Facts(situation)
        sun = sun_word(
            situation.utc_ms, situation.latitude_deg, situation.longitude_deg,
            situation.altitude_m if bare.height_m is not None else None)
        scene, picture_ms = self._picture if self._picture is not None else (None, None)
        if not bare.is_within(picture_ms, topics.SCENE_FRESH_S):
            scene = None
        api = None
        if self._api is not None:
            name, outcome, at_ms = self._api
            if at_ms != self._mused_api_ms and bare.is_within(at_ms, topics.API_FRESH_S):
                api = (name, outcome)
        return topics.Facts(
            situation=situation,
            ground_altitude_m=self._ground_altitude_m,
            sun=sun,
            cloud=topics.cloud_word(situation, scene, self._ground_altitude_m),
            battery=power.battery_word(),
            battery_changed_ms=power.changed_ms,
            api=api,
            picture_ms=picture_ms,
        )

    def _collect(self, mind: Mind, thought: _Thought, now_ms: int) -> list[Note]:
        """The reply to ``thought``, its failure or its deadline; other replies are dropped."""
        try:
            answer = mind.poll(now_ms)
        except (PortError, OSError) as error:
            return self._lose(type(error).__name__, now_ms)
        if answer is not None and answer.request_id == thought.request_id:
            if isinstance(answer, MindFailed):
                return self._lose(answer.reason, now_ms)
            assert isinstance(answer, MindReply)
            self.musing_due.note_reply(answer)
            return self._returned(now_ms) + self._judge(thought, answer)
        if now_ms - thought.started_ms >= self.section.deadline_s * 1000:
            _cancel(mind, now_ms)
            return self._lose("timeout", now_ms)
        return []

    def _judge(self, thought: _Thought, reply: MindReply) -> list[Note]:
        """Keep the best usable draft; if there is none, try again, three times in all."""
        self._thought = None
        question = thought.question
        text = self._choice.best(reply.drafts, thought.moment, thought.memory, thought.thread)
        if text is None:
            self.rejected += 1
            if question is None:
                self._try_again(thought.moment.about)
                return []
            return self._question_failed(question, thought.situation)
        disclosed = self._disclosure.take(thought.situation.phase)
        said_in = thought.situation, thought.moment
        notes = [] if disclosed is None else [spoken.musing(*said_in, disclosed)]
        if thought.memory is not None:
            self._recent_memories.append(thought.memory)
        if question is not None:
            return [*notes, self._reply(question, text, thought.situation, reply)]
        self._is_owed, self._tries = False, 0
        self._tried_topics.clear()
        self._recent_topics.append(thought.moment.about)
        self._firsts.note_musing(thought.moment, text)
        if thought.moment.api is not None:
            self._mused_api_ms = thought.api_ms
        return [*notes, spoken.musing(*said_in, text, reply, thought.answering)]

    def _try_again(self, about: str) -> None:
        self._tries += 1
        self._tried_topics.append(about)
        if self._tries >= TRIES_MAX:
            self._is_owed, self._tries = False, 0
            self._tried_topics.clear()
            self.given_up += 1

    def _question_failed(self, question: Question, situation: Situation) -> list[Note]:
        """Ask it again with another seed, or admit that there is no answer."""
        question.tries += 1
        if question.tries < TRIES_MAX:
            self._questions.put_back()
            return []
        return [self._reply(question, NO_VOICE, situation)]

    def _reply(
        self, question: Question, text: str, situation: Situation, reply: MindReply | None = None
    ) -> Note:
        """The answer, with what it cost; without a ``reply`` of the model it is canned."""
        self._questions.close(question, None if reply is None else text)
        return spoken.answer(situation, question, text, reply)

    def _lose(self, reason: str, now_ms: int) -> list[Note]:
        """The worker failed: wait longer each time, and say so once."""
        self._retry_ms = now_ms + self._backoff_ms
        self._backoff_ms = min(BACKOFF_MS_MAX, self._backoff_ms * 2)
        notes: list[Note] = []
        if self._lost_since_ms is None:
            self._lost_since_ms = now_ms
            name = "mind_timeout" if reason == "timeout" else "mind_lost"
            notes.append(event(name, "warning", reason=reason))
        thought, self._thought = self._thought, None
        if thought is not None and thought.question is not None:
            notes += self._question_failed(thought.question, thought.situation)
        return notes

    def _refused(self, now_ms: int) -> list[Note]:
        """The worker refused: it may be loading its model, which is no failure for two minutes."""
        self._retry_ms = now_ms + START_RETRY_MS
        if self._refused_since_ms is None:
            self._refused_since_ms = now_ms
        if now_ms - self._refused_since_ms < START_PATIENCE_MS:
            return []
        return self._lose("not_running", now_ms)

    def _returned(self, now_ms: int) -> list[Note]:
        self._backoff_ms = BACKOFF_MS_MIN
        since_ms, self._lost_since_ms = self._lost_since_ms, None
        return [] if since_ms is None else [
            event("mind_returned", lost_s=(now_ms - since_ms) // 1000)]

    def _stop(self, mind: Mind, now_ms: int) -> None:
        """Cancel the thought in progress; its question returns to the front of the queue."""
        thought, self._thought = self._thought, None
        if thought is None:
            return
        _cancel(mind, now_ms)
        if thought.question is not None:
            self._questions.put_back()

    def _without_mind(self, situation: Situation) -> list[Note]:
        notes: list[Note] = []
        if not self._has_reported_absent:
            self._has_reported_absent = True
            notes.append(event("mind_absent", "warning"))
        while (question := self._questions.first) is not None:
            notes.append(self._reply(question, NO_VOICE, situation))
        return notes


def _cancel(mind: Mind, now_ms: int) -> None:
    """Kill the worker, unless it has already ended."""
    with contextlib.suppress(PortError, OSError):
        mind.cancel(now_ms)
