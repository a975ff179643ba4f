"""The flight on a terminal: diary, last position, link, alarms, and a line to ask something.

It reads the archive of the running station once a second, as the page's readers do, and queues a
question as the page does. It is a program of its own: leaving it does not affect the station.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, Static

from groundstation.outbox_desk import Answer
from groundstation.sanitise import clean_text
from groundstation.tui import wording
from groundstation.tui.snapshot import Snapshot
from wire.commands import QUESTION_BYTES_MAX

LOOK_EVERY_S = 1.0
WIDE = 120  # columns from which the readings stand beside the diary
_TITLES = {"place": "Position", "landing": "Landing", "payload": "The payload",
           "station": "This station", "letters": "On the way"}


class FlightScreen(App[None]):
    """``look`` gives the newest state and raises sqlite3.Error, ``ask`` queues a question."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "Quit", priority=True), Binding("ctrl+q", "quit", "Quit"),
        Binding("pageup", "page(-1)"), Binding("pagedown", "page(1)"),
    ]
    CSS = """
    Screen { background: $background; }
    Static { height: auto; }
    #strip { padding: 0 1; background: $surface; }
    #alarms { padding: 0 1; max-height: 6; }
    #body { height: 1fr; }
    #diary { width: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    #readings { height: auto; padding: 0 1; }
    .-narrow #body { layout: vertical; }
    .-narrow #readings { max-height: 8; border-bottom: solid $surface-lighten-2; }
    .-narrow #diary { height: 1fr; }
    .-narrow .title { display: none; }
    .-narrow #letters { display: none; }
    .-wide #readings { width: 48; height: 1fr; border-right: solid $surface-lighten-2; }
    .-wide #readings Static { margin-bottom: 1; }
    .title { color: $text-muted; text-style: italic; }
    .-wide #readings .title { margin-bottom: 0; }
    .empty { display: none; }
    #note { padding: 0 1; color: $text-muted; }
    #question { border: none; height: 1; padding: 0 1; background: $surface; }
    """

    def __init__(
        self, look: Callable[[int], Snapshot], ask: Callable[[str], Answer],
        now_ms: Callable[[], int],
    ) -> None:
        super().__init__()
        self._look = look
        self._ask = ask
        self._now_ms = now_ms
        self._snapshot: Snapshot | None = None
        self._diary: tuple[Any, ...] | None = None
        self._rung: frozenset[tuple[str, int]] = frozenset()

    def compose(self) -> ComposeResult:
        yield Static(id="strip", markup=False)
        yield Static(id="alarms", markup=False)
        with Horizontal(id="body"):
            with Vertical(id="readings"):
                for name, title in _TITLES.items():
                    yield Static(title, id=f"{name}-title", classes="title", markup=False)
                    yield Static(id=name, markup=False)
            with VerticalScroll(id="diary", can_focus=False):
                yield Static(id="lines", markup=False)
        yield Static(id="note", markup=False)
        yield Input(placeholder="Ask it something, and press Enter. PgUp and PgDn turn the diary, "
                                "Ctrl-C leaves.", id="question")

    def on_mount(self) -> None:
        self.query_one("#diary", VerticalScroll).anchor()
        self.query_one("#question").focus()
        self.show_newest()
        self.set_interval(LOOK_EVERY_S, self.show_newest)

    def show_newest(self) -> None:
        """Look again; what cannot be read now keeps what was shown, and says so."""
        now_ms = self._now_ms()
        try:
            snapshot = self._snapshot = self._look(now_ms)
        except sqlite3.Error as error:
            self._show("station", f"The archive cannot be read: {clean_text(str(error), 120)}")
            return
        self._show("strip", wording.strip(snapshot, now_ms))
        self._show("alarms", wording.alarms(snapshot, now_ms))
        self._show("place", wording.place(snapshot, now_ms))
        self._show("landing", wording.landing(snapshot, now_ms))
        self._show("payload", wording.payload(snapshot))
        self._show("station", wording.station(snapshot, now_ms))
        self._show("letters", wording.letters(snapshot))
        if snapshot.diary is not self._diary:
            self._diary = snapshot.diary
            self.query_one("#lines", Static).update(
                wording.diary(snapshot) if snapshot.diary else "Nothing in the diary yet.")
        self._ring(snapshot)

    def _show(self, name: str, words: Any) -> None:
        self.query_one(f"#{name}", Static).update(words)
        for part in (f"#{name}", f"#{name}-title"):
            for node in self.query(part):
                node.set_class(not len(words), "empty")

    def _ring(self, snapshot: Snapshot) -> None:
        """The terminal's bell, once for each alarm that is raised."""
        raised = frozenset((alarm.rule, alarm.since_ms) for alarm in snapshot.alarms
                           if alarm.is_active)
        if raised - self._rung:
            self.bell()
        self._rung = raised

    def action_page(self, direction: int) -> None:
        diary = self.query_one("#diary", VerticalScroll)
        diary.scroll_relative(y=direction * max(1, diary.size.height - 2), animate=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Queue the question, and say what came of it in one sentence."""
        text = clean_text(event.value)
        if not text:
            return
        note = self.query_one("#note", Static)
        if len(text.encode()) > QUESTION_BYTES_MAX:
            note.update(f"A question has at most {QUESTION_BYTES_MAX} bytes; this has "
                        f"{len(text.encode())}.")
            return
        if self._snapshot is None or not self._snapshot.flight["can_transmit"]:
            note.update("This station has no key: it receives only and cannot send.")
            return
        try:
            answer = self._ask(text)
        except sqlite3.Error as error:
            note.update(f"It was not queued: {clean_text(str(error), 120)}")
            return
        is_queued, reply = answer.status == 201, answer.body
        note.update(f"“{text}” is queued." if is_queued else reply["error"])
        if is_queued:
            event.input.clear()
        self.show_newest()
