"""Which neighbours can be understood aboard: what the mission says, and what its files hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from payload.onboard_files import known_neighbours
from wire import key_file, mission
from wire.mission_swarm import Neighbour, SwarmSection

MISSION = mission.load(Path(__file__).resolve().parents[2] / "mission.toml")
KEY = bytes(range(32))


def heard(base: Path, **given: str) -> dict[int, bytes]:
    swarm = SwarmSection(neighbours=(
        Neighbour(name="FENN", node_id=8, **given), Neighbour(name="ODA", node_id=9)))
    found = known_neighbours(MISSION.model_copy(update={"swarm": swarm}), base)
    return {node_id: voice.key for node_id, voice in found.items()}


def test_only_neighbours_whose_key_is_here_are_understood(tmp_path: Path) -> None:
    key_file.create(tmp_path / "fenn.key", KEY)
    assert heard(tmp_path) == {} == known_neighbours(MISSION, tmp_path)
    assert heard(tmp_path, downlink_key="fenn.key") == {8: KEY}


@pytest.mark.parametrize("content", [None, "", "xyz", KEY.hex()[:-2]])
def test_a_key_that_cannot_be_used_leaves_its_neighbour_out(
    content: str | None, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "fenn.key").write_text(content)
        (tmp_path / "fenn.key").chmod(0o600)
    assert heard(tmp_path, downlink_key="fenn.key") == {}


@pytest.mark.parametrize("content", [None, b"", b"no model"])
def test_without_its_text_model_a_neighbour_is_read_plain(
    content: bytes | None, tmp_path: Path
) -> None:
    key_file.create(tmp_path / "fenn.key", KEY)
    if content is not None:
        (tmp_path / "fenn.codec").write_bytes(content)
    assert heard(tmp_path, downlink_key="fenn.key", codec="fenn.codec") == {8: KEY}
