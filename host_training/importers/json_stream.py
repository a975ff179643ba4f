"""Streams JSON of any size in little memory, and recovers what is complete of a truncated file.

Only the containers named in ``descend`` are entered; every other value is parsed at once by the
standard library's C scanner, which makes this about as fast as ``json.loads`` and its memory that
of one message.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Container, Iterator
from typing import Any, BinaryIO, Final

from host_training.importers.text import declared_encoding
from host_training.importers.tree import UNREADABLE, File

BLOCK_BYTES = 1 << 18
VALUE_CHARS_MAX = 256_000_000  # a value that is never closed must not fill the memory
_NEAR_THE_END = 16  # characters: "tru", "12", "\\u12" and their like may go on in the next block

Path = tuple[str, ...]  # keys from the top; "*" is any item of a list


class Damaged(Exception):
    """The file is not JSON from here on; the text says where and how."""


class _Mark:
    """A container begins or ends."""


START: Final = _Mark()
END: Final = _Mark()

_DECODER = json.JSONDecoder(strict=False)  # a raw tab inside a string is a blemish, no more
_SPACE = " \t\r\n"
_ENDS = frozenset(" \t\r\n,]}:")


class _Cursor:
    """A moving window on the text of a stream."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        # bytes that are no character become lone surrogates, which ``mend`` takes out
        errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self.text = ""
        self.at = 0
        self._passed = 0
        self._is_end = False

    def fill(self) -> bool:
        """More text behind what is there; False at the end of the file."""
        if self._is_end:
            return False
        rest = len(self.text) - self.at
        # growing blocks, so that a long value is not parsed again for each small one
        data = self._stream.read(max(BLOCK_BYTES, rest))
        self._is_end = not data
        self._passed += self.at
        self.text = self.text[self.at :] + self._decoder.decode(data, final=not data)
        self.at = 0
        return True

    def peek(self) -> str:
        """The next character that is no white space; empty at the end of the file."""
        while True:
            while self.at < len(self.text):
                if self.text[self.at] not in _SPACE:
                    return self.text[self.at]
                self.at += 1
            if not self.fill():
                return ""

    def place(self) -> str:
        return f"character {self._passed + self.at}"

    def value(self) -> Any:
        """The whole value that begins here. Raises Damaged."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
                # a number may go on in the next block: "1", "1e", "1e5"
                is_whole = type(value) not in (int, float) or self.text[end : end + 1] in _ENDS
                if is_whole or not self.fill():
                    self.at = end
                    return value
            except json.JSONDecodeError as error:
                is_cut = "Unterminated" in error.msg or error.pos >= len(self.text) - _NEAR_THE_END
                if not is_cut:
                    raise Damaged(f"{self.place()}: not JSON ({error.msg})") from error
                if len(self.text) - self.at > VALUE_CHARS_MAX or not self.fill():
                    raise Damaged(f"{self.place()}: the file is truncated; the export or the copy "
                                  "is incomplete") from error
            except (RecursionError, ValueError) as error:  # nested too deeply, digits without end
                raise Damaged(f"{self.place()}: {type(error).__name__}, {error}") from error


def walk(file: File, descend: Container[Path]) -> Iterator[tuple[Path, Any]]:
    """Each value that is not entered, with its path, in order of the file.

    START and END come with the path of each container that is entered. A value at a path that is
    in ``descend`` but is no container comes as itself.

    Raises:  Damaged where the file stops being JSON, or cannot be read on; what came before it was
             whole.
    """
    try:
        with file.opened() as stream:
            cursor = _Cursor(stream, declared_encoding(file.head) or "utf-8")
            if not cursor.peek():
                raise Damaged("the file is empty")
            if cursor.peek() == "\ufeff":
                cursor.at += 1
            yield from _value(cursor, (), descend)
    except UNREADABLE as error:
        raise Damaged(f"cannot be read further ({error})") from error


def _value(cursor: _Cursor, path: Path, descend: Container[Path]) -> Iterator[tuple[Path, Any]]:
    first = cursor.peek()
    if path not in descend or first not in ("{", "["):
        yield path, cursor.value()
        return
    cursor.at += 1
    yield path, START
    close = "}" if first == "{" else "]"
    while (mark := cursor.peek()) != close:
        if mark == ",":
            cursor.at += 1
            continue  # a comma too many, as before a closing bracket, is forgiven
        if not mark:
            raise Damaged(f"{cursor.place()}: the file is truncated; the export or the copy is "
                          "incomplete")
        key = "*"
        if first == "{":
            key = cursor.value()
            if not isinstance(key, str) or cursor.peek() != ":":
                raise Damaged(f"{cursor.place()}: not JSON (a key and a colon are expected)")
            cursor.at += 1
        yield from _value(cursor, (*path, key), descend)
    cursor.at += 1
    yield path, END
