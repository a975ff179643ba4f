"""Names the app behind an export that is not read, and what can be done instead.

Sources: the files that these apps give out (Snapchat's chat_history.json, TikTok's
user_data_tiktok.json, Tinder's data.json, Takeout's MyActivity.json, Mattermost's bulk export,
Rocket.Chat's and Zulip's dumps, Character.AI's histories, Copilot's CSV), by the keys in them.
"""

from __future__ import annotations

import re

HEAD_CHARS = 20_000
_CONVERT = ("convert it to ChatLab's format, or your answers to JSONL of messages; docs/training.md"
            " describes both")
_PROMPTS = "save your own prompts as .txt, without the answers"
_NO_WRITING = "it holds nothing that you wrote; leave it out"


def _keys(*names: str) -> re.Pattern[str]:
    """Matches JSON that has all these keys, in any order."""
    return re.compile("".join(rf'(?=.*(?<!\\)"{name}"\s*:)' for name in names), re.DOTALL)


_OF_A_MODEL = re.compile(r'(?<!\\)"(?:model|model_slug)"\s*:\s*"|(?<!\\)"(?:usage|choices)"\s*:'
                         r"\s*[\[{]")
_APPS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("Snapchat", _keys("Media Type", "Created"), _CONVERT),
    ("TikTok", re.compile(r'.*"Chat History with ', re.DOTALL), _CONVERT),
    ("Tinder", _keys("match_id", "sent_date"), _CONVERT),
    ("Gemini", re.compile(r'.*"header"\s*:\s*"Gemini', re.DOTALL), _PROMPTS),
    ("Google's My Activity", _keys("header", "products", "time"), _NO_WRITING),
    ("Spotify", _keys("msPlayed"), _NO_WRITING),
    ("Character.AI", _keys("is_human"), _PROMPTS),
    ("Copilot", re.compile(r"\ufeff?\"?Conversation\"?,\"?Time\"?,\"?Author"), _PROMPTS),
    ("a coding assistant", _keys("sessionId", "message", "type"), _PROMPTS),
    ("Mattermost", _keys("create_at", "channel"), _CONVERT),
    ("Rocket.Chat", _keys("rid", "msg"), _CONVERT),
    ("Zulip", _keys("zerver_message"), _CONVERT),
)
_A_CHAT = re.compile(
    r'(?=.*(?<!\\)"(?:sender|from|author|user|username|sender_name|from_user)"\s*:)'
    r'(?=.*(?<!\\)"(?:text|message|content|body|msg)"\s*:)', re.DOTALL | re.IGNORECASE)


def is_of_a_model(head: str) -> bool:
    """True for a log of a language model: its answers are nobody's words, whatever their role."""
    return _OF_A_MODEL.search(head[:HEAD_CHARS]) is not None


def sentence(head: str) -> str | None:
    """What an export is that nobody here reads, and the way out; None where that is not known.

    Args:    head: the beginning of the file, of which HEAD_CHARS are looked at.
    """
    head = head[:HEAD_CHARS]
    for app, pattern, way in _APPS:
        if pattern.match(head):
            return f"an export of {app}, which is not read; {way}"
    if not head.lstrip().startswith(("{", "[")):
        return None
    if is_of_a_model(head):
        return ("a log of a language model, whose answers are not your words; save your own prompts"
                ' as .txt, or take the key "model" out where the answers are yours')
    if _A_CHAT.match(head):
        return f"a chat of an app that is not known here; {_CONVERT}"
    return None
