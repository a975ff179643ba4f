"""Goal: exports that hold only the author's words give these words and nobody else's.

Method: small exports written here, then spoiled one way at a time.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.host_training.importers.reading import read, reasons, zipped
from tests.host_training.nasty_inputs import nasty

WHEN = "Wed Oct 10 20:19:24 +0000 2018"


def tweets(*rows: dict[str, object], part: int = 0, kind: str = "tweets") -> str:
    inner = [{"tweet": {"id_str": str(i), "created_at": WHEN, **row}} for i, row in enumerate(rows)]
    return f"window.YTD.{kind}.part{part} = {json.dumps(inner)}"


@nasty(12)
@pytest.mark.parametrize("name", ["tweet.js", "tweets.js", "tweets-part1.js"])
def test_posts_under_every_name_of_the_file(tmp_path: Path, name: str) -> None:
    messages, notes = read(tmp_path, {"twitter.zip": zipped({
        f"data/{name}": tweets({"full_text": "It flew &amp; landed"}, part=1),
        "data/account.js": 'window.YTD.account.part0 = [{"account": {"username": "ada"}}]',
        "assets/js/main.js": "function x() {}", "Your archive.html": "<html></html>"})})
    assert [(m.text, m.is_me, m.chat_kind, m.utc_ms) for m in messages] == [
        ("It flew & landed", True, "post", 1_539_202_764_000)]
    assert notes.skipped == {"other file of an X archive": 1,
                             "picture, sound, film or page decoration": 2}


@nasty(12)
@pytest.mark.parametrize(("row", "words"), [
    ({"full_text": "@bo @carl no, it floats https://t.co/abc123"}, "no, it floats"),
    ({"full_text": "a link https://t.co/abc123 in the middle"}, "a link  in the middle"),
    ({"full_text": "2 &lt; 3", "display_text_range": ["0", "5"]}, "2 < 3"),
    ({"text": "an old archive"}, "an old archive"),
])
def test_what_the_program_added_is_gone(
    tmp_path: Path, row: dict[str, object], words: str
) -> None:
    assert [m.text for m in read(tmp_path, {"data/tweets.js": tweets(row)})[0]] == [words]


@nasty(12)
@pytest.mark.parametrize(("row", "reason"), [
    ({"full_text": "RT @bo: somebody else's words, cut at 140…"}, "repost of somebody else"),
    ({"full_text": "x" * 139 + "…"}, "cut off by the archive"),
    ({"full_text": "https://t.co/abc123"}, "no words"),
])
def test_what_is_not_ones_own_is_counted(
    tmp_path: Path, row: dict[str, object], reason: str
) -> None:
    messages, notes = read(tmp_path, {"data/tweets.js": tweets(row)})
    assert messages == [] and notes.skipped[reason] == 1 and not notes.bad


@nasty(12)
def test_a_long_post_is_taken_whole_and_once(tmp_path: Path) -> None:
    words = "The first wind above the houses is not the same as the wind in the yard. " * 5
    long = {"noteTweet": {"noteTweetId": "9", "createdAt": "2023-05-01T10:00:00.000Z",
                          "core": {"text": words.strip()}}}
    messages, notes = read(tmp_path, {
        "data/tweets.js": tweets({"full_text": words[:270].strip() + "… https://t.co/x"}),
        "data/note-tweet.js": f"window.YTD.note_tweet.part0 = {json.dumps([long])}"})
    assert [m.text for m in messages] == [words.strip()]
    assert notes.skipped == {"beginning of a long post": 1}


@nasty(12)
def test_a_damaged_archive_gives_what_is_whole(tmp_path: Path) -> None:
    text = tweets({"full_text": "first"}, {"full_text": "second"}, {"full_text": 7})
    messages, notes = read(tmp_path, {"data/tweets.js": text[: text.index("second") - 10]})
    assert [m.text for m in messages] == ["first"]
    assert "truncated" in reasons(notes)[0]
    assert reasons(read(tmp_path, {"data/tweets.js": text})[1]) == [
        "data/tweets.js row 2: a post without text"]


COMMENTS = "id,permalink,date,ip,subreddit,gildings,link,parent,body,media\n"


@nasty(13)
def test_comments_without_quotes_and_deleted_ones(tmp_path: Path) -> None:
    rows = COMMENTS + (
        'a,https://r/a,2020-01-02 03:04:05 UTC,,x,0,https://r/p,,"> you said\n\nI did ""not"".",\n'
        "b,https://r/b,2020-01-02 03:04:06 UTC,,x,0,https://r/p,,[deleted],\n"
        "c,https://r/c,2020-01-02 03:04:07 UTC,,x,0,https://r/p,,[removed],\n"
        "d,https://r/d,soon,,x,0,https://r/p,,words,\n"
        "e,https://r/e\n")
    messages, notes = read(tmp_path, {"reddit/comments.csv": "\ufeff" + rows})
    assert [(m.text, m.utc_ms, m.is_me) for m in messages] == [
        ('I did "not".', 1_577_934_245_000, True)]
    assert notes.skipped == {"deleted message": 2}
    assert [bad.reason for bad in notes.bad] == ["\"date\" is 'soon'", "a row with too few cells"]


@nasty(13)
def test_rows_that_end_with_cr_alone(tmp_path: Path) -> None:
    rows = COMMENTS + "a,https://r/a,2020-01-02 03:04:05 UTC,,x,0,l,,one,\n" + (
        "b,https://r/b,2020-01-02 03:04:06 UTC,,x,0,l,,two,\n")
    messages, _ = read(tmp_path, {"comments.csv": rows.replace("\n", "\r")})
    assert [m.text for m in messages] == ["one", "two"]


@nasty(13)
def test_a_post_has_a_title(tmp_path: Path) -> None:
    messages, _ = read(tmp_path, {"posts.csv": (
        "id,permalink,date,ip,subreddit,gildings,title,url,body\n"
        "a,https://r/a,2020-01-02 03:04:05 UTC,,x,0,It flew,u,And landed.\n")})
    assert messages[0].text == "It flew\n\nAnd landed."


@nasty(12)
def test_hashtags_are_no_words(tmp_path: Path) -> None:
    messages, notes = read(tmp_path, {"data/tweets.js": tweets(
        {"full_text": "The #hedge leans #garden #balloon"}, {"full_text": "#garden #balloon"},
        {"full_text": "number #1 of 3"})})
    assert [m.text for m in messages] == ["The hedge leans", "number #1 of 3"]
    assert notes.skipped == {"no words": 1}
