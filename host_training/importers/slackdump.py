"""A dump of slackdump, a JSON file for each channel with threads in it, to Messages.

Its rows are Slack's own; what it writes as an export is Slack's layout, which ``slack`` reads.
Source: https://github.com/rusq/slackdump, types.Conversation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers import slack
from host_training.importers.export_rows import json_values
from host_training.importers.text import head_text
from host_training.importers.tree import File

NAME = slack.NAME
LABEL = "slackdump channel"

_HEAD = re.compile(r'^\s*\{\s*"channel_id"\s*:')


def claims(file: File) -> bool:
    """A channel, then messages with Slack's times."""
    if file.suffix != ".json":
        return False
    head = head_text(file)
    return bool(_HEAD.match(head)) and '"messages"' in head and '"ts"' in head


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote, the answers of a thread behind what began it."""
    names: dict[str, str] = {}
    for file in files:
        channel, title = file.base.removesuffix(".json"), ""
        for path, value, place in json_values(file, notes, ("channel_id",), ("name",),
                                              ("messages", "*")):
            if path == ("channel_id",):
                channel = str(value)
            elif path == ("name",):
                title = str(value)
            else:
                kind: ChatKind = "dm" if channel.startswith("D") else "group"
                answers = value.get("slackdump_thread_replies")
                for row in [value, *(answers if isinstance(answers, list) else [])]:
                    yield from slack.message(row, (channel, title or channel, kind), names, place)
