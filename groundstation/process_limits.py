"""Limits of the whole process: open files, and lines in its log.

A library may still use select(), as pyserial does, and that fails on a descriptor of 1,024 and
above; with the bound there is none. The station's own parts take half of it at most.

Strangers can make libraries log at will: each message is logged once in LOG_EVERY_S, with the count
of those since.
"""

from __future__ import annotations

import logging
import resource

DESCRIPTORS_MAX = 1024
LOG_EVERY_S = 60.0
MESSAGES_MAX = 256  # that are known apart; beyond them all are forgotten
LOGGERS = ("uvicorn.error", "uvicorn.asgi", "asyncio")


def bound_process() -> None:
    """Set both bounds; fewer descriptors where this process may not have as many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = DESCRIPTORS_MAX if hard == resource.RLIM_INFINITY else min(DESCRIPTORS_MAX, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    for name in LOGGERS:
        logging.getLogger(name).addFilter(OncePerInterval())


class OncePerInterval(logging.Filter):
    """For one logger. Messages are the same whose first line is, before anything is put into it."""

    def __init__(self) -> None:
        super().__init__()
        self._logged: dict[str, tuple[float, int]] = {}  # when, and how many were held back since

    def filter(self, record: logging.LogRecord) -> bool:
        message = str(record.msg).partition("\n")[0]
        logged_s, held_back = self._logged.get(message, (None, 0))
        if logged_s is not None and 0 <= record.created - logged_s < LOG_EVERY_S:
            self._logged[message] = (logged_s, held_back + 1)
            return False
        if len(self._logged) >= MESSAGES_MAX:
            self._logged.clear()
        self._logged[message] = (record.created, 0)
        if held_back:
            words = record.getMessage().rstrip()
            record.msg, record.args = f"{words} ({held_back} similar messages were not logged)", ()
        return True
