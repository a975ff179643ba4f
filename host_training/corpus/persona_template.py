"""Writes a new persona directory: all required files, with each setting of persona.toml explained.

Every key is in it with its default value, as a comment, so that the file is also the reference; a
test compares it with ``settings``.
"""

from __future__ import annotations

from pathlib import Path

from host_training.errors import TrainingError

PERSONA_TOML = '''\
# Who this is. A line that begins with # is not read: take the # away to change what it says.

name = ""        # of the persona, like "Ines"
author = ""      # whose writing it is, like "Ines Moor"
disclosure = ""  # like "Ines is an AI persona, not the person."
system = ""      # like "You are Ines, a small machine under a balloon. You say what you saw."

# Your accounts in the exports: ids, or names where an export has only names.
# `spacepi-train scan` lists all that it sees.
# me = []

# Accounts whose messages are nobody's, like a family's tablet.
# nobody = []

# Where you were when an export wrote local time; like "Europe/Amsterdam".
# timezone = "UTC"


# [privacy]
# Keys, passwords, codes: "drop" the whole message, or "keep".
# secrets = "drop"
# Mails, links, numbers, addresses: "replace" by a word like [phone], "drop" the message, or "keep".
# personal = "replace"
# Names of everybody in your exports: "replace" by a letter, or "keep".
# names = "replace"
# Names of people no export knows, to be replaced too.
# extra_names = []
# Names that stay.
# keep_names = []
# What other people wrote: "context" is read before your answer and not learnt, "drop" is left out,
# "train" is learnt too. "train" needs the consent of each of them.
# third_party = "context"
# People whose talks with you are left out, whole: names or accounts.
# without = []
# A message with one of these words is dropped.
# blocked = []
# Of phone numbers without a +: two letters of a country.
# region = "NL"


# [clean]
# Languages that are learnt, like ["en", "nl"]; none: all.
# languages = []
# Writing this many years older counts half; left out: age does not matter.
# recency_half_life_years = 8
# Writing older than this, before your newest message, is left out; the notebook stays.
# max_age_years = 15
# The share of one chat in what is learnt from chats, at most; above 0, and 1 is no limit.
# chat_share = 0.5
# The share of tiers 1 and 2 (documents, journals, notes) in what is learnt; 0 to below 1.
# thoughtful_share = 0.7
# From which similarity a text is the same one again; above 0 to 1.
# near_duplicate = 0.8
# Answers that the words before them make likelier by fewer bits than this are left out; the base
# model tells (docs/training.md says how well), of SmolLM2 in English only. -100 to 100; left out:
# it is not asked.
# pair_score_bits = 0


# [sessions]
# Minutes of silence that end a talk; left out: each chat's own rhythm.
# gap_min = 30
# Turns before an answer that are shown to the model; 1 to 50.
# context_turns = 6


# [voice]
# The folder of a Whisper model, like "~/models/whisper-small", which writes down the voice notes of
# Telegram and WhatsApp; it needs the extra [voice]. Left out: nobody listens.
# model = ""
# The language that is spoken in them, like "nl"; left out: found out for each note.
# language = "nl"


# Who is the same person on several platforms: a letter or a word, then accounts and names.
# [people]
# Bo = ["user2", "Bo Berg"]


# What you know of some files. There may be many [[source]]; the first that fits a file counts.
# [[source]]
# Below this directory; * is anything, also folders.
# path = "exports/telegram/*"
# true leaves the files out.
# ignore = false
# 1 essays and documents, 2 journals and notes, 3 mails, 4 chats; left out: as the format is.
# tier = 4
# "said" (learnt and quoted), "thinking" (learnt only) or "values"; left out: said.
# layer = "said"
# How often it is learnt beside its like: 0.1 to 3.
# weight = 1
# Of a phone that was elsewhere than `timezone` says.
# timezone = "America/New_York"
# Of day, month and year in a WhatsApp text, where `scan` says that nothing tells it.
# date_order = "mdy"
# Which of its chats are read: names or ids as `spacepi-train scan` lists them; * is anything.
# chats = { include = ["*"], exclude = [] }

# What you know of one chat of that source: the first that fits a chat counts.
# [[source.chat]]
# name = "Letters with Bo"
# tier = 2
# layer = "said"
# weight = 1
'''

VALUES = '''\
# What I value

One judgement to a line that begins with "- ", the most important first: the first six are in every
prompt. Lines that begin otherwise, like these, are not read; nor is this example, for its spaces:

    - I say what I saw, and call a guess a guess.
'''

THINKING = '''\
# How I think

One habit of thought to a line that begins with "- ": learnt, and not in the prompt. There may be
none. An example, with spaces before it so that it is not read:

    - I change one thing, then I look.
'''

NOTEBOOK = '''\
# Thoughts for the flight. Delete these lines, or leave them: lines with one # before the first
# entry are not read. An entry begins with its date and time (UTC); a line with @ says when the
# thought is true, and without it the entry is plain diary. One thought is one line of at most 200
# bytes that ends a sentence. docs/training.md lists the keys. An entry looks like this:
#
#     ## 2021-05-08 10:10
#     @ about=wind phase=ascent altitude_m=50..2500
#
#     The first wind above the houses is not the same as the wind in the yard.
'''

FILES = {"persona.toml": PERSONA_TOML, "values.md": VALUES, "thinking.md": THINKING,
         "notebook/thoughts.md": NOTEBOOK}
EXPORTS = "exports"


def write(directory: Path) -> list[Path]:
    """Write the files of a new persona and an empty folder for exports; returns their paths.

    Raises:  TrainingError when one of them exists; then nothing is written.
    """
    there = [name for name in FILES if (directory / name).exists()]
    if there:
        raise TrainingError(f"{directory}: {', '.join(there)} already exists and is not "
                            "overwritten; choose a new directory.")
    for name, text in FILES.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    (directory / EXPORTS).mkdir(exist_ok=True)
    return [directory / name for name in (*FILES, EXPORTS)]
