"""One small export for every importer of the registry, by the name of its module.

Most are those of ``chat_exports`` and ``writing_exports``; the rest is here. In a chat two people
write two messages of eight words each; what is one's own writing is told by the name of its file.
"""

from __future__ import annotations

import io
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import docx

from tests.host_training.importers.chat_exports import (
    CHATS,
    ISO,
    LOCAL,
    SAID,
    SECONDS,
    Files,
    lines,
)
from tests.host_training.importers.chats_as_text import READABLE
from tests.host_training.importers.writing_exports import MINE, WHISPER, WRITING

ADA_OF_GIT = "ada@example.org"


@dataclass(frozen=True, slots=True)
class OneExport:
    """An export, the author's account in it (empty where it holds nobody else's words), and how
    many words are the author's and others'."""

    files: Files
    account: str = ""
    n_own_words: int = 8
    n_others_words: int = 8


def _own(files: Files, *texts: str) -> OneExport:
    return OneExport(files, "", sum(len(text.split()) for text in texts), 0)


def _telegram() -> Files:
    rows = [{"id": n, "type": "message", "date_unixtime": str(SECONDS[n]), "text": text,
             "from": ["Bo", "Ada"][n % 2], "from_id": f"user{2 - n % 2}"}
            for n, text in enumerate(SAID)]
    return {"telegram/result.json": {"personal_information": {"user_id": 1}, "chats": {"list": [
        {"id": 9, "type": "personal_chat", "name": "Bo", "messages": rows}]}}}


def _discord_chat() -> Files:
    people = [{"id": "7", "name": "bo", "isBot": False}, {"id": "8", "name": "ada", "isBot": False}]
    return {"discord/bo.json": {
        "guild": {"id": "0", "name": "Direct Messages"},
        "channel": {"id": "55", "type": "DirectTextChat", "name": "bo"},
        "messages": [{"id": str(n), "type": "Default", "timestamp": ISO[n], "content": text,
                      "author": people[n % 2]} for n, text in enumerate(SAID)]}}


def _slack() -> Files:
    rows = [{"type": "message", "user": ["UBO", "UADA"][n % 2], "text": text,
             "ts": f"{SECONDS[n]}.0001"} for n, text in enumerate(SAID)]
    return {"slack/users.json": [{"id": "UBO", "name": "bo"}, {"id": "UADA", "name": "ada"}],
            "slack/D1/2021-03-06.json": rows,
            "slack/dms.json": [{"id": "D1", "members": ["UBO", "UADA"]}]}


def _meta() -> Files:
    rows = [{"sender_name": ["Bo", "Ada"][n % 2], "timestamp_ms": SECONDS[n] * 1000,
             "content": text} for n, text in enumerate(SAID)]
    return {"meta/messages/inbox/bo_1/message_1.json": {
        "participants": [{"name": "Bo"}, {"name": "Ada"}], "messages": rows[::-1], "title": "Bo"}}


def _chatlab() -> Files:
    rows = [{"sender": ["7", "8"][n % 2], "accountName": ["Bo", "Ada"][n % 2], "content": text,
             "timestamp": SECONDS[n], "type": 0} for n, text in enumerate(SAID)]
    return {"chatlab/bo.json": {
        "chatlab": {"version": "0.0.1", "exportedAt": 1},
        "meta": {"name": "Bo", "platform": "qq", "type": "private"},
        "members": [{"platformId": "7", "accountName": "Bo"},
                    {"platformId": "8", "accountName": "Ada"}], "messages": rows}}


def _signal_chat() -> Files:
    return {"sigexport/Bo/data.json": lines(*({
        "date": ISO[n].removesuffix("Z"), "sender": ["Bo", "Me"][n % 2], "body": text, "quote": "",
        "sticker": None, "reactions": [], "attachments": []} for n, text in enumerate(SAID)))}


def _whatsapp() -> Files:
    return {"whatsapp/WhatsApp Chat with Bo.txt": "".join(
        f"[{stamp[8:10]}/{stamp[5:7]}/{stamp[:4]}, {stamp[11:]}] {['Bo', 'Ada'][n % 2]}: {text}\n"
        for n, (stamp, text) in enumerate(zip(
            [s.replace("-06 ", "-26 ").replace("-07 ", "-27 ") for s in LOCAL], SAID,
            strict=True)))}


def _mail() -> Files:
    days = [stamp.replace("2021-03-0", "").replace("-", "") for stamp in LOCAL]
    return {"mail/All.mbox": "".join(
        f"From x@y Sat Mar 06 17:00:00 2021\nFrom: {who}\nTo: {to}\nMessage-ID: <{n}@x>\n"
        f"References: <0@x>\nDate: Sat, {day[:1]} Mar 2021 {day[2:]} +0000\n\n{text}\n\n"
        for n, (day, text) in enumerate(zip(days, SAID, strict=True))
        for who, to in [(("Bo <bo@example.org>", "Ada <ada@example.org>") if n % 2 == 0 else (
            "Ada <ada@example.org>", "Bo <bo@example.org>"))])}


def _transcript() -> Files:
    return {"talk/a.vtt": "WEBVTT\n\n" + "".join(
        f"00:0{n}.000 --> 00:0{n + 1}.000\n<v {['Bo', 'Ada'][n % 2]}>{text}\n\n"
        for n, text in enumerate(SAID))}


def _documents() -> Files:
    document, saved = docx.Document(), io.BytesIO()
    document.add_paragraph(MINE)
    document.save(saved)
    return {"documents/essay.docx": saved.getvalue()}


def _x_archive() -> Files:
    tweet = {"id_str": "1", "full_text": MINE, "created_at": "Sat Mar 06 18:00:11 +0000 2021"}
    return {"x/data/tweets.js": f'window.YTD.tweets.part0 = {json.dumps([{"tweet": tweet}])}',
            "x/data/account.js": "window.YTD.account.part0 = []"}


def _reddit() -> Files:
    return {"reddit/comments.csv": (
        "id,permalink,date,ip,subreddit,gildings,link,parent,body,media\n"
        f"a,https://r/a,{LOCAL[0]} UTC,,x,0,https://r/p,,{MINE},\n")}


def commit(folder: Path) -> None:
    """A repository with one commit in ``folder``: the one export that cannot be a dict of files."""
    folder.mkdir(parents=True)
    for words in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", MINE)):
        subprocess.run(["git", "-C", str(folder), "-c", f"user.email={ADA_OF_GIT}", "-c",
                        "user.name=Ada", "-c", "commit.gpgsign=false", *words], check=True)


def _chat(name: str) -> OneExport:
    return OneExport(*CHATS[name])


def _writing(name: str) -> OneExport:
    files, texts = WRITING[name]
    return _own(files, *texts)


EVERY: dict[str, OneExport] = {
    "assistants": _writing("chatgpt"), "bluesky": _writing("bluesky"),
    "chat_tables": _chat("wechat"), "chatlab": OneExport(_chatlab(), "chatlab-qq:8"),
    "discord_chat": OneExport(_discord_chat(), "discord:8"),
    "discord_package": _own({"package/messages/c1/messages.json": [
        {"ID": 1, "Timestamp": LOCAL[0], "Contents": MINE, "Attachments": ""}]}, MINE),
    "documents": _own(_documents(), MINE), "evernote": _writing("evernote"),
    "git_repository": OneExport({}, f"git:{ADA_OF_GIT}", len(MINE.split()), 0),
    "google_chat": _chat("google chat"), "google_keep": _writing("keep"),
    "imessage": _chat("imessage page"), "imessage_db": _chat("imessage database"),
    "journals": _writing("day one"),
    "jsonl_chat": OneExport({"data/pairs.jsonl": lines({"instruction": SAID[0], "output": MINE})},
                            "", len(MINE.split()), 4),
    "linkedin": _writing("linkedin"), "mail": OneExport(_mail(), "mail:ada@example.org"),
    "mastodon": _writing("mastodon"), "matrix": _chat("matrix"), "messenger": _chat("messenger"),
    "meta": OneExport(_meta(), "meta:Ada"), "meta_posts": _writing("threads"),
    "onenote": _writing("onenote"), "pages": _writing("medium"), "qq": _chat("qq"),
    "reddit": _own(_reddit(), MINE), "signal_chat": OneExport(_signal_chat(), "signal:Me"),
    "signal_export": _chat("signal"),
    "sigtop": OneExport({"sigtop/Bo.txt": READABLE["sigtop"]}, "signal:You"),
    "skype": _chat("skype"), "slack": OneExport(_slack(), "slack:UADA"),
    "slackdump": _chat("slackdump"), "sms": _chat("sms"), "teams": _chat("teams"),
    "telegram": OneExport(_telegram(), "telegram:user1"),
    "text_chats": OneExport({"kakao/chat.txt": READABLE["kakaotalk windows"]}, "kakaotalk:Ada"),
    "transcript": OneExport(_transcript(), "transcript:Ada"),
    "vault": _own({"vault/hedge.md": f"# Hedge\n\n{MINE}\n"}, "Hedge", MINE),
    "whatsapp": OneExport(_whatsapp(), "whatsapp:Ada"),
    "whatsapp_exporter": _chat("whatsapp exporter"),
    "whisper": OneExport(WHISPER["whisper"], "transcript:SPEAKER_00", 4, 1),
    "wordpress": _writing("wordpress"), "x_archive": _own(_x_archive(), MINE),
}
