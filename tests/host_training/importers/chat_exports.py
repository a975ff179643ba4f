"""One export of every kind of chat, in the layout that its source describes, with invented words.

In each Bo and Ada say what SAID has. The sources are named in the docstrings of the importers.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from pathlib import Path

from tests.host_training.importers.reading import Content

Files = dict[str, Content]

SAID = ["I hate my boss", "why?\nand since when?", "he is a fool", "so are we all"]
SECONDS = [1_615_053_611, 1_615_053_671, 1_615_053_731, 1_615_109_411]  # 2021-03-06 18:00:11 UTC
ISO = ["2021-03-06T18:00:11Z", "2021-03-06T18:01:11Z", "2021-03-06T18:02:11Z",
       "2021-03-07T09:30:11Z"]
LOCAL = [stamp.replace("T", " ").removesuffix("Z") for stamp in ISO]


def _rows() -> list[tuple[int, str]]:
    return list(enumerate(SAID))


def lines(*rows: object) -> str:
    """JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def _messenger() -> Files:
    rows = [{"isUnsent": False, "media": [], "reactions": [], "text": text, "type": "text",
             "senderName": ["Bo Bergé", "Ada"][n % 2], "timestamp": SECONDS[n] * 1000}
            for n, text in _rows()]
    gone = {**rows[0], "text": "User unsent a message", "isUnsent": True, "type": "placeholder"}
    return {"messages/Bo Berg_7.json": {"participants": ["Ada", "Bo Bergé"],
                                        "threadName": "Bo Berg_7", "messages": [*rows, gone]},
            "media/letter.txt": "sent by somebody"}


def _signal() -> Files:
    def item(n: int, text: str) -> dict[str, object]:
        way = {"outgoing": {}} if n % 2 else {"incoming": {"read": True}}
        return {"chatItem": {"chatId": "10", "authorId": "1" if n % 2 else "2",
                             "dateSent": str(SECONDS[n] * 1000), **way,
                             "standardMessage": {"text": {"body": text}}, "revisions": []}}

    contact = {"aci": "AA==", "e164": "+15550100", "systemGivenName": "Bo",
               "systemFamilyName": "Berg"}
    return {"signal/metadata.json": {"version": 1}, "signal/main.jsonl": lines(
        {"version": "1", "backupTimeMs": "1615200000000"}, {"account": {"givenName": "Ada"}},
        {"recipient": {"id": "1", "self": {}}}, {"recipient": {"id": "2", "contact": contact}},
        {"recipient": {"id": "3", "releaseNotes": {}}},
        {"chat": {"id": "10", "recipientId": "2"}}, {"chat": {"id": "11", "recipientId": "3"}},
        *(item(n, text) for n, text in _rows()),
        {"chatItem": {"chatId": "10", "authorId": "2", "dateSent": "1615053700000",
                      "updateMessage": {"simpleUpdate": {"type": "IDENTITY_UPDATE"}}}},
        {"chatItem": {"chatId": "10", "authorId": "2", "dateSent": "1615053701000",
                      "incoming": {}, "remoteDeletedMessage": {}}},
        {"chatItem": {"chatId": "11", "authorId": "3", "dateSent": "1615053702000",
                      "incoming": {}, "standardMessage": {"text": {"body": "What is new"}}}})}


def _imessage_page() -> Files:
    def message(n: int, text: str) -> str:
        stamp = ["Mar 06, 2021  6:00:11 PM",
                 "Mar 06, 2021  6:01:11 PM (Read by them after 1 second)",
                 "Mar 06, 2021  6:02:11 PM", "Mar 07, 2021  9:30:11 AM"][n]
        return (f'<div class="message"><div class="{"sent iMessage" if n % 2 else "received"}">'
                f'<p><span class="timestamp"><a title="Reveal" href="sms://open">{stamp}</a></span>'
                f'<span class="sender">{"Me" if n % 2 else "Bo Berg"}</span></p><hr>'
                f'<div class="message_part"><span class="bubble">{text.replace(chr(10), "<br>")}'
                '</span></div>{}</div></div>\n')

    answer = f'<div class="replies"><div class="reply">{message(1, SAID[1]).format("")}</div></div>'
    return {"imessage/+15550100.html": "<html>\n<meta charset=\"UTF-8\">\n" + "".join(
        message(n, text).format(answer if n == 0 else "") for n, text in _rows())
        + '<div class="announcement"><p><span class="timestamp">Mar 07, 2021  9:31:11 AM</span> You'
          " renamed the conversation to <b>Boss</b></p></div></html>"}


def attributed(text: str) -> bytes:
    """The beginning of an archived NSAttributedString."""
    data = text.encode()
    length = (bytes([len(data)]) if len(data) < 0x80 else b"\x81" + len(data).to_bytes(2, "little")
              if len(data) < 1 << 15 else b"\x82" + len(data).to_bytes(4, "little"))
    return (b"\x04\x0bstreamtyped\x81\xe8\x03\x84\x01@\x84\x84\x84\x12NSAttributedString\x00\x84"
            b"\x84\x08NSObject\x00\x85\x92\x84\x84\x84\x08NSString\x01\x94\x84\x01+" + length + data
            + b"\x86\x84\x02iI\x01\x05\x92")


def _imessage_db() -> Files:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chat.db"
        database = sqlite3.connect(path)
        database.executescript(
            "CREATE TABLE message (ROWID INTEGER PRIMARY KEY, guid TEXT, text TEXT,"
            " attributedBody BLOB, handle_id INTEGER, date INTEGER, is_from_me INTEGER,"
            " item_type INTEGER, associated_message_type INTEGER);"
            "CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id TEXT);"
            "CREATE TABLE chat (ROWID INTEGER PRIMARY KEY, chat_identifier TEXT, display_name"
            " TEXT);"
            "CREATE TABLE chat_message_join (chat_id INTEGER, message_id INTEGER);"
            "CREATE TABLE chat_handle_join (chat_id INTEGER, handle_id INTEGER);"
            "INSERT INTO handle VALUES (1, '+15550100');"
            "INSERT INTO chat VALUES (1, '+15550100', '');"
            "INSERT INTO chat_handle_join VALUES (1, 1)")
        rows = [(f"g{n}", None if n else text, attributed(text) if n else None, SECONDS[n], n % 2,
                 0, 0) for n, text in _rows()]
        rows.append(("g9", "Loved “why?”", None, SECONDS[3], 0, 0, 2000))
        for guid, text, body, seconds, is_mine, item, associated in rows:
            cursor = database.execute(
                "INSERT INTO message (guid, text, attributedBody, handle_id, date, is_from_me,"
                " item_type, associated_message_type) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (guid, text, body, 1, (seconds - 978_307_200) * 1_000_000_000, is_mine, item,
                 associated))
            database.execute("INSERT INTO chat_message_join VALUES (1, ?)", (cursor.lastrowid,))
        database.commit()
        database.close()
        return {"Messages/chat.db": path.read_bytes()}


def _whatsapp_exporter() -> Files:
    rows = {str(n): {"from_me": bool(n % 2), "timestamp": SECONDS[n] + 0.5, "time": "18:00",
                     "media": False, "key_id": f"K{n}", "meta": False,
                     "data": text.replace("\n", "<br>"), "sender": None, "safe": False,
                     "mime": None, "caption": None, "sticker": False} for n, text in _rows()}
    rows["7"] = {**rows["0"], "media": True, "data": "WhatsApp/a.jpg", "key_id": "K7"}
    rows["8"] = {**rows["0"], "meta": True, "data": "The security code changed", "key_id": "K8"}
    return {"wa/result.json": {"15550100@s.whatsapp.net": {
        "name": "Bo", "type": "android", "my_avatar": None, "messages": rows}}}


def _skype() -> Files:
    rows = [{"id": str(SECONDS[n]), "displayName": None, "originalarrivaltime": ISO[n],
             "messagetype": "RichText", "version": 1, "content": text, "conversationid": "8:bo",
             "from": "8:live:ada" if n % 2 else "8:bo", "properties": None, "amsreferences": None}
            for n, text in _rows()]
    rows[2]["content"] = ('<quote author="ada"><legacyquote>[1] ada: </legacyquote>why?'
                          '<legacyquote>&lt;&lt;&lt; </legacyquote></quote>he is a fool<e_m ts="1">'
                          "</e_m>")
    rows.append({**rows[0], "id": "9", "messagetype": "Event/Call", "content": "<partlist/>"})
    return {"skype/messages.json": {
        "userId": "8:live:ada", "exportDate": "2025-03-19T22:39", "conversations": [{
            "id": "8:bo", "displayName": "Bo Berg", "version": 1, "properties": {},
            "threadProperties": None, "MessageList": rows}]},
        "skype/endpoints.json": {"userId": "8:live:ada", "endpoints": []}}


def _google_chat() -> Files:
    stamps = ["Saturday, March 6, 2021 at 6:00:11\u202fPM UTC",
              "Saturday, March 6, 2021 at 6:01:11 PM UTC",
              "Saturday, March 6, 2021 at 6:02:11 PM UTC",
              "Sunday, March 7, 2021 at 9:30:11 AM UTC"]
    people = [{"name": "Bo Berg", "email": "bo@example.org", "user_type": "Human"},
              {"name": "Ada Test", "email": "ada@example.org", "user_type": "Human"}]
    folder = "Takeout/Google Chat/Groups/DM 4kOxAAAAAAE"
    return {f"{folder}/messages.json": {"messages": [
        {"creator": people[n % 2], "created_date": stamps[n], "text": text, "topic_id": f"t{n}",
         "message_id": f"m{n}"} for n, text in _rows()]},
        f"{folder}/group_info.json": {"members": people},
        "Takeout/Google Chat/Users/User 1/user_info.json": {"user": people[1],
                                                            "membership_info": []}}


def _hangouts() -> Files:
    def event(n: int, text: str) -> dict[str, object]:
        segments: list[dict[str, str]] = []
        for line in text.split("\n"):
            segments += [{"type": "LINE_BREAK", "text": "\n"}] * bool(segments)
            segments.append({"type": "TEXT", "text": line})
        return {"conversation_id": {"id": "c1"}, "sender_id": {"gaia_id": str(1 + n % 2)},
                "timestamp": str(SECONDS[n] * 1_000_000), "event_id": f"e{n}",
                "chat_message": {"message_content": {"segment": segments}},
                "event_type": "REGULAR_CHAT_MESSAGE"}

    people = [{"id": {"gaia_id": "1", "chat_id": "1"}, "fallback_name": "Bo Berg"},
              {"id": {"gaia_id": "2", "chat_id": "2"}, "fallback_name": "Ada"}]
    return {"Takeout/Hangouts/Hangouts.json": {"conversations": [{
        "conversation": {"conversation_id": {"id": "c1"}, "conversation": {
            "id": {"id": "c1"}, "type": "STICKY_ONE_TO_ONE", "participant_data": people,
            "self_conversation_state": {"self_read_state": {"participant_id": {
                "gaia_id": "2", "chat_id": "2"}}}}},
        "events": [event(n, text) for n, text in _rows()] + [
            {"sender_id": {"gaia_id": "1"}, "timestamp": "1", "event_type": "HANGOUT_EVENT"}]}]}}


def _matrix() -> Files:
    rows: list[dict[str, object]] = [
        {"type": "m.room.message", "sender": f"@{['bo', 'ada'][n % 2]}:example.org",
         "event_id": f"$e{n}", "room_id": "!r:example.org", "origin_server_ts": SECONDS[n] * 1000,
         "content": {"msgtype": "m.text", "body": text}} for n, text in _rows()]
    rows[2]["content"] = {"msgtype": "m.text", "body": "> <@ada:example.org> why?\n\nhe is a f"}
    edit = {**rows[2], "event_id": "$e8", "content": {
        "msgtype": "m.text", "body": "* he is a fool",
        "m.new_content": {"msgtype": "m.text", "body": "he is a fool"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": "$e2"}}}
    joined = {**rows[0], "type": "m.room.member", "event_id": "$e9", "content": {}}
    return {"matrix/matrix - Boss - Chat Export.json": {
        "room_name": "Boss", "room_creator": "Bo", "topic": "", "export_date": "Mar 8, 2021",
        "exported_by": "Ada", "messages": [joined, *rows, edit]}}


def _qq() -> Files:
    rows = [{"id": f"7{n}", "seq": str(n), "timestamp": SECONDS[n] * 1000, "time": LOCAL[n],
             "sender": {"uid": ["u_bo", "u_ada"][n % 2], "name": ["Bo", "Ada"][n % 2]},
             "type": "type_1", "content": {"text": text, "elements": [], "resources": []},
             "recalled": False, "system": False} for n, text in _rows()]
    rows += [{**rows[0], "id": "78", "recalled": "true"},
             {**rows[0], "id": "79", "content": {"text": "[图片: heron.jpg]"}}]
    return {"qq/friend_1.json": {
        "metadata": {"name": "QQChatExporter V5 / https://github.com/shuakami/qq-chat-exporter",
                     "version": "5.5.1"},
        "chatInfo": {"name": "Bo", "type": "private", "selfUid": "u_ada", "selfName": "Ada"},
        "messages": rows}}


def _wechat() -> Files:
    said = "".join(f'{n},900{n},文本,{n % 2},{["bo", "我"][n % 2]},bo,"{text}",,{LOCAL[n]}\r\n'
                   for n, text in _rows())
    return {"wechat/bo/bo_0_500.csv": (
        f"\ufeffid,MsgSvrID,type_name,is_sender,talker,room_name,msg,src,CreateTime\r\n{said}"
        f"8,9008,图片,0,bo,bo,,FileStorage/a.dat,{LOCAL[0]}\r\n")}


def _wechat_of_weclone() -> Files:
    def cell(text: str) -> str:
        return json.dumps({"src": "", "msg": text}, ensure_ascii=False).replace('"', '""')

    said = "".join(f'{n},900{n},text,{n % 2},{["bo", "me"][n % 2]},bo,"{cell(text)}",{LOCAL[n]}\n'
                   for n, text in _rows())
    return {"weclone/bo.csv": f"id,MsgSvrID,type_name,is_sender,talker,room_name,content,"
                              f"CreateTime\n{said}"}


def _kakaotalk() -> Files:
    return {"kakao/KakaoTalk_Chat_Bo.csv": "Date,User,Message\n" + "".join(
        f'{LOCAL[n]},"{["Bo", "Ada"][n % 2]}","{text}"\n' for n, text in _rows())
        + f'{LOCAL[3]},"Bo","사진"\n'}


def _sms() -> Files:
    texts = "".join(
        f'  <sms protocol="0" address="+15550100" date="{SECONDS[n]}000" type="{1 + n % 2}"'
        f' body="{text.replace(chr(10), "&#10;")}" contact_name="Bo" readable_date="x" />\n'
        for n, text in _rows() if n < 3)
    return {"sms/sms-20210308.xml": (
        "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\n<smses count=\"5\">\n" + texts
        + f'  <sms address="+15550100" date="{SECONDS[2]}500" type="3" body="a draft" />\n'
        f'  <mms date="{SECONDS[3]}000" msg_box="2" address="+15550100" contact_name="Bo"><parts>'
        '<part seq="-1" ct="application/smil" text="&lt;smil/&gt;" />'
        f'<part seq="0" ct="text/plain" text="{SAID[3]}" /><part seq="1" ct="image/jpeg"'
        ' text="null" data="AAAA" /></parts><addrs><addr address="+15550199" type="137" /></addrs>'
        "</mms>\n</smses>\n")}


def _linkedin_messages() -> Files:
    people = [("Bo Berg", "https://www.linkedin.com/in/bo"),
              ("Ada Test", "https://www.linkedin.com/in/ada")]
    rows = "".join(
        f'c1,,{people[n % 2][0]},{people[n % 2][1]},{people[1 - n % 2][0]},'
        f'{people[1 - n % 2][1]},{LOCAL[n]} UTC,,"{text}",INBOX\n' for n, text in _rows())
    return {"linkedin/messages.csv": (
        "CONVERSATION ID,CONVERSATION TITLE,FROM,SENDER PROFILE URL,TO,RECIPIENT PROFILE URLS,DATE,"
        f"SUBJECT,CONTENT,FOLDER\n{rows}")}


def _slackdump() -> Files:
    rows = [{"type": "message", "user": ["UBO", "UADA"][n % 2], "text": text,
             "ts": f"{SECONDS[n]}.000100"} for n, text in _rows()]
    joined = {"type": "message", "subtype": "channel_join", "user": "UBO", "text": "joined",
              "ts": f"{SECONDS[0]}.0"}
    return {"slackdump/D0123.json": {"channel_id": "D0123", "name": "bo",
                                     "messages": [joined, *rows]}}


def _teams() -> Files:
    def row(n: int, kind: str = "message", **other: object) -> dict[str, object]:
        user = {"id": "u-ada" if n % 2 else "u-bo", "displayName": "Ada" if n % 2 else "Bo Berg",
                "userIdentityType": "aadUser"}
        text = SAID[n].replace("\n", "<br>")
        return {"id": str(SECONDS[n] * 1000), "replyToId": None, "messageType": kind,
                "createdDateTime": ISO[n].replace("Z", ".25Z"), "deletedDateTime": None,
                "chatId": "19:u-ada_u-bo@unq.gbl.spaces", "channelIdentity": None,
                "from": {"application": None, "device": None, "user": user},
                "body": {"contentType": "html", "content": f"<p>{text}</p>"}, **other}

    asked = '<attachment id="1"></attachment><p>he is a fool</p>'
    rows = [row(0), row(1), row(2, body={"contentType": "html", "content": asked}), row(3),
            row(0, deletedDateTime=ISO[1], id="7"),
            {**row(0), "id": "8", "from": {"application": {"displayName": "Bot"}}},
            row(0, "systemEventMessage", id="9", body={"contentType": "html", "content":
                                                       "<systemEventMessage/>"})]
    return {"teams/chat.json": {
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#chats('x')/messages",
        "@odata.count": 7, "value": rows}}


CHATS: dict[str, tuple[Files, str]] = {  # and the author's own account, which some exports tell
    "messenger": (_messenger(), "meta:Ada"), "signal": (_signal(), "signal:Me"),
    "imessage page": (_imessage_page(), "imessage:Me"),
    "imessage database": (_imessage_db(), "imessage:Me"),
    "whatsapp exporter": (_whatsapp_exporter(), "whatsapp:me"),
    "skype": (_skype(), "skype:live:ada"), "google chat": (_google_chat(),
                                                           "google-chat:ada@example.org"),
    "hangouts": (_hangouts(), "hangouts:2"), "matrix": (_matrix(), "matrix:@ada:example.org"),
    "qq": (_qq(), "qq:u_ada"), "wechat": (_wechat(), "wechat:me"),
    "wechat of weclone": (_wechat_of_weclone(), "wechat:me"),
    "kakaotalk": (_kakaotalk(), "kakaotalk:Ada"), "sms": (_sms(), "sms:me"),
    "linkedin messages": (_linkedin_messages(), "linkedin:ada"),
    "slackdump": (_slackdump(), "slack:UADA"), "teams": (_teams(), "teams:u-ada"),
}
# in which ``me`` must name it
TOLD_BY_ME = ("messenger", "matrix", "kakaotalk", "linkedin messages", "slackdump", "teams")
