"""Goal: what `feed` adds is whole, or it is not there and the next run adds it.

Method: folders with links that lead nowhere and round in circles, a disk that is full half-way.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from host_training.common.messages import Notes
from host_training.common.persona_dir import export_folders, stray_files
from host_training.corpus import feed
from host_training.errors import TrainingError
from host_training.importers.tree import Tree


@pytest.fixture
def persona(tmp_path: Path) -> Path:
    made = tmp_path / "persona"
    made.mkdir()
    return made


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Two files of new writing."""
    made = tmp_path / "new"
    made.mkdir()
    (made / "a.md").write_text("What I saw on Sunday.")
    (made / "z.md").write_text("What I saw on Monday.")
    return made


def names(folder: Path) -> list[str]:
    """Files below it, without the folder named after their content."""
    return sorted("/".join(path.relative_to(folder).parts[1:])
                  for path in folder.rglob("*") if path.is_file())


def test_links_and_pipes_that_hold_no_words_stay_behind(persona: Path, new: Path) -> None:
    """A bug: a dangling link made `feed` stop, and the next run took the copy for done."""
    (new / "dead").symlink_to("/nowhere/else")
    (new / "self").symlink_to("self")
    (new / "above").symlink_to(new)
    os.mkfifo(new / "pipe")
    assert [path.name for path in feed.add(persona, [new])] == ["new"]
    assert names(persona) == ["new/a.md", "new/z.md"]
    assert feed.add(persona, [new]) == []


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_full_disk_leaves_nothing_half(
    persona: Path, new: Path, monkeypatch: pytest.MonkeyPatch, is_folder: bool
) -> None:
    """A bug: a disk that was full left half a copy, which the next run took for done."""
    def full(source: object, target: str, **options: object) -> None:
        Path(target).write_text("What")
        raise OSError(28, "No space left on device")

    fed = new if is_folder else new / "a.md"
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", full)
        with pytest.raises(OSError, match="No space"):
            feed.add(persona, [fed])
    assert names(persona) == []
    (added,) = feed.add(persona, [fed])
    assert names(persona) == (["new/a.md", "new/z.md"] if is_folder else ["a.md"])
    assert feed.add(persona, [fed]) == [] and "What I saw" in (
        added / "a.md" if is_folder else added).read_text()


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_a_killed_run_left_is_never_read_and_goes_with_the_next(
    persona: Path, new: Path, monkeypatch: pytest.MonkeyPatch, is_folder: bool
) -> None:
    """A bug: half a copy of a killed run stayed among the exports, and was imported with them."""
    def killed(source: object, target: object) -> None:
        os._exit(9)

    fed = new if is_folder else new / "a.md"
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(os, "replace", killed)
        feed.add(persona, [fed])
    os.waitpid(child, 0)
    left = [path for path in persona.rglob("*") if path.name == "a.md" or path.suffix == ".part"
            or path.name.startswith("fed-")]
    assert left, "it was killed before it was done"
    notes = Notes()
    with Tree(persona, notes) as tree:
        read = [file for folder in export_folders(persona) for file in tree.files(folder)]
    assert read == [] and stray_files(persona) == []
    (new / "other.md").write_text("What I saw on Tuesday.")
    feed.add(persona, [new / "other.md"])
    assert names(persona) == ["other.md"]
    feed.add(persona, [fed])
    assert {path.read_text() for path in persona.rglob("a.md")} == {(new / "a.md").read_text()}


def test_two_at_once_are_told_so(persona: Path, new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(source: object, target: object) -> None:
        with pytest.raises(TrainingError, match="another feed is adding to it"):
            feed.add(persona, [new / "a.md"])
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", meanwhile)
    with pytest.raises(KeyboardInterrupt):
        feed.add(persona, [new])
    assert names(persona) == []


@pytest.mark.parametrize("way", ["..", ".", "sub/.."])
def test_a_folder_without_a_name_of_its_own_is_added(
    persona: Path, new: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A bug: `feed ... ..` added nothing and said nothing, as the target was the persona itself."""
    (new / "sub").mkdir()
    monkeypatch.chdir(new / "sub" if way == ".." else new)
    (added,) = feed.add(persona, [Path(way)])
    assert added.name == "new" and names(persona) == ["new/a.md", "new/z.md"]
    assert feed.add(persona, [new]) == [], "by its own name it is the same"
    feed.take_back([added])
    assert list(persona.iterdir()) == []


def test_a_folder_that_holds_the_persona_is_refused(persona: Path, new: Path) -> None:
    """A bug: a folder with the persona in it was copied into itself, deeper and deeper."""
    inside = new / "persona"
    inside.mkdir()
    with pytest.raises(TrainingError, match="holds"):
        feed.add(inside, [new])
    assert list(inside.iterdir()) == []
