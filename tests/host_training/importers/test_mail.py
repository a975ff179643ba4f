"""Goal: a mailbox of any size gives what people wrote, not what they quoted or machines sent.

Method: small mailboxes, spoiled one way at a time.
"""

from __future__ import annotations

import base64
import encodings.idna
import encodings.punycode
from collections.abc import Callable
from pathlib import Path

import pytest

from host_training.corpus.message_store import MessageStore
from host_training.importers import mail
from host_training.importers.tree import memory_file
from tests.host_training.importers.reading import read, reasons
from tests.host_training.nasty_inputs import nasty

FROM = "From 1615050000000000000@xxx Sat Mar 06 17:00:00 +0000 2021\n"
BODY = "The hedge and I have an understanding."


def letter(body: str = BODY, sender: str = "Ada Test <Ada@Example.org>", **headers: str) -> str:
    fields = {"From": sender, "To": "Bo Berg <bo@example.org>", "Date":
              "Sat, 6 Mar 2021 18:00:00 +0100", "Message-ID": "<1@x>", **{
                  name.replace("_", "-"): value for name, value in headers.items()}}
    return "".join(f"{name}: {value}\n" for name, value in fields.items()) + "\n" + body + "\n"


def box(*letters: str) -> str:
    return "".join(FROM + text + "\n" for text in letters)


def texts(tmp_path: Path, content: str | bytes, name: str = "All mail.mbox") -> list[str]:
    return [m.text for m in read(tmp_path, {name: content})[0]]


@nasty(9)
def test_who_wrote_what_when_to_whom(tmp_path: Path) -> None:
    messages, notes = read(tmp_path, {"Takeout/Mail/All.mbox": box(
        letter(X_Gmail_Labels="Inbox,Sent"),
        letter("Yes.", "bo@example.org", Message_ID="<2@x>", References="<1@x> <1b@x>",
               In_Reply_To="<1b@x>"))})
    assert [(m.author, m.text, m.chat_id, m.tier) for m in messages] == [
        ("ada@example.org", BODY, "<1@x>", 3), ("bo@example.org", "Yes.", "<1@x>", 3)]
    assert messages[0].utc_ms == 1_615_050_000_000
    assert notes.own_accounts == {"mail:ada@example.org"}
    assert notes.names == {"mail:ada@example.org": {"Ada Test"}, "mail:bo@example.org": {"Bo Berg"}}


@nasty(9)
def test_lines_that_begin_with_from_are_not_mails(tmp_path: Path) -> None:
    body = f"Hello\n\nFrom what I see it is fine.\n\n>From here on too.\n\n{BODY}"
    body += "\nFrom Bo Sat Mar 06 17:00:00 2021 I heard nothing."
    assert texts(tmp_path, box(letter(body), letter(Message_ID="<2@x>"))) == [
        f"Hello\n\nFrom what I see it is fine.\n\nFrom here on too.\n\n{BODY}\n"
        "From Bo Sat Mar 06 17:00:00 2021 I heard nothing.", BODY]


@nasty(9)
def test_a_mailbox_is_read_mail_by_mail() -> None:
    attachment = "x" * 70 + "\n"
    pieces = list(mail.split(memory_file("x.mbox", box(
        *[letter(attachment * 100, Message_ID=f"<{i}@x>") for i in range(5)]).encode())))
    assert len(pieces) == 5 and all(len(piece) < 8_000 for piece in pieces)


@nasty(9)
@pytest.mark.parametrize("name", ["INBOX.mbox/mbox", "one.eml", "one.emlx",
                                  "Maildir/cur/1615.M1P2.host:2,S"])
def test_folders_called_mbox_and_single_mails(tmp_path: Path, name: str) -> None:
    content = box(letter()) if name.endswith("mbox") else letter(MIME_Version="1.0")
    if name.endswith("emlx"):
        content = f"{len(content)}\n{content}"
    assert texts(tmp_path, content, name) == [BODY]


@nasty(9)
@pytest.mark.parametrize(("headers", "data", "meant"), [
    ({"Content_Type": "text/plain; charset=iso-8859-1"}, "caf\xe9 words".encode("latin-1"),
     "café words"),
    ({}, "café words".encode(), "café words"),  # 8 bit and nothing declared
    ({"Content_Type": "text/plain; charset=x-nonsense"}, "café words".encode(), "café words"),
    ({"Content_Type": "text/plain; charset=us-ascii"}, "café words".encode(), "café words"),
    ({"Content_Type": "text/plain; charset=utf-8"}, "caf\xe9 au lait".encode("latin-1"),
     "café au lait"),
    ({"Content_Type": "text/plain; charset=utf-8", "Content_Transfer_Encoding": "base64"},
     base64.b64encode("café words".encode())[:-2], "café word"),
    ({"Content_Type": "text/plain; charset=utf-8",
      "Content_Transfer_Encoding": "quoted-printable"},
     b"caf=C3=A9 =\nwords =ZZ", "café words =ZZ"),
    ({"Content_Type": "text/plain; format=flowed"}, b"one \nline\n\n> quoted \n> on\nlast",
     "one line\n\nlast"),
])
def test_charsets_and_damage(
    tmp_path: Path, headers: dict[str, str], data: bytes, meant: str
) -> None:
    content = box(letter("@@", **headers)).encode().replace(b"@@", data)
    assert texts(tmp_path, content) == [meant]


def multipart(kind: str, *parts: tuple[str, str]) -> str:
    inner = "".join(f"--b\nContent-Type: {of}\n\n{text}\n" for of, text in parts)
    return letter(inner + "--b--", MIME_Version="1.0",
                  Content_Type=f'multipart/{kind}; boundary="b"')


@nasty(9)
def test_the_words_of_html_and_of_signed_mail(tmp_path: Path) -> None:
    page = ("<html><head><style>p{}</style></head><body><p>Hello&nbsp;<b>Bo</b>,</p>"
            "<p>it flew.</p><div class=gmail_quote>On Monday you wrote<blockquote>Did it?"
            "</blockquote></div></body>")
    assert texts(tmp_path / "a", box(letter(page, Content_Type="text/html"))) == [
        "Hello Bo,\n\nit flew."]
    assert texts(tmp_path / "b", box(multipart("alternative", ("text/plain", "plain words"),
                                               ("text/html", page)))) == ["plain words"]
    assert texts(tmp_path / "c", box(multipart(
        "signed", ("text/plain", "signed words"), ("application/pgp-signature", "abc")))) == [
            "signed words"]
    assert texts(tmp_path / "d", box(multipart(
        "mixed", ("text/plain", "see attachment"),
        ("application/ms-tnef; name=winmail.dat", "junk")))) == ["see attachment"]
    assert texts(tmp_path / "e", box(letter(
        "-----BEGIN PGP MESSAGE-----\n\nhQEM\n-----END PGP MESSAGE-----"))) == []


@nasty(9)
@pytest.mark.parametrize("below", [
    # Outlook: the head of the answered mail is marked, its words are not
    "<div id=divRplyFwdMsg><b>From:</b> Bo<br><b>Sent:</b> Monday</div><div>Did it?</div>",
    "<div id=appendonsend></div><hr><div id=divRplyFwdMsg><b>De :</b> Bo</div><p>Did it?</p>",
    "<div name=quote><div><b>Gesendet:</b> Montag</div><div>Did it?</div></div>",  # GMX
    "<div class=front-blockquote>Did it?</div>",
    "<div class=protonmail_quote>On Monday Bo wrote:<blockquote>Did it?</blockquote></div>",
])
def test_the_words_below_the_head_of_an_answered_mail_are_not_the_senders(
    tmp_path: Path, below: str
) -> None:
    page = f"<html><body><p>Yes, it flew.</p>{below}</body></html>"
    assert texts(tmp_path, box(letter(page, Content_Type="text/html"))) == ["Yes, it flew."]


BOS = "From: Bo <bo@x.org>\nMIME-Version: 1.0\nContent-Type: {}\n\nI hate my mother.\n"
PAGE = "<p>See what Bo says.</p>"
ATTACHED = "\nContent-Disposition: attachment"


@nasty(9)
@pytest.mark.parametrize(("kind", "parts", "words"), [
    # a mail forwarded as an attachment is not the forwarder's, whatever is beside it
    ("mixed", [("text/html", PAGE), ("message/rfc822" + ATTACHED, BOS.format("text/plain"))],
     ["See what Bo says."]),
    ("mixed", [("text/plain", ""), ("message/rfc822" + ATTACHED, BOS.format("text/html"))], []),
    ("mixed", [("text/plain", ""), ("message/rfc822", BOS.format("text/plain"))], []),
    ("digest", [("message/rfc822", BOS.format("text/plain"))], []),
    ("mixed", [("text/plain", ""), ("text/html" + ATTACHED, "<p>Bo's page</p>")], []),
    ("mixed", [("text/plain", "Look."), ("text/plain\nContent-Disposition: inline;"
                                         ' filename="bo.txt"', "Bo's words")], ["Look."]),
    # all that was written around a picture
    ("mixed", [("text/plain", "first half"), ("image/png\nContent-Disposition: inline", "AAAA"),
               ("text/plain", "second half")], ["first half\n\nsecond half"]),
    ("mixed", [("text/html", "<p>first</p>"), ("image/png", "AAAA"), ("text/html", "<p>last</p>"),
               ("text/plain", "a footer of the list")], ["first\n\nlast"]),
    ("alternative", [("text/html", PAGE), ("text/plain", "plain")], ["plain"]),
])
def test_only_what_the_sender_wrote_into_the_mail_is_read(
    tmp_path: Path, kind: str, parts: list[tuple[str, str]], words: list[str]
) -> None:
    assert texts(tmp_path, box(multipart(kind, *parts))) == words


@nasty(9)
def test_quotes_end_the_words_of_all_parts(tmp_path: Path) -> None:
    assert texts(tmp_path, box(multipart(
        "mixed", ("text/plain", "mine\n\n-----Original Message-----\nFrom: Bo\nhis"),
        ("image/png", "AAAA"), ("text/plain", "his too")))) == ["mine"]


@nasty(9)
def test_the_list_of_properties_behind_an_emlx_is_not_the_mail(tmp_path: Path) -> None:
    content = letter(f"{BODY}\n\n>From here on\n\nFrom me at 10:00\nit flew.")
    plist = ('<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0">\n<dict>\n'
             "\t<key>flags</key>\n\t<integer>8590195713</integer>\n</dict>\n</plist>\n")
    whole = f"{BODY}\n\n\nFrom me at 10:00\nit flew."  # a line with > is a quote here
    assert texts(tmp_path / "a", f"{len(content)}      \n{content}{plist}", "1.emlx") == [
        whole.replace("\n\n\n", "\n\n")]
    assert texts(tmp_path / "b", content, "1.emlx")[0].startswith(BODY)  # no length: all of it


@nasty(9)
def test_the_folders_of_a_maildir_look_hidden_and_are_read(tmp_path: Path) -> None:
    messages, notes = read(tmp_path, {
        "Maildir/cur/1.a:2,S": letter(sender="bo@example.org"),
        "Maildir/.Sent/cur/2.a:2,S": letter(Message_ID="<2@x>"),
        "Maildir/.Sent.2020/new/3.a": letter(Message_ID="<3@x>"),
        "Maildir/.Trash/cur/4.a:2,S": letter(Message_ID="<4@x>"),
        "Maildir/.Entw&APw-rfe/cur/5.a:2,DS": letter(Message_ID="<5@x>"),
        "Maildir/cur/6.a:2,ST": letter(Message_ID="<6@x>"),
        "Maildir/.config/cur.txt": BODY, "vault/.trash/new/old.md": BODY})
    assert sorted(m.message_id for m in messages) == ["<1@x>", "<2@x>", "<3@x>"]
    assert notes.own_accounts == {"mail:ada@example.org"} and not notes.bad
    assert notes.skipped == {"draft, spam, trash or chat": 3, "hidden file of a program": 2}


@nasty(9, 21)
def test_mails_without_an_id_are_told_apart_by_their_words(tmp_path: Path) -> None:
    bare = "From: ada@x.org\nTo: bo@x.org\nSubject: s\n\n{}\n"
    messages, _ = read(tmp_path, {"a.mbox": box(*map(bare.format, ("one", "two", "one")))})
    with MessageStore(tmp_path / "m.sqlite") as store:
        store.add(messages)
        assert sorted(m.text for m in store.ordered()) == ["one", "two"]


@nasty(9)
@pytest.mark.parametrize(("headers", "reason"), [
    ({"List_Id": "<news.example.org>"}, "newsletter or list"),
    ({"List_Unsubscribe": "<mailto:x>"}, "newsletter or list"),
    ({"Precedence": "bulk"}, "newsletter or list"),
    ({"Auto_Submitted": "auto-replied"}, "automatic mail"),
    ({"X_Gmail_Labels": "Spam"}, "draft, spam, trash or chat"),
    ({"X_Gmail_Labels": "=?UTF-8?Q?Entw=C3=BCrfe?="}, "draft, spam, trash or chat"),
    ({"X_Gmail_Labels": "Chat"}, "draft, spam, trash or chat"),
    ({"Content_Type": "text/calendar; method=REQUEST"}, "delivery report or invitation"),
    ({"Content_Type": "multipart/report; boundary=b"}, "delivery report or invitation"),
    ({"Content_Type": "multipart/encrypted; boundary=b"}, "encrypted mail"),
])
def test_what_machines_sent_is_counted(
    tmp_path: Path, headers: dict[str, str], reason: str
) -> None:
    messages, notes = read(tmp_path, {
        "a.mbox": box(letter(), letter(Message_ID="<2@x>", **headers))})
    assert len(messages) == 1 and notes.skipped == {reason: 1} and not notes.bad


@nasty(9)
@pytest.mark.parametrize(("date", "utc_ms"), [
    ("", None), ("Thu, 1 Jan 1970 00:00:00 +0000", None), ("Mon, 1 Jan 2040 00:00:00 +0000", None),
    ("yesterday", None), ("Sat, 6 Mar 2021 18:00:00 +0100 (CET)", 1_615_050_000_000),
])
def test_dates_that_cannot_be_are_unknown(
    tmp_path: Path, date: str, utc_ms: int | None
) -> None:
    assert read(tmp_path, {"a.mbox": box(letter(Date=date))})[0][0].utc_ms == utc_ms


@nasty(9)
def test_headers_in_no_charset_are_borne(tmp_path: Path) -> None:
    content = box(letter(sender="@@ <ada@x.org>", Subject="=?utf-8?B?broken", References="@@"))
    messages, notes = read(tmp_path, {"a.mbox": content.encode().replace(b"@@", b"Zo\xeb")})
    assert [m.text for m in messages] == [BODY] and not notes.bad
    with MessageStore(tmp_path / "m.sqlite") as store:
        assert store.add(messages) == 1


@nasty(9)
def test_a_copy_has_the_same_id_and_a_mail_without_sender_is_named(tmp_path: Path) -> None:
    messages, notes = read(tmp_path, {"a.mbox": box(letter(), letter(), letter(sender="nobody"))})
    assert len({(m.chat_id, m.message_id, m.utc_ms) for m in messages}) == 1
    assert reasons(notes) == ["a.mbox mail 3: no address in From"]


@nasty(9)
@pytest.mark.parametrize(("sender", "name"), [
    ("=?utf-8?Q?M=C3=BCller=2C_Hans?= <Hans@Example.org>", "Müller, Hans"),
    ("=?utf-8?B?TcO8bGxlciwgSGFucw==?= <hans@example.org>", "Müller, Hans"),
    ('"Müller, Hans" <hans@example.org>', "Müller, Hans"),
    ("=?utf-8?Q?M=C3=BCller=2C_Hans_=3Chans=40example=2Eorg=3E?=", "Hans"),  # all of it
])
def test_a_name_is_decoded_after_the_address_is_split_off(
    tmp_path: Path, sender: str, name: str
) -> None:
    messages, notes = read(tmp_path, {"a.mbox": box(letter(
        sender=sender, To="=?utf-8?Q?Berg=2C_Bo?= <bo@example.org>, ada@example.org"))})
    assert [(m.author, m.name) for m in messages] == [("hans@example.org", name)]
    assert messages[0].chat_name == "Berg, Bo, bo@example.org, ada@example.org" and not notes.bad


@nasty(9)
@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_the_case_of_the_names_of_headers_says_nothing(
    tmp_path: Path, change: Callable[[str], str]
) -> None:
    """A bug: a mail whose headers were written small was of an unknown format."""
    head, _, body = letter(Subject="hedges").partition("\n\n")
    lines = (line.partition(": ") for line in head.split("\n"))
    written = "\n".join(f"{change(name)}: {value}" for name, _, value in lines)
    assert texts(tmp_path, f"{written}\n\n{body}", "a.eml") == [BODY]


@nasty(9)
def test_one_header_in_three_cases_is_one_header() -> None:
    head = b"To: Bo\nto: Carl\nTO: Dora\nFrom: Ada\n"
    assert not mail.claims(memory_file("a.eml", head + b"\nHello"))
    assert mail.claims(memory_file("a.eml", head + b"date: today\n\nHello"))


@nasty(9)
@pytest.mark.parametrize("charset", [
    "=punycode", "=PunyCode", "=idna", "*=punycode''utf-8", "*=idna''utf-8"])
def test_a_charset_that_takes_quadratic_time_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, charset: str
) -> None:
    """A bug: a mail of a megabyte took a minute; these two are meant for the names of hosts."""
    def never(*args: object) -> None:
        raise AssertionError("the slow decoder was asked")

    monkeypatch.setattr(encodings.punycode, "punycode_decode", never)
    monkeypatch.setattr(encodings.idna.Codec, "decode", never)
    sender = "=?punycode?q?Ada-x?= <ada@example.org>"
    messages, notes = read(tmp_path, {"a.mbox": box(letter(
        "The hedge-leans.", sender, Content_Type=f"text/plain; charset{charset}"))})
    assert [(m.text, m.name) for m in messages] == [("The hedge-leans.", "=?punycode?q?Ada-x?=")]
    assert not notes.bad
