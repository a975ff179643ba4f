"""The handlers for an operator: questions, commands, withdrawals, the abort, acknowledgements."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from groundstation.outbox_desk import Answer, OutboxDesk
from groundstation.reading.alarms import AlarmBoard
from groundstation.sanitise import clean_text
from groundstation.web.http_json import as_json, origin, posted, refuse
from groundstation.web.http_security import RateLimit
from groundstation.web.reader_pool import ReaderPool
from groundstation.web.stream import Times
from wire.auth import COUNTER_MAX
from wire.commands import QUESTION_BYTES_MAX
from wire.mission import Mission

ASKS_PER_MINUTE = 6


class OperatorRoutes:
    """Writes into the outbox, through the threads of the pool."""

    def __init__(
        self, pool: ReaderPool, archive_path: Path, mission: Mission, times: Times,
        board: AlarmBoard,
    ) -> None:
        self._pool = pool
        self._outbox = OutboxDesk(archive_path, mission, times.now)
        self._times = times
        self._board = board
        self._limit = RateLimit(ASKS_PER_MINUTE, 60_000, times.now)

    async def ask(self, request: Request) -> Response:
        data = await posted(request)
        if isinstance(data, Response):
            return data
        text = clean_text(data.get("text"))
        if not 1 <= len(text.encode()) <= QUESTION_BYTES_MAX:
            return refuse(422, f"A question must have 1 to {QUESTION_BYTES_MAX} bytes.")
        refusal = await self._cannot_send()
        if refusal is not None:
            return refusal
        asker = origin(request)
        if not self._limit.take(asker):
            return refuse(429, "Too many questions; wait a minute.", **{"retry-after": "60"})
        return await self._write(lambda outbox: outbox.ask(text, asker))

    async def command(self, request: Request) -> Response:
        data = await posted(request)
        if isinstance(data, Response):
            return data
        name, arguments = data.get("name"), data.get("arguments", "")
        if not isinstance(name, str) or not isinstance(arguments, str):
            return refuse(422, "The body must contain the name of the command, and its arguments "
                               "as one text.")
        refusal = await self._cannot_send()
        return refusal or await self._write(
            lambda outbox: outbox.command(name, clean_text(arguments)))

    async def withdraw(self, request: Request) -> Response:
        data = await posted(request)
        if isinstance(data, Response):
            return data
        command_id = data.get("id")
        if not isinstance(command_id, int) or not 0 < command_id <= COUNTER_MAX:
            return refuse(422, "The body must contain the id of the command.")
        return await self._write(lambda outbox: outbox.withdraw(command_id))

    async def abort(self, request: Request) -> Response:
        data = await posted(request)
        if isinstance(data, Response):
            return data
        refusal = await self._cannot_send()
        return refusal or await self._write(lambda outbox: outbox.abort())

    async def acknowledge(self, request: Request) -> Response:
        data = await posted(request)
        if isinstance(data, Response):
            return data
        rule, since_ms = data.get("rule"), data.get("since_ms")
        if not isinstance(rule, str) or not isinstance(since_ms, int):
            return refuse(422, "The body must contain the rule of the alarm, and since when.")
        reasons = self._board.reasons(rule)
        if not self._board.acknowledge(rule, since_ms):
            return refuse(404, "There is no such alarm any more.")
        await self._pool.ask(lambda _: self._outbox.acknowledge(rule, reasons))
        return as_json(self._times.as_json())

    async def _write(self, act: Callable[[OutboxDesk], Answer]) -> Response:
        answer = await self._pool.ask(lambda _: act(self._outbox))
        return as_json(answer.body, answer.status)

    async def _cannot_send(self) -> Response | None:
        if not await self._pool.ask(lambda reader: reader.flight()["can_transmit"]):
            return refuse(409, "This station has no key: it receives only and cannot send.")
        if self._times.is_over:
            return refuse(409, "The flight is over: the payload cannot answer any more.")
        return None
