"""Goal: a bundle that was changed in any way, in any file, is refused in one sentence.

Method: a bundle of small files, signed with a fixed key, spoiled byte by byte, file by file.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
)

from host_training.bundle import pack
from host_training.common.persona_dir import PersonaSource
from host_training.errors import TrainingError
from tests.host_training.nasty_inputs import nasty
from wire import bundle as wire_bundle
from wire.bundle import BundleError, verify_bundle

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
FILES = ["MODEL_CARD.md", "manifest.json", "manifest.pub", "manifest.sig", "memory.sqlite",
         "model.gguf", "persona.json", "text.codec"]


@pytest.fixture
def contents(tmp_path: Path) -> pack.BundleContents:
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + bytes(300))
    (tmp_path / "m.sqlite").write_bytes(b"SQLite format 3\0" + bytes(100))
    (tmp_path / "m.codec").write_bytes(b"SPTC" + bytes(60))
    persona = PersonaSource(
        "Ada", "Ada Test", "Ada is an AI persona.", "You are Ada.", (), ("one",), ())
    files = (tmp_path / "m.gguf", tmp_path / "m.sqlite", tmp_path / "m.codec")
    return pack.BundleContents(persona, *files, "# Ada\n", {"id": "tiny", "sha256": "00"},
                           {"method": "full"}, {"n_ctx": 512})


@pytest.fixture
def whole(contents: pack.BundleContents, tmp_path: Path) -> Path:
    pack.pack(contents, tmp_path / "bundle", KEY)
    return tmp_path / "bundle"


def sign(path: Path, manifest: bytes) -> None:
    (path / "manifest.json").write_bytes(manifest)
    (path / "manifest.sig").write_bytes(KEY.sign(wire_bundle.SIGNED_PREFIX + manifest))


def test_a_packed_bundle_verifies_and_says_who_it_is(whole: Path) -> None:
    manifest = verify_bundle(whole, [PUBLIC])
    assert (manifest.name, manifest.version, manifest.runtime) == ("Ada", 1, {"n_ctx": 512})
    assert manifest.key_id == wire_bundle.key_id(PUBLIC)
    assert sorted(p.name for p in whole.iterdir()) == FILES
    assert verify_bundle(whole, None) == manifest


def test_a_reranker_is_packed_where_there_is_one(
    contents: pack.BundleContents, tmp_path: Path
) -> None:
    (tmp_path / "order.json").write_bytes(b'{"place":0,"weights":{}}')
    pack.pack(replace(contents, reranker=tmp_path / "order.json"), tmp_path / "bundle", KEY)
    listed = {file.path for file in verify_bundle(tmp_path / "bundle", [PUBLIC]).files}
    assert wire_bundle.RERANKER in listed
    (tmp_path / "bundle" / wire_bundle.RERANKER).unlink()
    with pytest.raises(BundleError, match=r"reranker\.json: is in the manifest but missing"):
        verify_bundle(tmp_path / "bundle", [PUBLIC])


@nasty(32)
@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_anywhere_is_refused(whole: Path, name: str) -> None:
    data = bytearray((whole / name).read_bytes())
    for at in {0, len(data) // 2, len(data) - 1}:
        data[at] ^= 1
        (whole / name).write_bytes(data)
        with pytest.raises(BundleError):
            verify_bundle(whole, [PUBLIC])
        with pytest.raises(BundleError):
            verify_bundle(whole, None)
        data[at] ^= 1
    (whole / name).write_bytes(data)
    verify_bundle(whole, [PUBLIC])


@nasty(32)
@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_cut_file_is_refused(whole: Path, name: str) -> None:
    data = (whole / name).read_bytes()
    (whole / name).write_bytes(data[:-1])
    with pytest.raises(BundleError):
        verify_bundle(whole, None)
    (whole / name).unlink()
    with pytest.raises(BundleError, match=name):
        verify_bundle(whole, None)


def test_of_a_file_that_nobody_opens_only_the_size_is_checked(whole: Path) -> None:
    """As the flight core has it: the mind's process alone opens the model."""
    data = (whole / "model.gguf").read_bytes()
    (whole / "model.gguf").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(BundleError, match=r"model\.gguf: its contents differ"):
        verify_bundle(whole, [PUBLIC])
    verify_bundle(whole, [PUBLIC], unread=["model.gguf"])
    with pytest.raises(BundleError, match=r"model\.gguf: its contents differ"):
        verify_bundle(whole, [PUBLIC], unread=["persona.json"])
    (whole / "model.gguf").write_bytes(data[:-1])
    with pytest.raises(BundleError, match=r"model\.gguf: has 303 bytes, the manifest says 304"):
        verify_bundle(whole, [PUBLIC], unread=["model.gguf"])


@nasty(32)
@pytest.mark.parametrize("name", ["extra.txt", ".hidden", "MODEL.gguf"])
def test_a_file_nobody_signed_is_refused(whole: Path, name: str) -> None:
    (whole / name).write_bytes(b"")
    with pytest.raises(BundleError, match="is not in the manifest"):
        verify_bundle(whole, None)


@nasty(32)
def test_a_link_or_folder_in_place_of_a_file_is_refused(whole: Path, tmp_path: Path) -> None:
    shutil.move(whole / "model.gguf", tmp_path / "elsewhere")
    (whole / "model.gguf").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="not an ordinary file"):
        verify_bundle(whole, None)
    (whole / "model.gguf").unlink()
    (whole / "model.gguf").mkdir()
    with pytest.raises(BundleError, match="not an ordinary file"):
        verify_bundle(whole, None)


@nasty(32)
def test_a_key_we_do_not_trust_is_refused_before_anything_is_read(whole: Path) -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    with pytest.raises(BundleError, match=f"is signed by key {PUBLIC.hex()}, which is not trusted"):
        verify_bundle(whole, [other])
    with pytest.raises(BundleError, match="is not trusted here"):
        verify_bundle(whole, [])


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such bundle directory"):
        verify_bundle(tmp_path / "none", None)


@nasty(32)
@pytest.mark.parametrize(("change", "says"), [
    ({"schema": 2}, "schema 2; this version supports 1"),
    ({"version": 0}, "version must be a whole number"),
    ({"version": True}, "version must be a whole number"),
    ({"name": 5}, "must be text"),
    ({"runtime": []}, "must be tables"),
    ({"files": 3}, "not a manifest"),
    ({"files": []}, "does not list MODEL_CARD.md"),
    ({"files": [{"path": "../x", "bytes": 1, "sha256": ""}]}, "'../x' is not allowed"),
    ({"files": [{"path": "/etc/passwd", "bytes": 1, "sha256": ""}]}, "is not allowed"),
    ({"files": [{"path": ".x", "bytes": 1, "sha256": ""}]}, "is not allowed"),
    ({"files": [{"path": "x\n", "bytes": 1, "sha256": ""}]}, "is not allowed"),
    ({"files": [{"path": "text.codec", "bytes": (4 << 20) + 1, "sha256": ""}]},
     "text.codec has 4194305 bytes, at most 4194304"),
    ({"files": [{"path": "persona.json", "bytes": (1 << 20) + 1, "sha256": ""}]},
     "persona.json has 1048577 bytes, at most 1048576"),
    ({"files": [{"path": "text.codec", "bytes": 4 << 20, "sha256": ""}]}, "does not list"),
    ({"files": [{"path": "x", "bytes": -1, "sha256": ""}]}, "size or hash of x"),
    ({"files": [{"path": "manifest.sig", "bytes": 1, "sha256": ""}]}, "part of the manifest"),
    ({"files": [{"path": "x", "bytes": 1, "sha256": ""}] * 2}, "listed twice"),
    ({"key_id": "0" * 16}, "names key 0000000000000000"),
])
def test_a_signed_manifest_may_still_be_wrong(
    whole: Path, change: dict[str, object], says: str
) -> None:
    table = json.loads((whole / "manifest.json").read_bytes())
    sign(whole, wire_bundle.canonical_json({**table, **change}))
    with pytest.raises(BundleError, match=says):
        verify_bundle(whole, [PUBLIC])


@nasty(32)
@pytest.mark.parametrize("data", [b"[]", b"{}", b"null", b"\xff\xff", b"[" * 100_000, b"NaN"])
def test_signed_rubbish_is_refused(whole: Path, data: bytes) -> None:
    sign(whole, data)
    with pytest.raises(BundleError, match=r"not a manifest"):
        verify_bundle(whole, [PUBLIC])


def test_the_manifest_is_canonical(whole: Path) -> None:
    data = (whole / "manifest.json").read_bytes()
    assert wire_bundle.canonical_json(json.loads(data)) == data


def test_packing_again_counts_up_and_replaces(contents: pack.BundleContents, whole: Path) -> None:
    assert pack.pack(contents, whole, KEY).version == 2
    beside = sorted(p.name for p in whole.parent.iterdir())
    assert beside == ["bundle", "bundle.previous", "m.codec", "m.gguf", "m.sqlite"]


def test_rollback_goes_back_and_forward_and_never_to_a_damaged_one(
    contents: pack.BundleContents, whole: Path
) -> None:
    with pytest.raises(TrainingError, match="no previous bundle"):
        pack.rollback(whole, [PUBLIC])
    pack.pack(contents, whole, KEY)
    assert pack.rollback(whole, [PUBLIC]).version == 1
    assert verify_bundle(whole, [PUBLIC]).version == 1
    assert pack.next_version(whole) == 3, "a version that was rolled back is not used again"
    assert pack.rollback(whole, None).version == 2
    with open(pack.previous(whole) / "model.gguf", "ab") as file:
        file.write(b"x")
    with pytest.raises(BundleError, match=r"model\.gguf: has 305 bytes"):
        pack.rollback(whole, [PUBLIC])
    assert verify_bundle(whole, [PUBLIC]).version == 2


def test_a_bundle_that_fails_its_trial_replaces_nothing(
    contents: pack.BundleContents, whole: Path
) -> None:
    def fails(path: Path) -> None:
        assert verify_bundle(path, [PUBLIC]).version == 2
        raise TrainingError("it says nothing")

    with pytest.raises(TrainingError, match="it says nothing"):
        pack.pack(contents, whole, KEY, fails)
    assert verify_bundle(whole, [PUBLIC]).version == 1
    assert not pack.previous(whole).exists()


@nasty(32)
def test_an_older_version_put_back_is_refused(whole: Path) -> None:
    assert verify_bundle(whole, [PUBLIC], version_min=1).version == 1
    with pytest.raises(BundleError, match="is version 1, at least version 2 is required"):
        verify_bundle(whole, [PUBLIC], version_min=2)


@pytest.mark.parametrize(("said", "becomes"), [
    ("Ada is an AI persona.", "Ada is an AI persona. This is an AI persona, not the person."),
    ("An AI persona of Ada, not the person.", "An AI persona of Ada, not the person."),
])
def test_every_bundle_says_that_it_is_not_the_person(said: str, becomes: str) -> None:
    assert pack.say_it_is_an_ai(said) == becomes


def test_packing_never_overwrites_something_else(
    contents: pack.BundleContents, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    with pytest.raises(TrainingError, match="exists and is not a bundle"):
        pack.pack(contents, tmp_path / "home", KEY)


def test_a_signing_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    first = pack.load_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert pack.load_key(path).private_bytes_raw() == first.private_bytes_raw()
    os.chmod(path, 0o640)
    with pytest.raises(TrainingError, match="chmod 600"):
        pack.load_key(path)
    os.chmod(path, 0o600)
    path.write_bytes(b"short")
    with pytest.raises(TrainingError, match="has 5 bytes"):
        pack.load_key(path)
