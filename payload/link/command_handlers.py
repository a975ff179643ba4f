"""Command handlers: execute each genuine command and answer it with one COMMAND_RESULT.

Each opcode has a row in ``_HANDLERS``. A handler either does what is asked and returns None, or
does nothing and returns the reason in a few words. No command carries a path, a shell word or
anything that is evaluated.

A command whose answer got lost comes again with the same counter: it never runs twice, its answer
goes out once more.

Does not cover: which frames are accepted (``payload.link.uplink_gate``), when the wire may be
heated (``payload.cutdown``), what a setting may be (``payload.link.settings``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from payload.api_client import ApiClient
from payload.camera.camera import CameraManager
from payload.cutdown import Cutdown
from payload.hearsay import Hearsay
from payload.link import pass_plan, uplink_gate
from payload.link.downlink import Downlink
from payload.link.pass_plan import PassPlan
from payload.link.settings import FlightSettings
from payload.mind.mind import MindManager
from payload.navigation.clock import MissionClock
from payload.navigation.phase import PhaseMachine
from payload.notes import Note, event
from payload.power.power import PowerManager
from payload.prompt import strip_control
from payload.safe_mode import StartHistory
from payload.storage.durable_store import Store
from wire import auth
from wire.beacon import Phase
from wire.commands import Opcode, opcode_of
from wire.frames import CommandFrame
from wire.record_bodies import CommandResultBody, QuestionBody
from wire.records import EPOCH_2025_MS, Kind
from wire.settings import BY_NUMBER
from wire.sources import GROUND

MINUTE_MS = 60_000
REPEAT_EVERY_MS = 30_000  # an answer goes again; a replayed frame must not fill the downlink
AT_REST = frozenset((Phase.BOOT, Phase.GROUND, Phase.LANDED))
_ANSWERED_KEY = "answered"  # station -> counter of its last command, id of the answer
_SETTINGS_KEY = "settings"
_SWITCHES_KEY = "switches"
# What makes the payload safe is executed before its arrival is durable: executed again after a
# power cut it does no harm. With each, the commands that may still wait and must not be executed
# after it.
URGENT: dict[Opcode, frozenset[Opcode]] = {
    Opcode.CUTDOWN_ABORT: frozenset((Opcode.CUTDOWN_ARM, Opcode.CUTDOWN_FIRE)),
    Opcode.TX_OFF: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What commands act on."""

    store: Store
    clock: MissionClock
    phase: PhaseMachine
    power: PowerManager
    mind: MindManager
    camera: CameraManager
    api: ApiClient
    downlink: Downlink
    settings: FlightSettings
    starts: StartHistory
    cutdown: Cutdown
    hearsay: Hearsay
    passes: PassPlan


@dataclass(frozen=True, slots=True)
class RunningCommand:
    """One command that is run now."""

    counter: int
    now_ms: int
    arguments: tuple[int | str, ...]

    def number(self, index: int = 0) -> int:
        return int(self.arguments[index])


class CommandRunner:
    """One per boot."""

    def __init__(self, parts: Parts) -> None:
        """Settings and switches are as the last boot left them."""
        self.is_ending = False  # the daemon is to end in order, and to be started again
        self.parts = parts
        self.notes: list[Note] = []  # what handlers have to tell besides their result
        self._is_silent = False
        self._repeat_due_ms = 0
        saved = parts.store.get(_SWITCHES_KEY)
        switches = saved if isinstance(saved, dict) else {}
        parts.power.is_mind_on = switches.get("mind") is not False
        parts.power.is_camera_on = switches.get("camera") is not False
        self.apply_settings()

    def run(self, frame: CommandFrame, now_ms: int) -> list[Note]:
        """Do it, once; the answer is the last of the notes."""
        command = uplink_gate.parse(frame)
        if isinstance(command, str):
            return [_result(frame, "unknown", command)]
        running = RunningCommand(frame.counter, now_ms, command.arguments)
        refusal = _HANDLERS[command.opcode](self, running)
        notes, self.notes = self.notes, []
        return [*notes, _result(frame, command.opcode.name.lower(), refusal)]

    def withdraw(self, frame: CommandFrame) -> list[Note]:
        """It was accepted and is not executed: an urgent command that came later was executed
        first."""
        opcode = opcode_of(frame.body)
        name = "unknown" if opcode is None else opcode.name.lower()
        return [_result(frame, name, "withdrawn by a later command")]

    def note_answer(self, counter: int, record_id: int) -> None:
        """The answer to the command of this counter is that record; known across a reboot."""
        answered = self.parts.store.get(_ANSWERED_KEY, {})
        station = counter % auth.STATIONS_MAX
        self.parts.store.put(_ANSWERED_KEY, {**answered, station: [counter, record_id]})

    def repeat(self, frame: CommandFrame, now_ms: int) -> None:
        """The last command of a station came again: its answer is repeated, at most every
        REPEAT_EVERY_MS."""
        counter, record_id = self.parts.store.get(_ANSWERED_KEY, {}).get(frame.station, (0, 0))
        if frame.counter == counter and now_ms >= self._repeat_due_ms:
            self._repeat_due_ms = now_ms + REPEAT_EVERY_MS
            self.parts.store.send_again([record_id])

    def update(self, heard_age_ms: int, now_ms: int) -> list[Note]:
        """Let time pass: TX_OFF ends, and radio settings are reset when no station is heard.

        ``heard_age_ms``: since the ground was last heard, or since the boot. Changed settings came
        from a station, so a boot in which none is heard counts as silence too.
        """
        parts = self.parts
        notes = parts.settings.update(heard_age_ms, parts.phase.phase not in AT_REST)
        if notes:
            self.apply_settings()
        is_silent = parts.downlink.is_silent(now_ms)
        if self._is_silent and not is_silent:
            notes.append(event("tx_on"))
        self._is_silent = is_silent
        return notes

    def apply_settings(self) -> None:
        """Every part follows what holds now; the store keeps what was changed."""
        parts = self.parts
        mission = parts.settings.mission
        parts.downlink.follow(mission)
        parts.mind.section = mission.mind
        parts.camera.set_interval(mission.cadence.picture_s)
        parts.api.set_interval(mission.cadence.api_s)
        parts.store.put(_SETTINGS_KEY, parts.settings.saved())

    def save_switches(self) -> None:
        power = self.parts.power
        self.parts.store.put(
            _SWITCHES_KEY, {"mind": power.is_mind_on, "camera": power.is_camera_on})


def saved_settings(store: Store) -> Any:
    """What ``FlightSettings`` takes as saved."""
    return store.get(_SETTINGS_KEY)


def _result(frame: CommandFrame, name: str, refusal: str | None) -> Note:
    body = CommandResultBody(counter=frame.counter, command=name, result="ok")
    if refusal:
        body |= {"result": "refused", "why": refusal}
    return Note(Kind.COMMAND_RESULT, body)


def _ping(runner: CommandRunner, command: RunningCommand) -> None:
    """Does nothing: the COMMAND_RESULT is the reply."""


def _ask(runner: CommandRunner, command: RunningCommand) -> str | None:
    return _take_question(runner, command.number(), str(command.arguments[1]))


def _follow_up(runner: CommandRunner, command: RunningCommand) -> str | None:
    return _take_question(
        runner, command.number(), str(command.arguments[2]), follows=command.number(1))


def _take_question(
    runner: CommandRunner, question_id: int, text: str, follows: int | None = None
) -> str | None:
    """One that is here already was asked again because nobody heard that it had arrived."""
    if runner.parts.mind.knows(question_id):
        return None
    if not runner.parts.mind.ask(question_id, text, follows):
        is_empty = not strip_control(text)
        return "nothing readable in it" if is_empty else "too many questions wait"
    runner.notes.append(Note(Kind.QUESTION, QuestionBody(question_id=question_id, text=text)))
    return None


def _beacon_now(runner: CommandRunner, command: RunningCommand) -> None:
    runner.parts.downlink.beacon_now(command.now_ms)


def _muse_now(runner: CommandRunner, command: RunningCommand) -> str | None:
    if not runner.parts.power.is_mind_on:
        return "the mind is switched off"
    runner.parts.mind.muse_now()
    return None


def _picture_now(runner: CommandRunner, command: RunningCommand) -> str | None:
    if not runner.parts.power.is_camera_on:
        return "the camera is switched off"
    runner.parts.camera.take_now()
    return None


def _plain_text(runner: CommandRunner, command: RunningCommand) -> str | None:
    return runner.parts.downlink.queue.send_plain_text(command.number()) or None


def _status(runner: CommandRunner, command: RunningCommand) -> None:
    parts = runner.parts
    runner.notes.append(event(
        "status", uptime_s=command.now_ms // 1000, boot=parts.store.boot,
        phase=parts.phase.phase.name.lower(), power=parts.power.mode.name.lower(),
        safe=parts.starts.is_safe, mind=parts.power.is_mind_on, camera=parts.power.is_camera_on,
        clock=parts.clock.quality.name.lower(), cutdown=parts.cutdown.stage.value,
        changed=sorted(parts.settings.saved()),
    ))


def _setting_get(runner: CommandRunner, command: RunningCommand) -> str | None:
    number = command.number()
    if number not in BY_NUMBER:
        return "there is no such setting"
    value = runner.parts.settings.value(number)
    name = BY_NUMBER[number].name
    runner.notes.append(event("setting", number=number, setting=name, value=value))
    return None


def _setting_set(runner: CommandRunner, command: RunningCommand) -> str | None:
    refusal = runner.parts.settings.change(command.number(), command.number(1))
    if refusal is None:
        runner.apply_settings()
    return refusal


def _muse_enable(runner: CommandRunner, command: RunningCommand) -> None:
    runner.parts.power.is_mind_on = bool(command.number())
    runner.save_switches()


def _camera_enable(runner: CommandRunner, command: RunningCommand) -> None:
    runner.parts.power.is_camera_on = bool(command.number())
    runner.save_switches()


def _time_set(runner: CommandRunner, command: RunningCommand) -> str | None:
    utc_ms = EPOCH_2025_MS + 1000 * command.number()
    return runner.parts.clock.set_by_command(utc_ms, command.now_ms)


def _tx_off(runner: CommandRunner, command: RunningCommand) -> None:
    """Never refused: whoever is responsible for the transmitter must be able to stop it."""
    runner.parts.downlink.go_silent(command.now_ms + command.number() * MINUTE_MS)
    runner.notes.append(event("tx_off", "warning", minutes=command.number()))


def _reboot(runner: CommandRunner, command: RunningCommand) -> str | None:
    if runner.parts.starts.is_safe:
        return "in SAFE: it leaves by itself"
    if runner.parts.cutdown.is_armed:
        return "the cutdown is armed"
    runner.is_ending = True
    return None


def _safe_enter(runner: CommandRunner, command: RunningCommand) -> str | None:
    if runner.parts.starts.is_safe:
        return "in SAFE already"
    runner.parts.starts.command_safe(True, command.now_ms)
    runner.notes.append(event("safe_entered", "warning", by="command"))
    return None


def _safe_exit(runner: CommandRunner, command: RunningCommand) -> str | None:
    if not runner.parts.starts.is_safe:
        return "not in SAFE"
    runner.parts.starts.command_safe(False, command.now_ms)
    runner.notes.append(event("safe_left", by="command"))
    return None


def _cutdown_arm(runner: CommandRunner, command: RunningCommand) -> str | None:
    return runner.parts.cutdown.arm(command.counter, runner.parts.phase.phase, command.now_ms)


def _cutdown_fire(runner: CommandRunner, command: RunningCommand) -> str | None:
    return runner.parts.cutdown.fire(command.counter, runner.parts.phase.phase, command.now_ms)


def _cutdown_abort(runner: CommandRunner, command: RunningCommand) -> None:
    runner.parts.cutdown.abort()


def _answer(runner: CommandRunner, command: RunningCommand) -> str | None:
    text = str(command.arguments[1])
    found = runner.parts.api.answer(command.number(), text, command.now_ms)
    if isinstance(found, str):
        return found
    runner.notes.append(found)
    return None


def _note(runner: CommandRunner, command: RunningCommand) -> str | None:
    text = strip_control(str(command.arguments[0]))
    if not text:
        return "nothing readable in it"
    runner.parts.hearsay.note(GROUND, text, runner.parts.clock.utc_ms(command.now_ms))
    return None


def _elements(runner: CommandRunner, command: RunningCommand) -> str | None:
    parts, text = runner.parts, str(command.arguments[0])
    refusal = parts.passes.take(text, *parts.clock.stamp(command.now_ms))
    if refusal is None:
        parts.store.put(pass_plan.KEY, parts.passes.saved())
    return refusal


def _hearsay_list(runner: CommandRunner, command: RunningCommand) -> None:
    runner.notes += runner.parts.hearsay.listed()


def _hearsay_forget(runner: CommandRunner, command: RunningCommand) -> str | None:
    is_forgotten = runner.parts.hearsay.forget(command.number())
    return None if is_forgotten else "nothing is kept under that number"


_HANDLERS: dict[Opcode, Callable[[CommandRunner, RunningCommand], str | None]] = {
    Opcode.PING: _ping,
    Opcode.ASK: _ask,
    Opcode.FOLLOW_UP: _follow_up,
    Opcode.BEACON_NOW: _beacon_now,
    Opcode.MUSE_NOW: _muse_now,
    Opcode.PICTURE_NOW: _picture_now,
    Opcode.PLAIN_TEXT: _plain_text,
    Opcode.STATUS: _status,
    Opcode.SETTING_GET: _setting_get,
    Opcode.SETTING_SET: _setting_set,
    Opcode.MUSE_ENABLE: _muse_enable,
    Opcode.CAMERA_ENABLE: _camera_enable,
    Opcode.TIME_SET: _time_set,
    Opcode.TX_OFF: _tx_off,
    Opcode.REBOOT: _reboot,
    Opcode.SAFE_ENTER: _safe_enter,
    Opcode.SAFE_EXIT: _safe_exit,
    Opcode.CUTDOWN_ARM: _cutdown_arm,
    Opcode.CUTDOWN_FIRE: _cutdown_fire,
    Opcode.CUTDOWN_ABORT: _cutdown_abort,
    Opcode.NOTE: _note,
    Opcode.ANSWER: _answer,
    Opcode.HEARSAY_LIST: _hearsay_list,
    Opcode.HEARSAY_FORGET: _hearsay_forget,
    Opcode.ELEMENTS: _elements,
}
assert set(_HANDLERS) == set(Opcode), "an opcode that nobody handles"
