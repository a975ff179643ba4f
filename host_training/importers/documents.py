"""PDF and Word documents to Messages: one per document, paragraphs kept."""

from __future__ import annotations

import io
import logging
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC

import pypdf
from pypdf.errors import PyPdfError

from host_training.common.messages import Message, Notes
from host_training.common.unpacking import Budget, TooMuchError
from host_training.importers import chat_log, clippings, prose, word
from host_training.importers.text import mend
from host_training.importers.times import to_ms
from host_training.importers.tree import File

# what it cannot read is said here in one sentence, not by the library in twenty
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

NAME = "documents"
LABEL = "document"
TIER = 1
DOCUMENT_BYTES_MAX = 200_000_000
PAGES_MAX = 5_000
# Of its pages before they are read: text packs 5:1, drawings 10:1; a megabyte takes some seconds.
PDF_FREE_BYTES, PDF_RATIO_MAX = 2_000_000, 20


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
        except (TooMuchError, word.NotWordError) as error:
            notes.put(file.name, "", f"cannot be read ({error})")
            continue
        except (PyPdfError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError,
                AssertionError, RecursionError, EOFError, zipfile.BadZipFile, zlib.error,
                RuntimeError) as error:  # what pypdf and zipfile raise on damage
            notes.put(file.name, "", f"cannot be read ({type(error).__name__}: {error})")
            continue
        text = mend(text).strip()
        if reason := clippings.refusal(lines) or chat_log.refusal(lines):
            notes.put(file.name, "", reason)
        elif text:
            yield Message(NAME, file.name, "document", "0", utc_ms, "me", True, text, tier=TIER)
        elif not notes.bad or notes.bad[-1].file != file.name:
            notes.put(file.name, "", "no text in its paragraphs; tables and text boxes are not read"
                      if file.suffix == ".docx" else
                      "no text; a scan requires text recognition first")


def _pdf(file: File, notes: Notes) -> tuple[str, str, int | None]:
    """Paragraphs, the lines as they stand on the pages, and when it was made."""
    reader = pypdf.PdfReader(io.BytesIO(file.read()))
    if reader.is_encrypted and not reader.decrypt(""):
        notes.put(file.name, "", "locked with a password; save it without one")
        return "", "", None
    budget = Budget(PDF_FREE_BYTES + PDF_RATIO_MAX * file.size)
    pages = []
    for page in reader.pages[:PAGES_MAX]:
        contents = page.get_contents()
        budget.take(len(contents.get_data()) if contents is not None else 0)
        pages.append(page.extract_text())
    lines = "\n".join(pages)
    created = reader.metadata.creation_date if reader.metadata else None
    return prose.unwrapped(lines), lines, to_ms(created, UTC) if created else None


def _docx(file: File) -> tuple[str, str, int | None]:
    paragraphs, utc_ms = word.read(file.read())
    paragraphs = [paragraph.strip() for paragraph in paragraphs]
    return "\n\n".join(filter(None, paragraphs)), "\n".join(paragraphs), utc_ms
