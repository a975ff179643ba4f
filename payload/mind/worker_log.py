"""The mind worker's log: one JSON object a line on standard error, which systemd keeps.

As structlog writes it in the other processes; here its imports (asyncio, TLS, a terminal's colours)
would take 7 MB of the memory that the worker shares with the model.
"""

from __future__ import annotations

import json
import logging
import sys

_log = logging.getLogger("mind_worker")


def start() -> None:
    """Write from now on; a full log does not end the worker."""
    logging.raiseExceptions = False
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")


def info(event: str, **fields: object) -> None:
    _write(logging.INFO, event, fields)


def warning(event: str, **fields: object) -> None:
    _write(logging.WARNING, event, fields)


def error(event: str, **fields: object) -> None:
    _write(logging.ERROR, event, fields)


def _write(level: int, event: str, fields: dict[str, object]) -> None:
    _log.log(level, json.dumps(
        {**fields, "event": event, "level": logging.getLevelName(level).lower()}, default=repr))
