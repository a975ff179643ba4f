"""Goal: what was signed must also be sane: memory, words, model and manifest agree (group 32).

Method: the shipped bundle copied, one file exchanged for a nasty one and signed anew.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
)
from typer.testing import CliRunner

from host_training import __main__ as cli
from host_training.bundle import inspection
from host_training.errors import TrainingError
from host_training.gguf.metadata import gguf_facts
from tests.host_training.conftest import need
from tests.host_training.nasty_inputs import nasty
from wire import bundle as wire_bundle
from wire.bundle import BundleError, Manifest, verify_bundle
from wire.mission import parse

ROOT = Path(__file__).resolve().parents[3]
EDDA = ROOT / "host_training" / "examples" / "edda-tiny.bundle"
SHIPPED = json.loads((EDDA / "manifest.json").read_text())["version"]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()


def sign(bundle: Path, **changes: Any) -> Manifest:
    """Sign ``bundle`` as it lies there now, with some fields of its manifest changed."""
    table = json.loads((bundle / "manifest.json").read_bytes())
    table["files"] = [
        {"path": f.name, "bytes": f.stat().st_size, "sha256": wire_bundle.file_sha256(f)}
        for f in sorted(bundle.iterdir()) if not f.name.startswith("manifest.")]
    table |= {"key_id": wire_bundle.key_id(PUBLIC), **changes}
    data = wire_bundle.canonical_json(table)
    (bundle / "manifest.json").write_bytes(data)
    (bundle / "manifest.sig").write_bytes(KEY.sign(wire_bundle.SIGNED_PREFIX + data))
    (bundle / "manifest.pub").write_bytes(PUBLIC)
    return verify_bundle(bundle, [PUBLIC])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(EDDA, tmp_path / "edda")
    return tmp_path / "edda"


def command(*args: object) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, [str(a) for a in args])
    if result.exception and not isinstance(result.exception, SystemExit):
        return 1, str(result.exception)
    return result.exit_code, " ".join(result.output.split())


def test_the_shipped_bundle_is_sane() -> None:
    assert inspection.check_contents(EDDA, verify_bundle(EDDA, None)) == []


def sql(statement: str) -> Callable[[Path], None]:
    def change(bundle: Path) -> None:
        database = sqlite3.connect(bundle / "memory.sqlite")
        database.executescript(statement)
        database.commit()
        database.close()
    return change


def write(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda bundle: (bundle / name).write_bytes(data) and None


def words(**changes: object) -> Callable[[Path], None]:
    def change(bundle: Path) -> None:
        table = json.loads((bundle / "persona.json").read_bytes())
        (bundle / "persona.json").write_text(json.dumps({**table, **changes}))
    return change


@nasty(32)
@pytest.mark.parametrize(("change", "says"), [
    (sql("CREATE TABLE t(x); CREATE TRIGGER boom AFTER INSERT ON t BEGIN DELETE FROM t; END"),
     "not part of a memory"),
    (sql("CREATE VIEW v AS SELECT load_extension('evil')"), "has a view v"),
    (sql("CREATE INDEX i ON memory_content(c1)"), "has a index i"),
    (sql("DROP TABLE memory; CREATE TABLE memory(text, source, utc_ms)"), "not part of a memory"),
    (sql("DROP TABLE memory"), "a table is missing"),
    (write("memory.sqlite", b"not a database" * 200), "not a database that can be read"),
    (write("persona.json", b"[]"), "name is missing or not a str"),
    (write("persona.json", b"\xff"), "not JSON"),
    (words(name="Eve"), "name is 'Eve', the manifest says 'Edda'"),
    (words(disclosure="I am Edda Marsh."), "disclosure is 'I am Edda Marsh.'"),
    (words(values="none"), "values is missing or not a list"),
    (write("text.codec", b"SPTC"), "text.codec"),
    (write("model.gguf", b"GGUF" + bytes(500)), "not a complete GGUF file"),
])
def test_a_signed_bundle_with_a_nasty_file_is_refused(
    copy: Path, change: Callable[[Path], None], says: str
) -> None:
    change(copy)
    manifest = sign(copy)
    with pytest.raises((BundleError, TrainingError), match=says):
        inspection.check_contents(copy, manifest)


@pytest.mark.thorough
@nasty(32)
def test_a_model_that_is_not_the_one_of_the_manifest_is_refused(copy: Path) -> None:
    facts = gguf_facts(copy / "model.gguf")
    assert facts["architecture"] == "llama" and facts["file_type"] == "MOSTLY_Q6_K"
    assert facts["eos"] == 2 and facts["parameters"] == 5_770_496
    runtime = verify_bundle(copy, None).runtime
    assert inspection.check_contents(copy, sign(copy, runtime={**runtime, "gguf": facts})) == []
    for key in ("template_sha256", "parameters", "tensor_types"):
        manifest = sign(copy, runtime={**runtime, "gguf": {**facts, key: "other"}})
        with pytest.raises(BundleError, match=f"model.gguf: its {key} is"):
            inspection.check_contents(copy, manifest)


@nasty(32)
def test_a_bundle_from_the_future_is_flown_and_remarked_on(copy: Path) -> None:
    [remark] = inspection.check_contents(copy, sign(copy, created_utc="2999-01-01T00:00:00Z"))
    assert "is in the future by this machine's clock" in remark


@nasty(32)
def test_verify_refuses_an_older_one_and_one_that_is_larger_than_the_memory(copy: Path) -> None:
    sign(copy, version=1)
    status, text = command("verify", copy, "--installed", EDDA)
    assert status == 1 and f"is version 1, at least version {SHIPPED + 1} is required" in text
    status, text = command("verify", copy, "--board", "zero2w", "--ram-mb", 200)
    assert status == 1 and "a Raspberry Pi Zero 2 W has 200 MB" in text
    status, text = command("verify", copy, "--board", "zero2w", "--trust", copy / "manifest.pub")
    assert status == 0 and "is whole: Edda version 1" in text


def _text(words: bytes) -> bytes:
    return struct.pack("<Q", len(words)) + words


def _gguf(n_tensors: int, n_fields: int, *fields: bytes) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, n_tensors, n_fields) + b"".join(fields)


@nasty(32)
@pytest.mark.parametrize(("data", "says"), [
    (_gguf(0, 1, _text(b"a") + struct.pack("<IIQ", 9, 0, 1 << 62)), "list of 4611686018427387904"),
    (_gguf(0, 1, _text(b"a") + struct.pack("<IIQ", 9, 4, 900_000)), "goes beyond its end"),
    (_gguf(0, 1, _text(b"a") + struct.pack("<IIQ", 9, 9, 1) * 9), "a field of type 9"),
    (_gguf(0, 1, _text(b"a") + struct.pack("<IQ", 8, 1 << 62)), "goes beyond its end"),
    (_gguf(0, 1 << 62), "4611686018427387904 fields"),
    (_gguf(1 << 62, 0), "4611686018427387904 tensors"),
    (_gguf(0, 1, _text(b"a") + struct.pack("<IB", 0, 1)), "lacks 'general.architecture'"),
    (b"GGUF", "not a complete GGUF"), (b"", "not a complete GGUF"),
])
def test_a_model_of_a_stranger_cannot_make_its_reader_count_for_ever(
    tmp_path: Path, data: bytes, says: str
) -> None:
    """A list of 2**62 items was read until the memory was full."""
    (tmp_path / "model.gguf").write_bytes(data)
    with pytest.raises(TrainingError, match=re.escape(says)):
        gguf_facts(tmp_path / "model.gguf")


def test_diff_names_what_changed(copy: Path) -> None:
    assert command("diff", EDDA, EDDA) == (0, "nothing differs")
    sql("INSERT INTO memory VALUES ('A sentence nobody wrote before.', 'x', 1)")(copy)
    sql("INSERT INTO memory VALUES ('月亮在上面。' || char(10) || '月亮 亮在', 'x', 1)")(copy)
    words(values=["Only this."])(copy)
    training = {**verify_bundle(EDDA, None).training, "quant": "Q8_0"}
    sign(copy, version=SHIPPED + 1, training=training)
    status, text = command("diff", EDDA, copy)
    assert status == 0
    for line in (f"version: {SHIPPED} -> {SHIPPED + 1}", "training.quant: Q6_K -> Q8_0",
                 "memory: 2 added, 0 removed", "+ A sentence nobody wrote before.",
                 "+ 月亮在上面。",
                 "+ Only this.", "memory.sqlite: "):
        assert line in text, line
    assert "model.gguf" not in text and "亮在 " not in text and "月亮 " not in text


def test_rollback_and_doctor_answer(copy: Path, tmp_path: Path) -> None:
    status, text = command("rollback", copy)
    assert status == 1 and "no previous bundle" in text
    shutil.copytree(EDDA, tmp_path / "edda.previous")
    assert command("rollback", copy) == (0, f"{copy} is Edda version {SHIPPED} again.")
    (tmp_path / "key").write_bytes(bytes(32))
    (tmp_path / "key").chmod(0o644)
    status, text = command("doctor", "--place", tmp_path, "--key", tmp_path / "key")
    assert status == 1 and "signing key" in text.splitlines()[-1]


def test_keygen_says_the_line_that_lets_a_bundle_fly(copy: Path, tmp_path: Path) -> None:
    """Goal: what is said is a mission's line as it stands, and --trust takes the same digits."""
    status, text = command("keygen", "--key", tmp_path / "key")
    assert status == 0 and "under [mind] of its mission.toml" in text
    line = text[text.index("trusted_keys") :]
    mission = (ROOT / "mission.toml").read_text()
    (shipped,) = [row for row in mission.splitlines() if row.startswith("trusted_keys")]
    section = parse(mission.replace(shipped, line), "m").mind
    assert command("keygen", "--key", tmp_path / "key") == (0, text), "the key stays"
    manifest = sign(copy, version=SHIPPED)
    assert command("verify", copy, "--trust", manifest.public_key.hex())[0] == 0
    status, text = command("verify", copy, "--trust", section.trusted_keys[0])
    assert status == 1 and f"is signed by key {manifest.public_key.hex()}" in text


def test_the_shipped_mission_trusts_the_shipped_bundle() -> None:
    keys = parse((ROOT / "mission.toml").read_text(), "m").mind.public_keys
    assert verify_bundle(EDDA, keys).name == "Edda"


def test_plan_shows_every_step_and_its_sources() -> None:
    need("llama_cpp")
    base = EDDA.parents[1] / "base_model"
    status, text = command("plan", "--board", "pi4", "--model", base)
    assert status == 0
    for word in ("Q4_K_M", "5.8 million parameters", "Estimated, not measured. Sources:",
                 "0.20 s at 2400 bit/s, 0.40 s if half of all frames are lost"):
        assert word in text, word
