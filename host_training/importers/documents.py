"""PDF and Word documents to Messages: one per document, paragraphs kept."""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from xml.etree.ElementTree import ParseError

import docx
import pypdf
from docx.opc.exceptions import OpcError
from pypdf.errors import PyPdfError

from host_training.importers import prose
from host_training.importers.chat_log import REFUSAL, is_log
from host_training.importers.text import mend
from host_training.importers.times import to_ms
from host_training.importers.tree import File
from host_training.messages import Message, Notes

# what it cannot read is said here in one sentence, not by the library in twenty
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

NAME = "documents"
LABEL = "document"
TIER = 1
DOCUMENT_BYTES_MAX = 200_000_000
PAGES_MAX = 5_000


def claims(file: File) -> bool:
    """By the first bytes and, for Word, the ending (other zips are opened as folders)."""
    return file.head.lstrip().startswith(b"%PDF-") or (
        file.suffix == ".docx" and file.head.startswith(b"PK\x03\x04"))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """The text of each document; a scan has none, and a locked one is not opened."""
    for file in files:
        if file.size > DOCUMENT_BYTES_MAX:
            notes.put(file.name, "", f"{file.size} bytes; at most {DOCUMENT_BYTES_MAX} are read")
            continue
        try:
            text, lines, utc_ms = _docx(file) if file.suffix == ".docx" else _pdf(file, notes)
        except (PyPdfError, OpcError, OSError, ValueError, KeyError, IndexError, TypeError,
                AttributeError, AssertionError, RecursionError, ParseError, zipfile.BadZipFile,
                NotImplementedError) as error:  # what the two libraries raise on damage
            notes.put(file.name, "", f"cannot be read ({type(error).__name__}: {error})")
            continue
        text = mend(text).strip()
        if is_log(lines):
            notes.put(file.name, "", REFUSAL)
        elif text:
            yield Message(NAME, file.name, "document", "0", utc_ms, "me", True, text, tier=TIER)
        elif not notes.bad or notes.bad[-1].file != file.name:
            notes.put(file.name, "", "there is no text in it; a scan needs text recognition first")


def _pdf(file: File, notes: Notes) -> tuple[str, str, int | None]:
    """Paragraphs, the lines as they stand on the pages, and when it was made."""
    reader = pypdf.PdfReader(io.BytesIO(file.read()))
    if reader.is_encrypted and not reader.decrypt(""):
        notes.put(file.name, "", "locked with a password; save it without one")
        return "", "", None
    lines = "\n".join(page.extract_text() for page in reader.pages[:PAGES_MAX])
    created = reader.metadata.creation_date if reader.metadata else None
    return prose.unwrapped(lines), lines, to_ms(created, UTC) if created else None


def _docx(file: File) -> tuple[str, str, int | None]:
    document = docx.Document(io.BytesIO(file.read()))
    paragraphs = [paragraph.text.strip() for paragraph in document.paragraphs]
    created: datetime | None = document.core_properties.created
    return ("\n\n".join(filter(None, paragraphs)), "\n".join(paragraphs),
            to_ms(created, UTC) if created is not None else None)
