"""Streams the elements of an XML export, one at a time, in the memory of one.

Entities of the file's own, with which a kilobyte becomes gigabytes and which no export has, end the
reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from host_training.common.messages import Notes
from host_training.importers.export_rows import RowPlace
from host_training.importers.tree import UNREADABLE, File

BLOCK_BYTES = 1 << 16
# "&#55357;&#56832;": Android's exports write the halves of UTF-16, which are no characters of XML
_HALVES = re.compile(rb"(?:&#5[5-7]\d{3};)+")
# a first half at the end of a block, or the beginning of a reference: what follows may belong to it
_OPEN = re.compile(rb"(?:&#5(?:5[2-9]\d\d|6[0-2]\d\d|63[01]\d);)?(?:&#?\d{0,5})?\Z")
_OPEN_BYTES_MAX = 15
_CUT = ("no element found", "unclosed token", "unclosed CDATA section")


class _EntityError(Exception):
    """The file declares an entity."""


class _Elements:
    """Builds the elements that are wanted, as they go by."""

    def __init__(self, wanted: AbstractSet[str], without: AbstractSet[str]) -> None:
        self.ready: list[Element] = []
        self._wanted, self._without = wanted, without
        self._builder: TreeBuilder | None = None
        self._depth = self._depth_without = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._builder is None and name not in self._wanted:
            return
        if self._builder is None:
            self._builder = TreeBuilder()
        self._depth += 1
        if self._depth_without or name in self._without:
            self._depth_without += 1
        else:
            self._builder.start(name, attributes)

    def say(self, text: str) -> None:
        if self._builder is not None and not self._depth_without:
            self._builder.data(text)

    def end(self, name: str) -> None:
        if self._builder is None:
            return
        self._depth -= 1
        if self._depth_without:
            self._depth_without -= 1
        else:
            self._builder.end(name)
        if not self._depth:
            self.ready.append(self._builder.close())
            self._builder = None


def elements(file: File, notes: Notes, wanted: AbstractSet[str],
             without: AbstractSet[str] = frozenset()) -> Iterator[tuple[Element, RowPlace]]:
    """Each element of a name in ``wanted``, with its children except those in ``without``.

    Names are as written, with their prefix ("wp:status"). What stands in a wanted element is part
    of it, and does not come by itself.
    """
    built = _Elements(wanted, without)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = built.start, built.end
    parser.CharacterDataHandler = built.say
    parser.EntityDeclHandler = _refuse
    count = 0
    try:
        with file.opened() as stream:
            is_end, rest = False, b""
            while not is_end:
                data = stream.read(BLOCK_BYTES)
                is_end = not data
                data = rest + data
                found = _OPEN.search(data, max(0, len(data) - _OPEN_BYTES_MAX))
                at = found.start() if found is not None and not is_end else len(data)
                parser.Parse(_HALVES.sub(_whole, data[:at]), is_end)
                rest = data[at:]
                for element in built.ready:
                    yield element, RowPlace(file, f"{element.tag} {count}", notes)
                    count += 1
                built.ready.clear()
    except expat.ExpatError as error:
        words = expat.errors.messages[error.code]
        notes.put(file.name, f"line {error.lineno}",
                  "the file is truncated; the export or the copy is incomplete" if words in _CUT
                  else f"not XML ({words})")
    except _EntityError:
        notes.put(file.name, f"line {parser.CurrentLineNumber}",
                  "declares an entity, as no export does; it is read no further")
    except UNREADABLE as error:
        notes.put(file.name, "", f"cannot be read further ({error})")


def _whole(halves: re.Match[bytes]) -> bytes:
    units = b"".join(int(unit).to_bytes(2, "little") for unit in re.findall(rb"\d+", halves[0]))
    return units.decode("utf-16-le", "ignore").encode("ascii", "xmlcharrefreplace")


def _refuse(*declaration: object) -> None:
    raise _EntityError
