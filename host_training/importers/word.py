"""The text of a Word document: the paragraphs of its body, and when it was made.

The XML is parsed as it is unpacked and nothing of it is kept but text, so a document takes the
memory of its words. A document type definition, which Word never writes and with which a kilobyte
of entities becomes gigabytes, ends the reading.

Covers: text, tabs and line breaks of paragraphs and of links in them. Does not cover: tables, text
boxes, notes, headers, comments, deleted text. Source: ECMA-376 part 1, 17.3; part 2, 9.3.
"""

from __future__ import annotations

import io
import zipfile
from xml.parsers import expat

from host_training.common import unpacking
from host_training.common.unpacking import Budget, TooMuchError
from host_training.importers.times import from_iso

FREE_BYTES, RATIO_MAX = 10_000_000, 50  # of all parts; Word's XML packs 10:1 to 20:1
XML_BYTES_MAX = 100_000_000  # of one part; a thousand pages have ten million
TEXT_CHARS_MAX = 20_000_000
_PIECE_BYTES = 1 << 16
_RELATIONS, _PROPERTIES = "_rels/.rels", "docProps/core.xml"
_BODY, _RUNS = ["document", "body"], (["p", "r"], ["p", "hyperlink", "r"])
_SIGNS = {"tab": "\t", "ptab": "\t", "cr": "\n", "noBreakHyphen": "-"}
_NEXT = "\0"  # between paragraphs; no XML has it


class NotWordError(Exception):
    """This is no Word document, or a damaged one; the text says why."""


def read(data: bytes) -> tuple[list[str], int | None]:
    """Paragraphs, and the UTC in ms when it was made, if it says so.

    Raises NotWordError, TooMuchError, and what ``zipfile`` raises on damage.
    """
    with unpacking.open_zip(io.BytesIO(data)) as archive:
        members = unpacking.members(archive, Budget(FREE_BYTES + RATIO_MAX * len(data)))
        package = _Package(archive, {member.filename: member for member in members})
        relations = _Relations()
        package.parse(_RELATIONS, relations)
        body, properties = _Body(), _Properties()
        package.parse(relations.main_part, body)
        if _PROPERTIES in package.parts:
            package.parse(_PROPERTIES, properties)
    return body.text.getvalue().split(_NEXT)[1:], from_iso(properties.created)


class _Reader:
    """Is told of the elements of a part, by their names without namespaces and the path above."""

    def start(self, name: str, attributes: dict[str, str], path: list[str]) -> None:
        """An element of ``path`` begins."""

    def say(self, text: str, path: list[str]) -> None:
        """Text of the last element of ``path``."""


class _Relations(_Reader):
    """Which part of the package is its document."""

    main_part = ""

    def start(self, name: str, attributes: dict[str, str], path: list[str]) -> None:
        if name == "Relationship" and attributes.get("Type", "").endswith("/officeDocument"):
            self.main_part = attributes.get("Target", "").lstrip("/")


class _Properties(_Reader):
    """When it was made, as it is written."""

    created = ""

    def say(self, text: str, path: list[str]) -> None:
        if path[-1:] == ["created"]:
            self.created = text


class _Body(_Reader):
    """The paragraphs, each behind a ``_NEXT``."""

    def __init__(self) -> None:
        self.text = io.StringIO()

    def start(self, name: str, attributes: dict[str, str], path: list[str]) -> None:
        if name == "p" and path == _BODY:
            self._write(_NEXT)
        elif name in _SIGNS and _is_run(path):
            self._write(_SIGNS[name])
        elif name == "br" and _is_run(path):
            kinds = [value for key, value in attributes.items() if key.endswith(" type")]
            if kinds in ([], ["textWrapping"]):  # else of a page or a column
                self._write("\n")

    def say(self, text: str, path: list[str]) -> None:
        if path[-1:] == ["t"] and _is_run(path[:-1]):
            self._write(text)

    def _write(self, text: str) -> None:
        if self.text.tell() + len(text) > TEXT_CHARS_MAX:
            raise TooMuchError(f"more than {TEXT_CHARS_MAX} letters of text in it")
        self.text.write(text)


def _is_run(path: list[str]) -> bool:
    return path[:2] == _BODY and path[2:] in _RUNS


class _Package:
    """The parts of a document by their names."""

    def __init__(self, archive: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo]) -> None:
        self.parts = parts
        self._archive = archive

    def parse(self, name: str, reader: _Reader) -> None:
        """Tell ``reader`` of one part, a piece at a time."""
        part = self.parts.get(name)
        if part is None:
            raise NotWordError(f"no {name or 'document'} in it")
        if reason := unpacking.refusal(part):
            raise TooMuchError(f"{name} {reason}")
        if part.file_size > XML_BYTES_MAX:
            raise TooMuchError(
                f"{name} has {part.file_size} bytes, at most {XML_BYTES_MAX} are read")
        parser = _parser(name, reader)
        try:
            with self._archive.open(part) as stream:
                while piece := stream.read(_PIECE_BYTES):
                    parser.Parse(piece, False)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise NotWordError(f"{name} is damaged ({error})") from error


def _parser(name: str, reader: _Reader) -> expat.XMLParserType:
    path: list[str] = []

    def start(element: str, attributes: dict[str, str]) -> None:
        local = element.rpartition(" ")[2]
        reader.start(local, attributes, path)
        path.append(local)

    def refuse(*_: object) -> None:
        raise NotWordError(f"{name} has a document type definition")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _element: path.pop()
    parser.CharacterDataHandler = lambda text: reader.say(text, path)
    parser.StartDoctypeDeclHandler = refuse
    return parser
