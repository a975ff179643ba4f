"""Read a JSON export, and say in one sentence what is wrong with it when it cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from host_training.errors import TrainingError


def read_json(path: Path, what: str) -> Any:
    """The parsed file.

    Args:    what: what the file should be, for the sentence, e.g. "a Telegram JSON export".
    Raises:  TrainingError when it is missing, not UTF-8, HTML, cut short or not JSON.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TrainingError(
            f"{path}: cannot be read ({error.strerror}); expected {what}.") from error
    except UnicodeDecodeError as error:
        raise TrainingError(f"{path}: byte {error.start} is not UTF-8; expected {what}.") from error
    head = text.lstrip()[:200].lower()
    if head.startswith(("<!doctype", "<html")):
        raise TrainingError(f"{path}: this is HTML; export again and choose JSON to get {what}.")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if not text[error.pos :].strip() or "Unterminated" in error.msg:
            raise TrainingError(
                f"{path}: the file ends in the middle (line {error.lineno}), the export or the copy"
                f" was cut short; expected {what}."
            ) from error
        raise TrainingError(
            f"{path}: line {error.lineno} column {error.colno} is not JSON ({error.msg});"
            f" expected {what}."
        ) from error
    except RecursionError as error:
        raise TrainingError(f"{path}: nested too deeply to be {what}.") from error
    except ValueError as error:
        raise TrainingError(f"{path}: holds a number too long to be {what}.") from error
