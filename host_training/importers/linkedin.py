"""LinkedIn's archive (CSV): messages, and the author's own posts and comments, to Messages.

Source: the columns of messages.csv, Shares.csv and Comments.csv in "Get a copy of your data".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from host_training.common.messages import Message, Notes
from host_training.importers.export_rows import (
    Room,
    chat_row,
    csv_columns,
    csv_rows,
    own_text,
)
from host_training.importers.html_text import words_of
from host_training.importers.text import head_text
from host_training.importers.times import from_iso
from host_training.importers.tree import File

NAME = "linkedin"
LABEL = "LinkedIn archive"
# every other table of the archive has one of these names
BESIDE = re.compile(
    r"(?:^|/)(?:Ad_Targeting|Ads Clicked|Articles?|Causes You Care About|Certifications|"
    r"Company Follows|Connections|Contacts|Courses|Education|Email Addresses|"
    r"Endorsement_(?:Given|Received)_Info|Events|guide_messages|Honors|ImportedContacts|"
    r"Inferences_about_you|InstantReposts|Invitations|Job(?: |s)[\w ]*|Languages|Learning|"
    r"learning_[\w]+|Logins|Member_Follows|Organizations|Patents|PhoneNumbers|Positions|"
    r"Private_identity_asset|Profile(?: Summary)?|Projects|Publications|Reactions|Receipts[\w ]*|"
    r"Recommendations_(?:Given|Received)|Registration|Rich_Media|Saved[\w ]*|Search ?Queries|"
    r"Security Challenges|Skills|TestScores|Volunteering|Votes|Whatsapp Phone Numbers|"
    r"[\w ]*coach_messages|LearningCoachMessages)(?:_\d+)?\.csv$", re.IGNORECASE)

_MESSAGES = {"CONVERSATION ID", "FROM", "DATE", "CONTENT"}
_SHARES = {"ShareLink", "ShareCommentary"}
_COMMENTS = ["Date", "Link", "Message"]
_DOUBLED = re.compile(r'^"+|"+$')  # Shares.csv quotes lines of a post once more


def claims(file: File) -> bool:
    """By the columns."""
    if file.suffix != ".csv":
        return False
    columns = csv_columns(head_text(file))
    return (
        set(columns) >= _MESSAGES or set(columns) >= _SHARES or columns == _COMMENTS)


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote in messages; posts and comments are the author's."""
    for file in files:
        columns = set(csv_columns(head_text(file)))
        if columns >= _MESSAGES:
            yield from _messages(file, notes)
            continue
        column = "ShareCommentary" if columns >= _SHARES else "Message"
        for row, place in csv_rows(file, notes):
            lines = (_DOUBLED.sub("", line) for line in row[column].split("\n"))
            yield from own_text(Room(NAME, "posts", "post"), place, "\n".join(lines),
                                from_iso(row["Date"]))


def _messages(file: File, notes: Notes) -> Iterator[Message]:
    people: defaultdict[str, set[str]] = defaultdict(set)
    for row, _ in csv_rows(file, Notes()):
        people[row["CONVERSATION ID"]] |= {row["FROM"], *row.get("TO", "").split(",")}
    for row, place in csv_rows(file, notes):
        chat, name = row["CONVERSATION ID"], row["FROM"]
        if row.get("IS MESSAGE DRAFT", "").lower() == "yes":
            notes.skip("draft")
        elif row.get("FOLDER") == "SPAM" or not name or name == "LinkedIn Member":
            notes.skip("advertisement")
        else:
            room = Room(NAME, chat, "group" if len(people[chat]) > 2 else "dm",
                        row.get("CONVERSATION TITLE", ""))
            account = row.get("SENDER PROFILE URL", "").rstrip("/").rsplit("/", 1)[-1] or name
            words = words_of(row["CONTENT"].replace("\n", "<br>"))
            yield from chat_row(room, place, account, words,
                                from_iso(row["DATE"]), name)
