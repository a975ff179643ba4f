"""Changes keys of one section of a mission file; every comment and every other line stays.

The file is edited as lines, for no TOML library on the Pi keeps comments. What comes out is parsed,
and is refused unless it says what was wanted: a file in another style is left alone.
"""

from __future__ import annotations

import re
import tomllib

from payload.scan.connected import Value, written

_HEADER = re.compile(r"^\s*\[")
_COMMENT_COLUMN = 29  # where the example mission has its comments


class NotEditable(Exception):
    """The file is not laid out so that it can be edited; the message is one sentence."""


def edited(text: str, section: str, wanted: dict[str, Value | None]) -> str:
    """``text`` with the keys of ``section`` as ``wanted``; None removes a key.

    Raises NotEditable where the result would not say so.
    """
    lines = text.splitlines()
    start, end = _bounds(lines, section)
    body = lines[start:end]
    for key, value in wanted.items():
        body = _with_key(body, key, value)
    result = "\n".join([*lines[:start], *body, *lines[end:]]) + "\n"
    if not _says(result, section, wanted) or not _keeps(text, result, section, wanted):
        raise NotEditable(f"the section [{section}] is not laid out as in the example mission")
    return result


def _bounds(lines: list[str], section: str) -> tuple[int, int]:
    """The lines behind the header of ``section``, without empty ones at their end."""
    header = re.compile(rf"^\s*\[\s*{section}\s*\]\s*(#.*)?$")
    start = next((n + 1 for n, line in enumerate(lines) if header.match(line)), None)
    if start is None:
        lines += ["", f"[{section}]"]
        return len(lines), len(lines)
    end = next((n for n in range(start, len(lines)) if _HEADER.match(lines[n])), len(lines))
    while end > start and not lines[end - 1].strip():
        end -= 1
    return start, end


def _with_key(body: list[str], key: str, value: Value | None) -> list[str]:
    there = next((n for n, line in enumerate(body) if re.match(rf"^\s*{key}\s*=", line)), None)
    if there is not None:
        kept = [] if value is None else [_line(key, value, body[there])]
        return [*body[:there], *kept, *body[there + 1 :]]
    if value is None:
        return body
    example = re.compile(rf"^\s*#\s*{key}\s*=")
    shown = next((n for n, line in enumerate(body) if example.match(line)), None)
    if shown is not None:  # the example of it, a comment until now
        return [*body[:shown], _line(key, value, body[shown].lstrip("# ")), *body[shown + 1 :]]
    return [*body, written(key, value)]


def _line(key: str, value: Value, before: str) -> str:
    """The key with its new value and the comment that it had."""
    found = re.match(r"""^[^=]*=\s*(?:"[^"]*"|'[^']*'|[^#"']*?)\s*(#.*)?$""", before)
    comment = found[1] if found is not None else None
    line = written(key, value)
    return line if comment is None else f"{line:<{_COMMENT_COLUMN - 1}} {comment}"


def _says(text: str, section: str, wanted: dict[str, Value | None]) -> bool:
    found = _table(text).get(section, {})
    return all(found.get(key) == value for key, value in wanted.items())


def _keeps(before: str, after: str, section: str, wanted: dict[str, Value | None]) -> bool:
    """Nothing but the wanted keys differs."""
    old, new = _table(before), _table(after)
    for table in (old, new):
        part = table.setdefault(section, {})
        table[section] = {key: value for key, value in part.items() if key not in wanted}
    return old == new


def _table(text: str) -> dict[str, dict[str, object]]:
    try:
        return tomllib.loads(text)
    except ValueError:
        return {}
