"""Ten questions over the radio: each answer as the station heard it, for a reader to judge.

A flight of the mission's persona, 30 % loss in both directions, ten people who each ask one
question, from the pad to the meadow. Nothing here tells whether a reply is an answer: the table is
to be read. What is counted is how many replies arrive in the persona's own words, and how long the
asker waits for them.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import musing_flights
from bench.report import Figure
from groundstation.archive import outbox, threads
from groundstation.reading import conversations
from groundstation.reading.reader import FlightReader
from sim.world import MindKind, PersonaParts, World
from wire import mission
from wire.bundle import BundleError
from wire.mission import Mission

MISSION = Path(__file__).resolve().parent.parent / "mission.toml"
SEED = 7
FIRST_S = 420.0
QUESTIONS = (
    "Are you ready to go?",
    "How cold is it where you are?",
    "Can you still see the ground?",
    "What do you hear up there?",
    "Do you like being a machine?",
    "Is the sun still with you?",
    "What are you going to do when you are home?",
    "Did anybody answer you today?",
    "How is your battery?",
    "Where did you come down?",
)
WAIT_S_MAX = 1_200.0  # after the last question


class HeardReply(NamedTuple):
    """What became of one question; ``text`` is None while no answer was heard."""

    question: str
    text: str | None
    is_own: bool  # in the words of the model
    waited_s: float | None


def run(out_dir: Path) -> list[Figure]:
    """Print questions and replies. Without the assembled persona there is nothing to measure."""
    plan = mission.load(MISSION)
    try:
        flying = musing_flights.load_mind("flying", MISSION.parent / plan.mind.bundle, plan)
    except BundleError as error:
        print(f"replies: not measured. {error}")
        return []
    return figures(heard_replies(plan, "real", PersonaParts.of(flying.persona)))


def figures(replies: list[HeardReply]) -> list[Figure]:
    """Print the table, and count."""
    print("\n| asked | after | replied |\n|---|---|---|")
    for reply in replies:
        waited = "" if reply.waited_s is None else f"{reply.waited_s:.0f} s"
        print(f"| {reply.question} | {waited} | {reply.text or 'nothing'} |")
    waits_s = [reply.waited_s for reply in replies if reply.waited_s is not None]
    own = sum(reply.is_own for reply in replies)
    return [
        Figure("replies in own words, heard at the station, of ten questions", own, "replies", 10),
        Figure("from question to reply, median", median(waits_s) if waits_s else 0.0, "s"),
    ]


def heard_replies(plan: Mission, kind: MindKind, persona: PersonaParts) -> list[HeardReply]:
    """Fly, and ask QUESTIONS at equal distances, each by another person."""
    rare = plan.mind.model_copy(update={"every_s": 3600})
    with tempfile.TemporaryDirectory() as folder:
        world = World(
            plan.model_copy(update={"mind": rare}), SEED, kind, Path(folder), None, persona)
        step_s = (world.end_s - WAIT_S_MAX - FIRST_S) / (len(QUESTIONS) - 1)
        for number, question in enumerate(QUESTIONS):
            world.at(round(1000 * (FIRST_S + number * step_s)),
                     partial(_ask, world, question, f"reader {number}"))
        try:
            world.run_until(world.end_s)
            reader = FlightReader(world.archive_path, plan)
            replies = [_reply(reader, number) for number in range(len(QUESTIONS))]
            reader.close()
        finally:
            world.close()
    return replies


def _ask(world: World, question: str, asker: str) -> None:
    assert world.ground is not None
    world.ground.ask(question, world.air.ground_utc_ms, asker)


def _reply(reader: FlightReader, number: int) -> HeardReply:
    (entry,) = threads.of_person(reader.db, f"reader {number}", 1)
    reply = conversations.answers_to({entry.command_id}, reader.replies).get(entry.command_id)
    if reply is None:
        return HeardReply(QUESTIONS[number], None, False, None)
    current = outbox.one(reader.db, entry.command_id)
    answered_ms = None if current is None else current.answered_ms
    waited_s = None if answered_ms is None else (answered_ms - entry.created_ms) / 1000
    return HeardReply(QUESTIONS[number], reply["text"], reply["by"] == "model", waited_s)
