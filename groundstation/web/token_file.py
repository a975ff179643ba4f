"""The tokens of the page in a file beside the archive, private to its owner.

They outlive a restart, so that the phones of a flight need no new link; a new file revokes them.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

from groundstation.errors import StationError
from groundstation.sanitise import read_json, to_json
from groundstation.web.access import Tokens

NAME = "access-tokens.json"
TOKEN_BYTES = 16
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22,64}")


def load(folder: Path) -> Tokens | None:
    """The tokens in ``folder``; None where there is no such file.

    Raises StationError when it cannot be read, others can read it, or it contains no tokens.
    """
    path = folder / NAME
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StationError(f"{path}: cannot be read ({error.strerror})") from error
    if mode & 0o077:
        raise StationError(f"{path}: other users can read these tokens (mode {mode:04o}); allowed "
                           f"is 0600: `spacepi-ground links --new` replaces them")
    try:
        found = read_json(data)
        viewer, operator = found["viewer"], found["operator"]
    except (ValueError, KeyError, TypeError):
        viewer = operator = ""
    are_tokens = all(isinstance(each, str) and _TOKEN.fullmatch(each)
                     for each in (viewer, operator))
    if not are_tokens or viewer == operator:
        raise StationError(f"{path}: does not contain two different tokens; "
                           "`spacepi-ground links --new` replaces it")
    return Tokens(viewer, operator)


def create(folder: Path) -> Tokens:
    """New tokens in ``folder``, in place of those that are there. Raises StationError."""
    path, new = folder / NAME, folder / f"{NAME}.new"
    tokens = Tokens(secrets.token_urlsafe(TOKEN_BYTES), secrets.token_urlsafe(TOKEN_BYTES))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(to_json({"viewer": tokens.viewer, "operator": tokens.operator}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise StationError(f"{path}: cannot be written ({error.strerror})") from error
    return tokens
