"""Chats that are exported as a table: WeChat's as WeClone reads it, KakaoTalk's of a Mac.

Source: the columns of PyWxDump, WeFlow and WeClone (``id,MsgSvrID,type_name,is_sender,talker,…``),
of three ages; KakaoTalk's ``Date,User,Message``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers.export_rows import Room, RowPlace, chat_row, csv_columns, csv_rows
from host_training.importers.text import head_text
from host_training.importers.times import from_iso
from host_training.importers.tree import File

LABEL = "WeChat or KakaoTalk table"
WECHAT, KAKAOTALK = "wechat", "kakaotalk"
OWN = "me"

_WECHAT = ["id", "MsgSvrID", "type_name", "is_sender", "talker"]
_KAKAOTALK = ["Date", "User", "Message"]
_WORDS = ("文本", "文字", "text", "引用回复", "引用文本")
_NO_WORDS = re.compile(r"\[[^\[\]\n]{1,12}\]")  # [图片]
_KAKAO_NO_WORDS = re.compile(r"사진(?: \d+장)?|동영상|이모티콘|음성메시지|Photos?|Video|Emoticons?|"
                             r"삭제된 메시지입니다\.?|This message was deleted\.|"
                             r".{1,80}님이 .{0,80}(?:들어왔|나갔|초대했|내보냈)습니다\.?")


def claims(file: File) -> bool:
    """By the columns."""
    if file.suffix != ".csv":
        return False
    columns = csv_columns(head_text(file))
    return (columns[:5] == _WECHAT or columns == _KAKAOTALK)


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote."""
    for file in files:
        is_wechat = csv_columns(head_text(file))[:1] == _WECHAT[:1]
        if is_wechat:
            notes.own_accounts.add(f"{WECHAT}:{OWN}")
        person = "talker" if is_wechat else "User"
        people = {row[person] for row, _ in csv_rows(file, Notes()) if not row.get("is_sender", "")
                  .startswith("1")}
        kind: ChatKind = "group" if len(people) > (1 if is_wechat else 2) else "dm"
        title = file.folder.rsplit("/", 1)[-1] if is_wechat else file.base.removesuffix(".csv")
        for row, place in csv_rows(file, notes):
            yield from (_of_wechat(row, title, kind, place) if is_wechat else
                        _of_kakaotalk(row, title, kind, place))


def _of_wechat(row: dict[str, str], title: str, kind: ChatKind, place: RowPlace
               ) -> Iterator[Message]:
    text = row.get("msg", "")
    with suppress(ValueError, AttributeError, RecursionError):
        text = text or str(json.loads(row.get("content", "")).get("msg") or "")
    if row["type_name"] not in _WORDS or _NO_WORDS.fullmatch(text):
        place.notes.skip("service message or media left out")
        return
    is_mine = row["is_sender"] == "1"
    chat = row.get("room_name") or title or place.file.base
    yield from chat_row(Room(WECHAT, chat, kind, chat), place,
                        OWN if is_mine else row["talker"], text,
                        from_iso(row["CreateTime"], place.notes.zone),
                        "" if is_mine else row["talker"], row["MsgSvrID"])


def _of_kakaotalk(row: dict[str, str], title: str, kind: ChatKind, place: RowPlace
                  ) -> Iterator[Message]:
    if _KAKAO_NO_WORDS.fullmatch(row["Message"]):
        place.notes.skip("service message or media left out")
        return
    yield from chat_row(Room(KAKAOTALK, title, kind, title), place, row["User"], row["Message"],
                        from_iso(row["Date"], place.notes.zone), row["User"])
