"""The catalogue of nasty inputs: 32 groups of what exports, models and bundles do to a reader.

A test that covers a group says so with ``@nasty(14)``. So one finds the tests of a group with

    python -m pytest tests/host_training -m "nasty(group=14)"

and ``test_nasty_inputs.py`` fails for a group that has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

GROUPS = {
    1: "Telegram: full and single export, text as string or list, no name or a deleted account,"
       " ids of users, channels and chats, service rows, unknown media, edits, forwards, bots,"
       " polls, topics",
    2: "Telegram: HTML in place of JSON",
    3: "JSON that is cut short: whole messages are saved, the rest is named",
    4: "an export larger than the memory",
    5: "Discord package: JSON or CSV, c123 or 123, any language and case of the folders, channels"
       " without messages, names that are null, one side only, zips in zips",
    6: "DiscordChatExporter: parts, bots, webhooks, rows the program wrote, forwards, emoji,"
       " answers to what is gone, formatting, equal nicknames",
    7: "WhatsApp: every order and way of writing dates, twelve hours, other digits, marks of"
       " direction, iOS and Android, many lines, pasted chats, names with colons, numbers as"
       " names, media and deletions in every language, a change of language",
    8: "Slack: days, no users.json, folders around it, Slackbot, markup, escapes, threads,"
       " subtypes, edits, bots, guests of shared channels",
    9: "mail: any size, From in the text, folders called mbox, charsets and damage, HTML alone,"
       " winmail.dat, signed and encrypted, invitations, lists, automatic mail, labels, quotes in"
       " every language, copies, dates that cannot be",
    10: "Obsidian and Notion: broken or hostile front matter, templates, tasks, embedded data,"
        " huge notes, canvases, loops of links, hex names, tables, zips in zips, clippings",
    11: "subtitles: rolling captions, no speakers, voice tags, bare numbers, BOM, negative times",
    12: "X: every name of the file, its prefix, entities, links, reposts, long posts, replies",
    13: "Reddit: deleted, quotes of others, bots, rows that end with CR",
    14: "JSONL: blank lines, commas too many, NaN, keys twice, every shape and role, no answer,"
        " long lines, UTF-16",
    15: "encodings: BOM, UTF-16, cp1252 within UTF-8, UTF-8 twice, NUL, half surrogates, joiners,"
        " Zalgo, code points nobody assigned",
    16: "emoji: families, skin tones, flags, keycaps, kaomoji, nothing but stickers",
    17: "right to left: overrides, mixed scripts, Arabic presentation forms",
    18: "scripts without spaces, and letters that look like other ones",
    19: "people: one on five platforms, renamed, two of one name, a second account, a family's",
    20: "what the author did not write: bridges, chain letters, songs, code, logs, text of a model,"
        " what others sent in a chat, chats kept as text",
    21: "doubles: two exports that overlap, of two time zones, cross-posts, quotes, edits",
    22: "clocks: local times, hours that a change repeats or skips, other zones, disorder, equal"
        " times, a day and five minutes",
    23: "balance: crowds, monologues, first and never first, nothing but reactions",
    24: "secrets and personal data, and what only looks like them",
    25: "injection: control tokens, templates, placeholders of ours, FTS and SQL; a label in its"
        " own prompt",
    26: "extremes: 10 MB in one message, one word a million times, nothing or little of the author,"
        " all alike, bad zips, places that cannot be written, a full disk, kills, two runs at"
        " once, a clock set back",
    27: "forms: words and lines without end, tabs, escapes, CR alone, rich text",
    28: "a language the base has never read",
    29: "model folders: shards, pickles, a head of its own beside tied weights, no tokenizer, code,"
        " a GGUF, quantised weights, padded vocabulary, unknown or old configurations",
    30: "training: NaN, nothing to learn in a row, rows too long, no memory, other rows than the"
        " checkpoint's, fewer rows than a batch",
    31: "quantising: gaps in the importance, rows that do not divide, aborts, cut files, unknown"
        " types",
    32: "bundles: flipped bits, files too many or missing, paths, old versions, unknown keys,"
        " clocks, other templates, hostile databases, larger than the memory",
}

_Test = TypeVar("_Test", bound=Callable[..., None])


def nasty(*groups: int) -> Callable[[_Test], _Test]:
    """Mark a test as covering ``groups``."""
    unknown = set(groups) - set(GROUPS)
    if unknown or not groups:
        raise ValueError(f"nasty{groups}: a group is a number of {min(GROUPS)}..{max(GROUPS)}")

    def marked(test: _Test) -> _Test:
        for group in groups:
            test = pytest.mark.nasty(group=group)(test)
        return test

    return marked
