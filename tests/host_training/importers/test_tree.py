"""Goal: files come out of folders and zips alike, and what is hostile costs one sentence.

Method: zips made here, right and wrong.
"""

from __future__ import annotations

import errno
import io
import os
import random
import tarfile
import zipfile
from pathlib import Path

import pytest

from host_training.common import unpacking
from host_training.common.messages import Notes
from host_training.importers import registry, tree, zips
from host_training.importers.tree import Tree
from tests.host_training.importers.reading import read, reasons, write_files, zipped
from tests.host_training.nasty_inputs import nasty


def names(folder: Path) -> tuple[list[str], Notes]:
    notes = Notes()
    with Tree(folder, notes) as found:
        return [f"{file.name}={file.read().decode()}" for file in found.files(folder)], notes


@nasty(26)
def test_a_zip_in_a_zip_is_a_folder_in_a_folder(tmp_path: Path) -> None:
    inner = zipped({"a/chat.txt": "inner", "Part.docx": zipped({"word": "kept whole"})})
    write_files(tmp_path, {"exports/all.zip": zipped({"Part-1.zip": inner, "b.txt": "outer"}),
                           "exports/c.txt": "plain"})
    notes = Notes()
    with Tree(tmp_path, notes) as found:
        files = {file.name: file for file in found.files(tmp_path)}
        assert sorted(files) == ["exports/all.zip/Part-1.zip/Part.docx",
                                 "exports/all.zip/Part-1.zip/a/chat.txt",
                                 "exports/all.zip/b.txt", "exports/c.txt"]
        assert files["exports/all.zip/Part-1.zip/a/chat.txt"].read() == b"inner"
        assert files["exports/all.zip/b.txt"].head == b"outer"
    assert not notes.bad


@nasty(4, 26)
def test_only_a_few_zips_are_open_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zips, "OPEN_ZIPS_MAX", 3)
    monkeypatch.setattr(tree, "SPOOL_BYTES", 1)  # on disk, where they can be counted
    write_files(tmp_path, {f"{number}.zip": zipped({
        "a.txt": f"outer {number}", "b.zip": zipped({"c.txt": f"inner {number}"})})
        for number in range(9)})
    before = len(os.listdir("/dev/fd"))
    with Tree(tmp_path, Notes()) as found:
        files = list(found.files(tmp_path))
        with files[0].opened() as first, files[1].opened() as second:
            assert [file.read().decode() for file in reversed(files)] == [
                f"{kind} {number}" for number in range(8, -1, -1) for kind in ("inner", "outer")]
            assert len(os.listdir("/dev/fd")) <= before + 3 + 2
            # what is being read stays open
            assert (first.read(), second.read()) == (b"outer 0", b"inner 0")
        assert files[9].read() == b"inner 4"
        assert len(os.listdir("/dev/fd")) <= before + 3
    assert len(os.listdir("/dev/fd")) == before


@nasty(4, 26)
def test_the_beginning_of_a_picture_is_not_kept(tmp_path: Path) -> None:
    """64 kB of each of ten thousand pictures were."""
    picture = b"\xff\xd8" * 50_000
    write_files(tmp_path, {"1.jpg": picture, "x.zip": zipped({"2.jpg": picture})})
    with Tree(tmp_path, Notes()) as found:
        files = list(found.files(tmp_path))
        registry.recognise(files, Notes())
        assert {file.name: file._head for file in files} == {"1.jpg": None, "x.zip/2.jpg": None}


@nasty(26)
def test_names_that_climb_out_or_differ_by_case_reach_nothing(tmp_path: Path) -> None:
    found, notes = names(write_files(tmp_path, {"x.zip": zipped({
        "../../evil.txt": "1", "C:\\win.txt": "2", "/abs.txt": "3", "A.txt": "4", "a.txt": "5"})}))
    assert sorted(found) == ["x.zip/A.txt=4", "x.zip/a.txt=5", "x.zip/abs.txt=3",
                             "x.zip/evil.txt=1", "x.zip/win.txt=2"]
    assert not notes.bad


@nasty(26)
def test_an_empty_a_cut_and_a_false_zip_are_named(tmp_path: Path) -> None:
    whole = zipped({"a.txt": "text"})
    found, notes = names(write_files(tmp_path, {
        "1.zip": zipped({}), "2.zip": whole[:-30], "3.zip": b"PK\x03\x04 and nothing"}))
    assert found == []
    assert ["the zip is empty" in reasons(notes)[0], *("not a complete zip file" in reason
            for reason in reasons(notes)[1:])] == [True, True, True]


@nasty(26)
def test_a_bomb_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "FREE_BYTES", 10_000)
    found, notes = names(write_files(tmp_path, {"x.zip": zipped({
        "bomb": b"0" * 1_500_000, "small": "0" * 100}), "y.txt": "plain"}))
    assert [name[:11] for name in found] == ["x.zip/small", "y.txt=plain"]
    assert "a zip bomb, at most 300 to 1 is read" in reasons(notes)[0]


@nasty(26)
def test_many_members_that_share_their_bytes_are_one_bomb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: each packs well enough, and all together are far more than the file could hold."""
    monkeypatch.setattr(unpacking, "FREE_BYTES", 10_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0", random.Random(1).randbytes(500) * 200)
        first = archive.infolist()[0]
        for number in range(1, 500):
            other = zipfile.ZipInfo(str(number))
            for field in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(other, field, getattr(first, field))
            archive.filelist.append(other)
    found, notes = names(write_files(tmp_path, {"x.zip": packed.getvalue(), "y.txt": "plain"}))
    assert found == ["y.txt=plain"]
    assert "would unpack to 50000000 bytes where at most" in reasons(notes)[0]


@nasty(26)
def test_zips_in_zips_are_paid_out_of_one_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: 200 to 1, and again 200 to 1 in it, is 40,000 to 1 and not read."""
    monkeypatch.setattr(unpacking, "FREE_BYTES", 1_000)
    text = random.Random(1).randbytes(250).hex()
    inner = {f"{number}.txt": text * 150 for number in range(3)}
    data = zipped({f"{number}.zip": zipped(inner) for number in range(60)})
    found, notes = names(write_files(tmp_path, {"x.zip": data}))
    assert 0 < len(found) < 180
    assert {row.reason.split(" bytes")[0] for row in notes.bad} == {"would unpack to 225000"}


@nasty(26)
def test_a_directory_without_end_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = zipped({f"{number}.txt": "x" for number in range(100)})
    monkeypatch.setattr(unpacking, "MEMBERS_MAX", 99)
    _, notes = names(write_files(tmp_path, {"x.zip": data}))
    assert reasons(notes) == ["x.zip : 100 files in one zip, at most 99 are read"]
    monkeypatch.setattr(unpacking, "DIRECTORY_BYTES_MAX", 5_000)
    _, notes = names(tmp_path)
    assert "the zip's directory has 5190 bytes, at most 5000 are read" in reasons(notes)[0]
    monkeypatch.setattr(unpacking, "DIRECTORY_BYTES_MAX", 5_190)
    monkeypatch.setattr(unpacking, "MEMBERS_MAX", 100)
    found, notes = names(tmp_path)
    assert len(found) == 100 and not notes.bad


@nasty(26)
@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_packed_without_a_bound_is_not_unpacked(tmp_path: Path, method: int) -> None:
    """A piece of 64 kB becomes a gigabyte at once in bzip2, whatever the directory says."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("a.txt", "text")
    found, notes = names(write_files(tmp_path, {"x.zip": packed.getvalue()}))
    assert found == [] and "unsupported compression method" in reasons(notes)[0]


@nasty(26)
def test_a_locked_zip_names_the_way_out(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.txt": "text"}))
    data[6] |= 1  # the flag of the local header, then that of the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    found, notes = names(write_files(tmp_path, {"x.zip": bytes(data)}))
    assert found == []
    assert "locked with a password; unpack it" in reasons(notes)[0]


@nasty(26)
def test_zips_nested_without_end_stop(tmp_path: Path) -> None:
    data = zipped({"deep.txt": "text"})
    for _ in range(unpacking.NESTED_MAX):
        data = zipped({"again.zip": data})
    found, notes = names(write_files(tmp_path, {"x.zip": data}))
    assert found == []
    assert "deeper than 3" in reasons(notes)[0]


@nasty(26)
def test_zip64_and_names_in_other_encodings_are_read(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        with archive.open("big.txt", "w", force_zip64=True) as member:
            member.write(b"sixty-four")
        archive.writestr("caf_.txt", "x")
    data = packed.getvalue().replace(b"caf_", b"caf\x82")  # cp437 for é
    found, _ = names(write_files(tmp_path, {"x.zip": data}))
    assert found == ["x.zip/big.txt=sixty-four", "x.zip/café.txt=x"]


@nasty(26)
def test_a_file_that_may_not_be_read_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, {"a.txt": "locked", "b.txt": "open"})
    opened = Path.open

    def refuse(path: Path, *args: object, **more: object) -> object:
        if path.name == "a.txt":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *args, **more)

    monkeypatch.setattr(Path, "open", refuse)  # the one who runs the tests may read everything
    found, notes = names(tmp_path)
    assert found == ["b.txt=open"]
    assert reasons(notes) == ["a.txt : cannot be read (Permission denied)"]


@nasty(26)
def test_a_name_on_disk_that_is_no_utf8_can_be_printed(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")).write_text("text")
    [found], _ = names(tmp_path)
    found.encode()
    assert found.endswith("=text")


@pytest.mark.parametrize(("name", "says"), [
    ("takeout.tgz", "unpack it here, only zips and plain tars"), ("x.rar", "unpack it here"),
    ("essay.odt", "save it as .docx"), ("budget.xlsx", "save your own text as .txt"),
    ("mail.pst", "export the folder as .mbox"), ("msgstore.crypt15", "Export chat"),
    ("takeout.html", "export again and choose JSON"),
    ("other.bin", "docs/training.md lists the supported exports"),
])
def test_what_cannot_be_read_is_answered_with_the_way_out(
    tmp_path: Path, name: str, says: str
) -> None:
    messages, notes = read(tmp_path, {name: "<html>" if name.endswith("html") else b"\x1f\x8b\xff"})
    assert messages == [] and len(notes.bad) == 1
    assert says in notes.bad[0].reason


@nasty(10)
def test_links_are_not_followed(tmp_path: Path) -> None:
    write_files(tmp_path, {"vault/a.md": "text"})
    (tmp_path / "vault" / "loop").symlink_to(tmp_path / "vault")
    (tmp_path / "vault" / "b.md").symlink_to(tmp_path / "vault" / "a.md")
    found, notes = names(tmp_path)
    assert found == ["vault/a.md=text"]
    assert notes.skipped == {"link or special file": 2}


@nasty(3, 26)
@pytest.mark.parametrize(("name", "others"), [
    ("general/2021-03-06.json", {"general/2021-03-07.json": "{ts}",
                                 "quiet/2021-03-07.json": "{ts}"}),
    ("users.json", {"general/2021-03-07.json": "{ts}", "quiet/2021-03-07.json": "{ts}"}),
    ("messages/c1/messages.json", {"messages/c2/messages.json": "{id}",
                                   "messages/c3/messages.json": "{id}"}),
    ("messages/c1/messages.csv", {"messages/c2/messages.json": "{id}",
                                  "messages/c3/messages.json": "{id}"}),
    ("data/tweets.js", {"data/tweets-part1.js": "{tweet}", "data/tweets-part2.js": "{tweet}"}),
])
def test_a_member_that_is_damaged_beyond_its_beginning_costs_only_itself(
    tmp_path: Path, name: str, others: dict[str, str]
) -> None:
    rows = {"{ts}": '[{"type": "message", "user": "U1", "text": "whole", "ts": "1615050000.1"}]',
            "{id}": '[{"ID": 1, "Timestamp": "2021-03-06 18:00:00", "Contents": "whole"}]',
            "{tweet}": 'window.YTD.tweets.part1 = [{"tweet": {"full_text": "whole", "created_at":'
                       ' "2021-03-06T18:00:00", "id_str": "1"}}]'}
    text = {"users.json": '[{"id": "U1", "x": "', "data/tweets.js": "window.YTD.tweets.part0 = ["
            ' {"tweet": {"x": "', "messages/c1/messages.csv": "ID,Timestamp,Contents,Attachments\n"
            }.get(name, '[{"ts": "", "Contents": "", "Timestamp": "')
    noise = random.Random(1).randbytes(150_000).hex()  # does not pack well, so it is long
    content = zipped({name: f'{text}{noise}"}}]',
                      **{other: rows[row] for other, row in others.items()}})
    at = content.index(name.encode()) + len(name) + 70_000  # the member comes first
    (tmp_path / "a.zip").write_bytes(content[:at] + bytes(200) + content[at + 200:])
    messages, notes = read(tmp_path)
    assert [m.text for m in messages] == ["whole", "whole"]
    assert [bad.file for bad in notes.bad] == [f"a.zip/{name}"]


def tarred(files: dict[str, bytes], *others: tarfile.TarInfo) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for other in others:
            archive.addfile(other)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@nasty(26)
def test_a_tar_is_a_folder_and_its_links_lead_nowhere(tmp_path: Path) -> None:
    link = tarfile.TarInfo("link.txt")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    write_files(tmp_path, {"8_ada_export.tar": tarred({
        "./messages.json": b"one", "../../up.txt": b"two", "media.zip": zipped({"c.txt": "three"})},
        link), "notes.jex": tarred({"a.md": b"x" * 100_000}), "no.tar": b"none of it"})
    found, notes = names(tmp_path)
    assert found == ["8_ada_export.tar/messages.json=one", "8_ada_export.tar/up.txt=two",
                     "8_ada_export.tar/media.zip/c.txt=three", "no.tar=none of it",
                     f"notes.jex/a.md={'x' * 100_000}"]
    assert not notes.bad


@nasty(26)
@pytest.mark.parametrize(("length", "n_files", "n_bad"), [
    (10_240, 2, 0), (2_100, 2, 1), (2_048, 2, 1), (1_500, 1, 1), (1_024, 1, 1), (600, 1, 1)])
def test_a_tar_that_is_cut_short_gives_what_is_there_and_says_so(
    tmp_path: Path, length: int, n_files: int, n_bad: int
) -> None:
    data = tarred({"a.txt": b"first", "b.txt": b"second"})
    write_files(tmp_path, {"a.tar": data[:length]})
    found, notes = names(tmp_path)
    assert found == ["a.tar/a.txt=first", "a.tar/b.txt=second"][:n_files]
    assert ["not a complete tar" in reason for reason in reasons(notes)] == [True] * n_bad


@nasty(26)
@pytest.mark.parametrize("at", [0, 124, 150, 257])  # name, size, checksum, magic
def test_a_tar_with_one_damaged_header_gives_what_is_before_it_and_says_so(
    tmp_path: Path, at: int
) -> None:
    """A bug: it counted as the end of the tar, and every later file was lost without a word."""
    data = bytearray(tarred({"a.txt": b"first", "b.txt": b"second", "c.txt": b"third"}))
    data[2 * tarfile.BLOCKSIZE + at] ^= 0xFF  # a header and its file are a block each
    found, notes = names(write_files(tmp_path, {"a.tar": bytes(data)}))
    assert found == ["a.tar/a.txt=first"]
    assert reasons(notes) == [
        "a.tar : not a complete tar file (the header of the next file is damaged)"]


@nasty(26)
def test_a_folder_that_may_not_be_read_is_named_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug: one was passed over in silence, and one that may not be searched ended the scan."""
    write_files(tmp_path, {"all/diary/a.md": "closed", "all/half/b.md": "shut", "all/z.md": "open",
                           "all/half/deep/c.md": "shut"})
    monkeypatch.chdir(tmp_path)  # nobody else may search the folders above it
    is_root = os.geteuid() == 0
    for place, mode in (("", 0o755), ("all", 0o755), ("all/diary", 0), ("all/half", 0o644)):
        (tmp_path / place).chmod(mode)
    try:
        if is_root:
            os.seteuid(65_534)  # nobody, as root may read everything
        found, notes = names(Path())
    finally:
        if is_root:
            os.seteuid(0)
        for place in ("all/diary", "all/half"):
            (tmp_path / place).chmod(0o755)
    assert found == ["all/z.md=open"] and not notes.skipped
    assert sorted(reasons(notes)) == [f"all/{name} : cannot be read (Permission denied)"
                                      for name in ("diary", "half/b.md", "half/deep")]
