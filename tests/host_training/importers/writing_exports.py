"""One export of every kind of writing of one's own, in the layout that its source describes.

The words are Ada's, and what others wrote beside them is of others. The sources are named in the
docstrings of the importers.
"""

from __future__ import annotations

from tests.host_training.importers.chat_exports import ISO, LOCAL, SECONDS, Files

MINE = "The hedge and I have an understanding."


def _turn(role: str, text: str, parent: str | None, kind: str = "text") -> dict[str, object]:
    return {"message": {"author": {"role": role}, "create_time": float(SECONDS[0]),
                        "content": {"content_type": kind, "parts": [text]}}, "parent": parent}


def _chatgpt() -> Files:
    return {"gpt/conversations.json": [{
        "title": "Hedges", "create_time": SECONDS[0], "conversation_id": "g1", "current_node": "d",
        "mapping": {"root": {"message": None, "parent": None},
                    "a": _turn("user", "You are asked by Ada", "root", "user_editable_context"),
                    "b": _turn("user", MINE, "a"), "c": _turn("assistant", "Hedges are slow.", "b"),
                    "x": _turn("user", "The hedge and me", "a"),
                    "d": _turn("user", "x" * 1_600, "c")}}],
        "gpt/user.json": {"id": "u1"}, "gpt/chat.html": "<html></html>"}


def _claude() -> Files:
    return {"claude/conversations.json": [{
        "uuid": "c1", "name": "Hedges", "created_at": ISO[0], "chat_messages": [
            {"uuid": "m1", "sender": "human", "text": MINE, "created_at": ISO[0],
             "content": [{"type": "text", "text": MINE}]},
            {"uuid": "m2", "sender": "assistant", "text": "Hedges are slow.",
             "created_at": ISO[0]}]}],
        "claude/users.json": [{"uuid": "u1", "full_name": "Ada"}]}


def _keep() -> Files:
    note = {"color": "DEFAULT", "isTrashed": False, "isPinned": False, "isArchived": False,
            "textContent": MINE, "title": "", "userEditedTimestampUsec": SECONDS[1] * 1_000_000,
            "createdTimestampUsec": SECONDS[0] * 1_000_000}
    clipped = {**note, "textContent": "https://example.org", "annotations": [
        {"title": "A page", "url": "https://example.org", "source": "WEBLINK"}]}
    tasks = {key: value for key, value in note.items() if key != "textContent"} | {
        "title": "Shopping", "listContent": [{"text": "Tape", "isChecked": False}]}
    return {"Takeout/Keep/a.json": note, "Takeout/Keep/a.html": "<html><body>x</body></html>",
            "Takeout/Keep/b.json": {**note, "isTrashed": True, "textContent": "in the bin"},
            "Takeout/Keep/c.json": clipped, "Takeout/Keep/d.json": tasks,
            "Takeout/Keep/Labels.txt": "Garden\nBalloon\n"}


def _evernote() -> Files:
    def note(title: str, content: str, about: str = "") -> str:
        return (f"<note><title>{title}</title><content><![CDATA[<?xml version=\"1.0\"?><!DOCTYPE"
                ' en-note SYSTEM "http://xml.evernote.com/pub/enml2.dtd"><en-note>'
                f"{content}</en-note>]]></content><created>20210306T180011Z</created>"
                f"<note-attributes>{about}</note-attributes><resource><data encoding=\"base64\">"
                "AAAA</data></resource></note>")

    return {"evernote/Garden.enex": (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE en-export SYSTEM'
        ' "http://xml.evernote.com/pub/evernote-export4.dtd">\n<en-export export-date="x">'
        + note("Hedge", f"<div>{MINE}</div><div><en-todo/>buy tape</div><table><tr><td>7</td></tr>"
                        "</table>")
        + note("A page", "<div>words of others</div>",
               "<source>web.clip7</source><source-url>https://example.org</source-url>")
        + "</en-export>")}


def _day_one() -> Files:
    return {"dayone/Journal.json": {"metadata": {"version": "1.0"}, "entries": [
        {"uuid": "ABC", "creationDate": ISO[0], "timeZone": "Europe/Berlin", "tags": [],
         "text": f"{MINE[:-1]}\\.\n\n![](dayone-moment://771B)\n", "richText": "{}"}]}}


def _roam() -> Files:
    return {"roam/garden.json": [{
        "title": "March 6th, 2021", "edit-time": SECONDS[3] * 1000, "children": [
            {"string": "The hedge and [[I]]", "uid": "xyz987654", "create-time": SECONDS[0] * 1000,
             "edit-time": 1, "children": [
                 {"string": "have an understanding. ((abcdefghi))", "uid": "b", "edit-time": 1,
                  "create-time": SECONDS[1] * 1000},
                 {"string": "{{[[TODO]]}}", "uid": "c", "create-time": SECONDS[1] * 1000}]}]}]}


def _apple_journal() -> Files:
    return {"AppleJournalEntries/Entries/2021-03-06_Hedge.html": (
        "<!doctype html><html><body><p class=\"p1\"><span class=\"s1\"><div"
        ' class="pageContainer"><div class="pageHeader">Saturday, 6 March 2021</div><div'
        ' class="assetGrid"><div class="gridItem assetType_audio"><div class="audioAssetHeader">'
        'Voice note</div></div></div><div class="title">Hedge</div><div class="bodyText"></span>'
        f'</p><p class="p2"><span class="s2">{MINE}</span></p><p class="p1"><span class="s1"></div>'
        "</div></span></p></body></html>"),
        "AppleJournalEntries/index.html": "<html><body>Journal</body></html>",
        "AppleJournalEntries/Resources/A1.json": {"latitude": 1}}


def _medium() -> Files:
    return {"medium/posts/2021-03-06_Hedge-1a2b.html": (
        "<!DOCTYPE html><html><head><title>Hedge</title></head><body><article class=\"h-entry\">"
        '<header><h1 class="p-name">Hedge</h1></header><section data-field="subtitle"'
        ' class="p-summary">A summary</section><section data-field="body" class="e-content">'
        '<section name="c0" class="section"><h3 class="graf graf--h3 graf--title">Hedge</h3>'
        f'<p class="graf graf--p">{MINE}</p></section><section class="section">'
        '<blockquote class="graf graf--blockquote">words of others</blockquote></section></section>'
        '<footer><p>By <a class="p-author">Ada</a> on <time class="dt-published"'
        f' datetime="{ISO[0]}">March 6, 2021</time></p></footer></article></body></html>'),
        "medium/profile/profile.html": "<html><body>Profile</body></html>"}


def _notion() -> Files:
    return {"notion/Hedge 0123456789abcdef0123456789abcdef.html": (
        "<html><head><title>Hedge</title></head><body><article id=\"0\" class=\"page sans\">"
        '<header><h1 class="page-title">Hedge</h1><table class="properties"><tr><th>Tags</th></tr>'
        f'</table></header><div class="page-body"><p>{MINE}</p><ul class="to-do-list"><li>tape</li>'
        "</ul></div></article></body></html>")}


def _wordpress() -> Files:
    def item(text: str, kind: str = "post") -> str:
        return ("<item><title>Hedge</title><dc:creator><![CDATA[ada]]></dc:creator>"
                f"<content:encoded><![CDATA[<!-- wp:paragraph --><p>{text}</p>[gallery]]]>"
                f"</content:encoded><wp:post_id>7</wp:post_id><wp:post_date_gmt>{LOCAL[0]}"
                f"</wp:post_date_gmt><wp:post_type>{kind}</wp:post_type><wp:status>publish"
                "</wp:status><wp:comment><wp:comment_content>words of others</wp:comment_content>"
                "</wp:comment></item>")

    return {"blog/ada.WordPress.xml": (
        '<?xml version="1.0" encoding="UTF-8" ?><rss version="2.0"'
        ' xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:wp="http://wordpress.org/export/1.2/"><channel><title>Ada</title>'
        f"{item(MINE)}{item('a menu', 'nav_menu_item')}</channel></rss>")}


def _mastodon() -> Files:
    def post(text: str) -> dict[str, object]:
        return {"id": "https://example.org/1/activity", "type": "Create", "published": ISO[0],
                "object": {"type": "Note", "inReplyTo": None, "content": text}}

    return {"mastodon/outbox.json": {
        "@context": "https://www.w3.org/ns/activitystreams", "id": "outbox.json",
        "type": "OrderedCollection", "totalItems": 2, "orderedItems": [
            post(f'<p><span class="h-card"><a>@<span>bo</span></a></span> {MINE} <a>#<span>hedge'
                 "</span></a></p>"),
            {"type": "Announce", "published": ISO[0], "object": "https://example.org/2"}]},
        "mastodon/actor.json": {"type": "Person"}, "mastodon/likes.json": {"orderedItems": []}}


def _cbor(value: object) -> bytes:
    def head(kind: int, number: int) -> bytes:
        if number < 24:
            return bytes([kind << 5 | number])
        size = 1 if number < 256 else 2
        return bytes([kind << 5 | 23 + size]) + number.to_bytes(size)

    if isinstance(value, dict):
        return head(5, len(value)) + b"".join(_cbor(k) + _cbor(v) for k, v in value.items())
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(_cbor, value))
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, int):
        return head(0, value)
    assert isinstance(value, str)
    return head(3, len(value.encode())) + value.encode()


def _bluesky() -> Files:
    def length(data: bytes) -> bytes:
        number, out = len(data), b""
        while number > 0x7F:
            out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
        return out + bytes([number]) + data

    cid = b"\x01\x71\x12\x20" + bytes(32)
    link = b"\xd8\x2a" + _cbor(b"\x00" + cid)
    header = b"\xa2eroots\x81" + link + b"gversion\x01"
    blocks = [{"$type": "app.bsky.feed.post", "text": MINE, "langs": ["en"], "createdAt": ISO[0]},
              {"$type": "app.bsky.feed.like", "createdAt": ISO[0]}, {"did": "did:plc:x", "rev": 3}]
    return {"bluesky/repo.car": length(header) + b"".join(
        length(cid + _cbor(block)) for block in blocks)}


def _facebook() -> Files:
    spoiled = "The hedge and I have an understanding — café.".encode().decode("latin-1")
    return {"facebook/your_facebook_activity/posts/your_posts__check_ins__photos_1.json": [
        {"timestamp": SECONDS[0], "data": [{"post": spoiled}], "title": "Ada updated her status."},
        {"timestamp": SECONDS[1], "attachments": [], "title": "Ada shared a link."}],
        "facebook/your_facebook_activity/comments_and_reactions/comments.json": {"comments_v2": [
            {"timestamp": SECONDS[1], "title": "Ada commented on Bo's post.", "data": [{"comment": {
                "timestamp": SECONDS[1], "comment": "No, it leans.", "author": "Ada"}}]}]},
        "facebook/security_and_login_information/logins.json": {"a": []}}


def _instagram() -> Files:
    return {"instagram/your_instagram_activity/media/posts_1.json": [
        {"media": [{"uri": "media/posts/a.jpg", "creation_timestamp": SECONDS[0], "title": MINE}]},
        {"media": [{"uri": "media/posts/b.jpg", "creation_timestamp": SECONDS[1], "title": ""}],
         "title": "Two hedges.", "creation_timestamp": SECONDS[1]}],
        "instagram/your_instagram_activity/comments/post_comments_1.json": [{
            "media_list_data": [{"uri": ""}], "string_map_data": {
                "Opmerking": {"value": "It leans."}, "Media-eigenaar": {"value": "bo"},
                "Tijd": {"timestamp": SECONDS[1]}}}]}


def _threads() -> Files:
    return {"threads/your_instagram_activity/threads/threads_and_replies.json": {
        "text_post_app_text_posts": [{"media": [
            {"uri": "", "creation_timestamp": SECONDS[0], "title": MINE}]}]}}


def _linkedin() -> Files:
    return {"linkedin/Shares.csv": (
        "Date,ShareLink,ShareCommentary,SharedUrl,MediaUrl,Visibility\n"
        f'{LOCAL[0]},https://example.org,"{MINE}",,,MEMBER_NETWORK\n'
        f"{LOCAL[1]},https://example.org,,https://example.org,,MEMBER_NETWORK\n"),
        "linkedin/Comments.csv": f'Date,Link,Message\n{LOCAL[1]},https://example.org,"It leans."\n',
        "linkedin/Connections.csv": "Notes:\n\nFirst Name,Last Name\nBo,Berg\n"}


def _onenote() -> Files:
    page = ("<div style=3D'direction:ltr;border-width:100%'>\n<div>\n<p style=3D'margin:0in;"
            "font-family:\"Calibri Light\";font-size:20.0pt'>He=\ndge</p>\n</div>\n<div>\n"
            "<p style=3D'font-size:10.0pt;color:#767676'>Saturday, March 6, 2021</p>\n"
            "<p style=3D'font-size:10.0pt;color:#767676'>6:00 PM</p>\n</div>\n<div>\n"
            f"<p style=3D'margin:0in'>{MINE}</p>\n<table><tr><td>9</td></tr></table>"
            "<cite>Pasted from &lt;https://example.org&gt;</cite></div>\n</div>\n")
    html = ("<html xmlns:o=3D\"urn:schemas-microsoft-com:office:office\">\n<head>\n<meta name"
            "=3DPro=\ngId content=3DOneNote.File>\n<meta name=3DGenerator content=3D\"Microsoft"
            f" OneNote 15\">\n</head>\n<body lang=3Den-US>\n{page}<p>&nbsp;</p>\n"
            f"{page.replace('He=', 'Le=').replace(MINE, 'It leans.')}</body>\n</html>\n")
    kind = 'text/html; charset="utf-8"\nContent-Transfer-Encoding: quoted-printable\n\n'
    return {"onenote/Yard.mht": (
        'MIME-Version: 1.0\nContent-Type: multipart/related; boundary="----=_P"\n\n------=_P\n'
        f"Content-Location: file:///C:/Yard.htm\nContent-Type: {kind}{html}\n------=_P\n"
        "Content-Location: file:///C:/Yard_files/image001.png\nContent-Type: image/png\n"
        "Content-Transfer-Encoding: base64\n\nAAAA\n------=_P--\n")}


WRITING: dict[str, tuple[Files, list[str]]] = {
    "chatgpt": (_chatgpt(), [MINE]), "claude": (_claude(), [MINE]), "keep": (_keep(), [MINE]),
    "evernote": (_evernote(), [f"Hedge\n\n{MINE}"]), "day one": (_day_one(), [MINE]),
    "roam": (_roam(), ["The hedge and I\nhave an understanding."]),
    "apple journal": (_apple_journal(), [f"Hedge\n\n{MINE}"]),
    "medium": (_medium(), [f"Hedge\n\n{MINE}"]), "notion pages": (_notion(), [f"Hedge\n\n{MINE}"]),
    "wordpress": (_wordpress(), [f"Hedge\n\n{MINE}"]), "mastodon": (_mastodon(), [MINE]),
    "bluesky": (_bluesky(), [MINE]),
    "facebook": (_facebook(), ["The hedge and I have an understanding — café.", "No, it leans."]),
    "instagram": (_instagram(), [MINE, "Two hedges.", "It leans."]),
    "threads": (_threads(), [MINE]), "linkedin": (_linkedin(), [MINE, "It leans."]),
    "onenote": (_onenote(), [f"Hedge\n\n{MINE}", "Ledge\n\nIt leans."]),
}
WHISPER: dict[str, Files] = {
    "whisper": {"voice/a.json": {"text": " I hate my boss.", "language": "en", "segments": [
        {"id": 0, "seek": 0, "start": 0.0, "end": 2.0, "text": " I hate", "speaker": "SPEAKER_00"},
        {"id": 1, "start": 2.0, "end": 3.0, "text": " my boss.", "speaker": "SPEAKER_00"},
        {"id": 2, "start": 3.0, "end": 4.0, "text": " Why?", "speaker": "SPEAKER_01"}]}},
    "whisper.cpp": {"voice/b.json": {
        "systeminfo": "AVX = 1", "model": {"type": "base"}, "params": {},
        "result": {"language": "en"}, "transcription": [
            {"timestamps": {"from": "00:00:00,000", "to": "00:00:03,500"},
             "offsets": {"from": 0, "to": 3500}, "text": " I hate my boss."},
            {"timestamps": {"from": "00:00:03,500", "to": "00:00:05,000"},
             "offsets": {"from": 3500, "to": 5000}, "text": " [BLANK_AUDIO]"}]}},
}
