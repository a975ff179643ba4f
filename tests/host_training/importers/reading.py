"""What the tests of importers share: a folder of small files, read as ``spacepi-train`` does it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from host_training.common.messages import Message, Notes
from host_training.importers import registry
from host_training.importers.tree import Tree

Content = str | bytes | dict | list


def as_bytes(content: Content) -> bytes:
    """JSON for what is no text yet."""
    if isinstance(content, bytes):
        return content
    if not isinstance(content, str):
        content = json.dumps(content)
    return content.encode("utf-8", "surrogatepass")


def write_files(folder: Path, files: Mapping[str, Content]) -> Path:
    """Files by their path below ``folder``."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_bytes(content))
    return folder


def zipped(files: Mapping[str, Content]) -> bytes:
    """A zip of files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, as_bytes(content))
    return packed.getvalue()


def read(folder: Path, files: Mapping[str, Content] | None = None, **context: object
         ) -> tuple[list[Message], Notes]:
    """Every message below ``folder``, in the order of reading, and what was noted."""
    write_files(folder, files or {})
    notes = Notes()
    with Tree(folder, notes) as tree:
        exports = registry.recognise(list(tree.files(folder)), notes)
        return list(registry.read_all(exports, notes)), notes


def reasons(notes: Notes) -> list[str]:
    """The quarantine as one line per row."""
    return [f"{row.file} {row.place}: {row.reason}" for row in notes.bad]
