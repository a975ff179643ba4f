"""Spoken lines as records: a musing or a reply, with where it was thought and what it cost."""

from __future__ import annotations

from payload.mind import topics
from payload.mind.neighbour_talk import Answering
from payload.mind.question_queue import Question
from payload.notes import Note
from payload.ports import MindReply
from payload.prompt import Moment, senses_in_words
from payload.situation import Situation
from wire.record_bodies import MusingBody, ReplyBody
from wire.records import Kind


def musing(
    situation: Situation, moment: Moment, text: str, reply: MindReply | None = None,
    answering: Answering | None = None,
) -> Note:
    """The record of a musing, with the position where it began; an unknown one is omitted.

    Without a ``reply`` of the model it is canned, and about itself. ``answering`` is what of a
    neighbour it answers.
    """
    body = MusingBody(text=text, about="self" if reply is None else moment.about,
                      senses=senses_in_words(moment), by="canned" if reply is None else "model")
    if reply is not None:
        body |= {"tok": reply.reply_tokens, "ms": reply.elapsed_ms}
    if topics.Facts(situation).height_m is not None:
        assert situation.altitude_m is not None
        body["alt"] = round(situation.altitude_m)
        if situation.latitude_deg is not None and situation.longitude_deg is not None:
            body["lat"] = round(situation.latitude_deg * 1e7)
            body["lon"] = round(situation.longitude_deg * 1e7)
    if answering is not None:
        body["answers"] = list(answering.musing)
    return Note(Kind.MUSING, body)


def answer(
    situation: Situation, question: Question, text: str, reply: MindReply | None = None
) -> Note:
    """The record of an answer; without a ``reply`` of the model it is canned."""
    body = ReplyBody(text=text, question=question.text, question_id=question.question_id,
                     by="canned" if reply is None else "model")
    if reply is not None:
        body |= {"tok": reply.reply_tokens, "ms": reply.elapsed_ms}
    if topics.Facts(situation).height_m is not None and situation.altitude_m is not None:
        body["alt"] = round(situation.altitude_m)
    return Note(Kind.REPLY, body)
