"""Goal: whatever a command lacks is said at once, one sentence for each thing, and nothing is kept.

Method: the real command line, on a persona as ``init`` leaves it and on places that cannot be used.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from host_training import __main__ as cli
from host_training import preflight
from host_training.common import chat_template
from host_training.common.persona_dir import read_persona
from host_training.corpus import persona_template
from host_training.errors import TrainingError, faults
from host_training.training.known_bases import FALLBACK
from tests.host_training.conftest import NOTEBOOK, need, telegram_export, write_persona
from tests.host_training.importers.reading import write_files


def refusal(*args: object) -> list[str]:
    """The sentences with which a command refuses."""
    result = CliRunner().invoke(cli.app, [str(arg) for arg in args])
    assert isinstance(result.exception, TrainingError), result.output
    return list(result.exception.args)


def unfinished(directory: Path) -> Path:
    """A persona as ``init`` leaves it, with an export of two sides and a slip in the notebook."""
    persona_template.write(directory)
    notebook = directory / "notebook" / "thoughts.md"
    notebook.write_text(NOTEBOOK.replace("sun=high", "sun=blue").replace("about=wind", "wind"))
    chat = telegram_export()["chats"]
    return write_files(directory, {"exports/result.json": chat})


def test_run_refuses_once_with_all_that_is_missing(tmp_path: Path) -> None:
    need("torch")
    directory, toml = unfinished(tmp_path / "me"), tmp_path / "me" / "persona.toml"
    toml.write_text(toml.read_text() + "[clean]\nchat_share = 2\nspelling = true\n")
    (tmp_path / "file").write_text("")
    (tmp_path / "out").mkdir()
    before = sorted(tmp_path.rglob("*"))
    found = refusal("run", directory, "--base", tmp_path / "gone", "--out", tmp_path / "out",
                    "--work", tmp_path / "file" / "work", "--key", tmp_path / "file" / "key",
                    "--quant", "Q9", "--general", tmp_path / "no.txt", "--method", "qlora")
    says = [
        f"{toml}: name, author, disclosure, system must be non-empty text.",
        f"{toml}: clean.chat_share: Input should be less than or equal to 1.",
        f"{toml}: clean.spelling: unknown key; allowed are languages,",
        f"{directory / 'values.md'}: at least one line like",
        f"{directory / 'notebook' / 'thoughts.md'}:7: 'wind phase=ascent",
        f"{directory / 'notebook' / 'thoughts.md'}:12: sun=blue is not one of high, low, down.",
        f"{tmp_path / 'gone'}: no config.json",
        f"{tmp_path / 'out'}: exists and is not a bundle; choose another --out.",
        f"--work {tmp_path / 'file' / 'work'}: not writable (Not a directory).",
        f"--key {tmp_path / 'file' / 'key'}: not writable (Not a directory).",
        "QLoRA requires",
        f"{tmp_path / 'no.txt'}: no such file.",
        "--quant Q9 is not one of",
        f"{toml}: me is empty; an export with several participants is rejected until",
    ]
    assert len(found) == len(says)
    for sentence, begins in zip(found, says, strict=True):
        assert sentence.startswith(begins) and sentence.endswith(".")
    assert sorted(tmp_path.rglob("*")) == before, "nothing is made by asking"


def test_what_is_refused_is_shown_as_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    directory = unfinished(tmp_path / "me")
    monkeypatch.setattr("sys.argv", ["spacepi-train", "scan", str(directory), "--out",
                                     str(directory / "exports" / "seen")])
    with pytest.raises(SystemExit) as end:
        cli.main()
    shown = capsys.readouterr().err.splitlines()
    assert end.value.code == 1 and shown[0] == "4 errors:"
    assert [line[:2] for line in shown[1:]] == ["- "] * 4
    assert "is in the persona directory" in shown[3] and "values.md" not in "".join(shown)
    assert str(TrainingError("One thing.")) == "One thing."


def test_me_is_asked_for_where_it_may_be_needed_only(tmp_path: Path) -> None:
    directory = write_persona(tmp_path / "ada")
    out = tmp_path / "o"
    preflight.check_scan(directory, out)
    toml = directory / "persona.toml"
    toml.write_text(toml.read_text().replace('me = ["user1"]', "").replace('"Ada"', "5"))
    assert [s.partition(": ")[2][:11] for s in refusal("scan", directory, "--out", out)] == [
        "name must b", "me is empty"]
    for path in (*directory.glob("telegram/*"), *directory.rglob("messages.json")):
        path.unlink()
    assert len(refusal("scan", directory, "--out", out)) == 1, "without exports nobody asks"
    toml.write_text(toml.read_text().replace("name = 5", 'name = ""'))
    preflight.check_scan(directory, out)
    assert refusal("scan", tmp_path / "gone", "--out", out) == [
        f"{tmp_path / 'gone'}: no such directory; spacepi-train init {tmp_path / 'gone'} creates "
        "one."]


def test_a_base_without_the_marks_of_turns_is_refused_before_anything_is_read(
    tmp_path: Path
) -> None:
    base = tmp_path / "base"
    base.mkdir()
    chat_template.check_tokens(base)  # without the file ``check_base`` refuses it
    chat_template.check_tokens(FALLBACK)
    text = (FALLBACK / "tokenizer.json").read_text()
    (base / "tokenizer.json").write_text(text.replace("<|im_end|>", "<|else|>"))
    with pytest.raises(TrainingError, match=r"its tokenizer has no <\|im_end\|>; use a base with"):
        chat_template.check_tokens(base)
    (base / "tokenizer.json").write_text(text[:-9])
    with pytest.raises(TrainingError, match=r"tokenizer\.json: cannot be read"):
        chat_template.check_tokens(base)


def test_job_refuses_a_folder_that_is_there_before_it_reads(tmp_path: Path) -> None:
    need("torch")
    directory = write_persona(tmp_path / "ada")
    (tmp_path / "job").mkdir()
    assert refusal("job", directory, "--base", FALLBACK, "--out", tmp_path / "job") == [
        f"{tmp_path / 'job'}: exists; choose another --out."]
    assert not (tmp_path / "job.run").exists()


def test_each_fault_is_said_once() -> None:
    def fails(*sentences: str) -> None:
        raise TrainingError(*sentences)

    assert faults([lambda: None, lambda: fails("a.", "b."), lambda: fails("b.", "c.")]) == [
        "a.", "b.", "c."]


def test_the_lists_and_the_toml_are_all_looked_at(tmp_path: Path) -> None:
    directory = write_files(tmp_path / "ada", {
        "persona.toml": "name =", "values.md": b"- \xff\n", "thinking.md": b"- \xfe\n"})
    with pytest.raises(TrainingError) as caught:
        read_persona(directory)
    assert [re.search(r"(\w+\.\w+): ", sentence)[1] for sentence in caught.value.args] == [
        "persona.toml", "values.md", "thinking.md"]


def test_a_key_is_made_by_no_refusal(tmp_path: Path) -> None:
    need("torch")
    directory = write_persona(tmp_path / "ada")
    (directory / "values.md").unlink()
    key = tmp_path / "keys" / "key"
    found = refusal("run", directory, "--out", tmp_path / "o", "--key", key)
    assert not key.parent.exists()
    assert len(found) == 1 and "values.md" in found[0], "a known base is fetched after all this"
    key.parent.mkdir()
    key.write_bytes(b"short")
    key.chmod(0o600)
    assert f"{key}: has 5 bytes; a signing key has 32." in refusal(
        "run", directory, "--out", tmp_path / "o", "--key", key)
    assert json.loads((FALLBACK / "config.json").read_text())
