"""A bound on what libraries log: the same message once in EVERY_S, and then how many there were."""

from __future__ import annotations

import logging

EVERY_S = 60.0
MESSAGES_MAX = 256  # that are known apart; beyond them all are forgotten
LOGGERS = ("uvicorn.error", "uvicorn.asgi", "asyncio")


class OncePerInterval(logging.Filter):
    """For one logger. Messages are the same whose first line is, before anything is put into it."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, tuple[float, int]] = {}  # when, and how many were held back since

    def filter(self, record: logging.LogRecord) -> bool:
        message = str(record.msg).partition("\n")[0]
        said_s, held_back = self._said.get(message, (None, 0))
        if said_s is not None and 0 <= record.created - said_s < EVERY_S:
            self._said[message] = (said_s, held_back + 1)
            return False
        if len(self._said) >= MESSAGES_MAX:
            self._said.clear()
        self._said[message] = (record.created, 0)
        if held_back:
            words = record.getMessage().rstrip()
            record.msg, record.args = f"{words} ({held_back} like this were not logged)", ()
        return True


def bound_logs() -> None:
    """Put one before each logger of a library that writes whatever a stranger makes it write."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(OncePerInterval())
