"""The [ground.control_room] section of the mission file: the database that the stations of one
flight share. The payload does not use it.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field

from wire.mission_radio import Section

_FORM = "postgresql://USER@HOST/DATABASE"
_SECRET = frozenset(("password", "sslpassword"))  # of libpq's parameters


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"not an address of the form {_FORM}") from error
    options = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if parts.password is not None or "@" in parts.path or options & _SECRET:
        raise ValueError("the mission file is no place for a password; use password_file")
    if parts.scheme != "postgresql" or len(parts.path) < 2 or parts.fragment or port == 0:
        raise ValueError(f"not an address of the form {_FORM}")
    return url


class ControlRoomSection(Section):
    """``url`` is libpq's, without a password; after its ``?`` libpq's parameters, such as sslmode.
    """

    url: Annotated[str, Field(max_length=500, pattern=r"^[!-~]*$", description=(
        f"an address of the form {_FORM}, of at most 500 characters without blanks and accents"
    )), AfterValidator(_checked)]
    password_file: str = ""

    @property
    def shown(self) -> str:
        """Host and database, as people are shown them."""
        parts = urlsplit(self.url)
        return f"{parts.hostname or 'localhost'}{parts.path}"
