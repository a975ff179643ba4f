"""A git repository to Messages: commit messages, and documents one person mostly wrote.

The tree hands a repository over as one file named ``.git``. git is called with everything off
that a repository's own configuration could make it run.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from host_training.common.messages import Message, Notes
from host_training.importers import prose
from host_training.importers.text import decode, mend
from host_training.importers.times import from_iso
from host_training.importers.tree import File

NAME = "git"
LABEL = "git repository"
TIER_COMMIT = 3
TIER_DOCUMENT = 1
DOCUMENTS_MAX = 2_000
DOCUMENT_BYTES_MAX = 1_000_000
OWN_SHARE_MIN = 0.8

_DOCUMENT = (".md", ".markdown", ".txt", ".rst", ".adoc", ".org", ".tex")
_NOT_OWN = re.compile(r"(?:^|/)(?:licen[cs]e|copying|notice|node_modules|vendor|third_party)", re.I)
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c",
         "log.showSignature=false", "-c", "core.pager=cat", "-c", "protocol.allow=never")
_FIELDS = "%H%x1f%aI%x1f%ae%x1f%an%x1f%B%x1e"
_TRAILER = re.compile(r"^(?:[A-Z][\w-]*-[Bb]y|Change-Id|Cc|Fixes|Closes|Refs?|Bug|PR|git-svn-id|"
                      r"cherry[ -]picked from.*|\(cherry picked from.*|Co-authored-by)\b:?.*$",
                      re.MULTILINE)
_BOT = re.compile(r"\[bot\]|\bbot@|noreply@.*(?:actions|renovate)|dependabot", re.I)
_EMPTY_SUBJECT = re.compile(r"^(?:merge (?:branch|pull request|remote)|revert \"|wip\b|fixup!|"
                            r"squash!|v?\d+(?:\.\d+)+\s*$|initial commit$|bump\b)", re.I)


def claims(file: File) -> bool:
    """The stand-in the tree gives for a repository."""
    return file.base == ".git" and file.folder_path is not None


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """Commits of everybody (``identify`` picks the author's), then documents by main author."""
    for file in files:
        assert file.folder_path is not None
        try:
            yield from _commits(file, file.folder_path, notes)
            yield from _documents(file, file.folder_path, notes)
        except (OSError, subprocess.CalledProcessError) as error:
            notes.put(file.name, "", f"git cannot read it ({error})")


def _git(place: Path, *words: str) -> bytes:
    return subprocess.run(["git", "-C", str(place), *_SAFE, *words], check=True,
                          capture_output=True, stdin=subprocess.DEVNULL).stdout


def _commits(file: File, place: Path, notes: Notes) -> Iterator[Message]:
    log = decode(_git(place, "log", "--all", "--no-merges", f"--format={_FIELDS}"))
    for record in log.split("\x1e"):
        fields = record.strip("\n").split("\x1f")
        if len(fields) != 5:
            continue
        commit, stamp, mail, name, body = fields
        if _BOT.search(mail) or _BOT.search(name):
            notes.skip("sent by a bot")
            continue
        text = mend(_TRAILER.sub("", body)).strip()
        if not text or _EMPTY_SUBJECT.match(text):
            notes.skip("commit without words of its own")
            continue
        notes.called(f"{NAME}:{mail.lower()}", name)
        yield Message(NAME, f"{file.folder} commits", "post", commit, from_iso(stamp),
                      mail.lower(), False, _unwrapped_commit(text), name, TIER_COMMIT)


def _unwrapped_commit(text: str) -> str:
    subject, _, body = text.partition("\n")
    body = prose.unwrapped(body)
    return f"{subject.strip()}\n\n{body}" if body else subject.strip()


def _committed(place: Path) -> list[tuple[str, str, int]]:
    """(name, blob, bytes) of every plain file of the last commit; none where there is no commit.

    Not what lies in the folder: that may have lines of somebody whom no commit names.
    """
    if not _git(place, "rev-list", "--all", "--max-count=1"):
        return []
    rows = _git(place, "ls-tree", "-r", "-z", "--long", "HEAD").split(b"\0")
    parts = [(row.partition(b"\t")[0].decode().split(), os.fsdecode(row.partition(b"\t")[2]))
             for row in rows if row.startswith(b"100")]  # no link, no repository within
    return [(name, blob, int(size)) for (_, _, blob, size), name in parts]


def _documents(file: File, place: Path, notes: Notes) -> Iterator[Message]:
    committed = _committed(place)
    wanted = [row for row in committed if row[0].lower().endswith(_DOCUMENT) and
              not _NOT_OWN.search(row[0])]
    notes.skip("file of a git repository that is no document", len(committed) - len(wanted))
    loose = [os.fsdecode(name) for name in _git(
        place, "ls-files", "-z", "--others", "--exclude-standard").split(b"\0") if name]
    if loose:
        more = f" and {len(loose) - 1} more" if len(loose) > 1 else ""
        notes.put(file.name, "", f"not committed, therefore not read: {loose[0]}{more}; put "
                                 "exports next to a repository, not into it")
    if len(wanted) > DOCUMENTS_MAX:
        notes.put(file.name, "", f"{len(wanted)} documents; the first {DOCUMENTS_MAX} are read")
    for name, blob, n_bytes in wanted[:DOCUMENTS_MAX]:
        if n_bytes > DOCUMENT_BYTES_MAX:
            notes.skip("document that is too large")
            continue
        lines = _git(place, "blame", "--line-porcelain", "--no-textconv", "HEAD", "--", name)
        by = Counter(line[13:-1].decode("utf-8", "replace").lower()
                     for line in lines.split(b"\n") if line.startswith(b"author-mail <"))
        if not by:
            continue
        mail, n_lines = by.most_common(1)[0]
        if n_lines < OWN_SHARE_MIN * by.total():
            notes.skip("document of several people")
            continue
        text = decode(_git(place, "cat-file", "blob", blob))
        text = prose.of_markdown(text) if name.lower().endswith((".md", ".markdown")) else text
        text = mend(prose.unwrapped(text))
        if text:
            stamp = decode(_git(place, "log", "-1", "--format=%aI", "--", name)).strip()
            yield Message(NAME, f"{file.folder}/{name}", "document", "0", from_iso(stamp), mail,
                          False, text, tier=TIER_DOCUMENT)
