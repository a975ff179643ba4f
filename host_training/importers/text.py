"""Bytes of unknown encoding to text: encodings guessed, mojibake repaired, lines streamed."""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections.abc import Iterator
from typing import BinaryIO

from charset_normalizer import from_bytes

from host_training.importers.tree import File

GUESS_BYTES_MIN = 32  # of other than ASCII; with fewer, statistics are worse than the commonest
LINE_CHARS_MAX = 10_000_000  # one message of 10 MB is read, a file without line ends is not

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"),
         (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
         (codecs.BOM_UTF16_BE, "utf-16"))
# UTF-8 read as Latin-1 or cp1252: a lead, then its followers
_FOLLOWER = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
_DOUBLE = re.compile(rf"[Â-ß]{_FOLLOWER}|[à-ï]{_FOLLOWER}{{2}}|[ð-ô]{_FOLLOWER}{{3}}")
_BEHIND_WORDS = frozenset("…–—‘’“”«»‹›•´\u00a0\u00ad¡¿®©™°¹²³")  # what a writer puts there
_GOING_ON = frozenset("…–—’\u00a0")  # with another word right behind it
_WORDS = frozenset("ÄÅÈÉÊÓÔÖØàáäåæèéêíóô")  # of one letter, in one language or another
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ESCAPED_BYTE = re.compile(r"[\udc80-\udcff]")  # what "surrogateescape" makes of a byte


def _foreign_byte(error: UnicodeError) -> tuple[str, int]:
    """A byte that is not UTF-8 within UTF-8 was pasted from an old program: cp1252, else U+FFFD."""
    assert isinstance(error, UnicodeDecodeError)
    stray = error.object[error.start : error.end]
    is_utf8 = error.encoding == "utf-8"
    return (stray.decode("cp1252", "replace") if is_utf8 else "\ufffd"), error.end


FOREIGN_BYTES = "spacepi-foreign-bytes"  # an error handler, as "replace" is one
codecs.register_error(FOREIGN_BYTES, _foreign_byte)


def encoding_of(head: bytes) -> str:
    """The encoding of a file from its first bytes; a guess where nothing declares itself."""
    declared = declared_encoding(head)
    if declared is not None:
        return declared
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=False)
    except UnicodeDecodeError:
        forgiven = head.decode("utf-8", "surrogateescape")
        n_stray = len(_ESCAPED_BYTE.findall(forgiven))
        if sum(char > "\x7f" for char in forgiven) > 2 * n_stray:
            return "utf-8"  # most of it is: the rest was pasted
        if sum(byte > 127 for byte in head) < GUESS_BYTES_MIN:
            return "cp1252"
        best = from_bytes(head).best()
        return best.encoding if best else "cp1252"
    return "utf-8"


def declared_encoding(head: bytes) -> str | None:
    """From a byte order mark, or from the NULs of ASCII in UTF-16; None where there are none."""
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    if head[:4096].count(0) > len(head[:4096]) // 8:  # every second byte of ASCII in UTF-16
        return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
    return None


def decode(data: bytes) -> str:
    """All of ``data`` as text; what is no character in any way becomes U+FFFD."""
    return data.decode(encoding_of(data[:65_536]), errors=FOREIGN_BYTES)


def text_of(file: File) -> str:
    """A whole small file, with line ends made ``\\n``."""
    return decode(file.read()).replace("\r\n", "\n").replace("\r", "\n")


def head_text(file: File) -> str:
    """The beginning of a file, for sniffing."""
    return decode(file.head).lstrip("\ufeff")


def open_text(file: File) -> io.TextIOWrapper:
    """A text stream with universal line ends (``\\r`` alone is one, too)."""
    stream: BinaryIO = file.opened()
    return io.TextIOWrapper(io.BufferedReader(stream, 1 << 18),  # type: ignore[type-var]
                            encoding=encoding_of(file.head), errors=FOREIGN_BYTES, newline=None)


def lines_of(file: File) -> Iterator[tuple[int, str]]:
    """Line numbers from 1 and lines without their ends; a line is cut at LINE_CHARS_MAX."""
    with open_text(file) as stream:
        number = 0
        while line := stream.readline(LINE_CHARS_MAX):
            number += 1
            yield number, line.rstrip("\n")


def mend(text: str) -> str:
    """Text without NULs and lone surrogates, and with UTF-8 that was read as another code undone.

    Undone only where the whole text is valid UTF-8 afterwards and one sequence of it is such that
    nobody writes it: "cafÃ©", but neither "Viel Spaß…" nor "AMANHÃ…", which are valid too.
    """
    if not text.isascii() and any(map(_nobody_writes, _DOUBLE.finditer(text))):
        mended = undoubled(text, "latin-1") or undoubled(text, "cp1252") or text
        if not any(unicodedata.category(char) in ("Cc", "Co") for char in set(mended) - set(text)):
            text = mended
    if _LONE_SURROGATE.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        text = text.replace("\ufffd", "")
    return text.replace("\0", "")


def undoubled(text: str, encoding: str) -> str | None:
    """Text each of whose characters was a byte of UTF-8; None where it was none."""
    try:
        return text.encode(encoding).decode("utf-8")
    except UnicodeError:
        return None


def _nobody_writes(sequence: re.Match[str]) -> bool:
    """True for a lead and followers that are no letter at the end of a word and marks behind it.

    A word is of small letters, or all capitals: the lead of nearly every mended letter is a
    capital ("Ã", "Ð"), and stands among small ones or where no word begins with it.
    """
    lead, *followers = sequence[0]
    start, end = sequence.span()
    before, after = sequence.string[start - 1 : start], sequence.string[end : end + 1]
    # a control character is cp1252 that was read as Latin-1
    marks = [mark.encode("latin-1").decode("cp1252", "replace") if mark < "\xa0" else mark
             for mark in followers]
    if not _BEHIND_WORDS.issuperset(marks):
        return True
    if lead == "×":
        return False  # "3×…"
    if before.isalpha():
        return lead == "Â" or (lead.isupper() and before.islower())  # no word ends in "Â"
    return lead not in _WORDS or (after.isalpha() and marks[-1] not in _GOING_ON)
