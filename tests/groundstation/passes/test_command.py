"""``spacepi-ground passes``: the table, the plots, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer
from typer.testing import CliRunner

from groundstation.archive import outbox
from groundstation.archive.archive import Archive
from groundstation.errors import StationError
from groundstation.passes import command, drawing, terminal
from groundstation.passes.upcoming import CURVE_POINTS, coming
from tests.wire.orbits import HOUR_MS, ISS, iss
from wire.commands import Opcode
from wire.mission_orbit import OrbitStation

STATIONS = (
    OrbitStation(name="home", latitude_deg=48.0, longitude_deg=11.0),
    OrbitStation(name="away", latitude_deg=-30.0, longitude_deg=140.0, elevation_min_deg=20.0),
)
EPOCH_MS = iss().epoch_ms
SVG = "{http://www.w3.org/2000/svg}"


def run(*words: str) -> str:
    """What the command prints a moment after the epoch of the elements. Raises what it raises."""
    app = typer.Typer()
    app.command()(command.command(lambda: EPOCH_MS))
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def tle(folder: Path, text: str = "ISS\n" + "\n".join(ISS) + "\n") -> str:
    path = folder / "iss.tle"
    path.write_text(text)
    return str(path)


def test_passes_come_in_the_order_of_their_rise() -> None:
    found = coming(iss(), STATIONS, EPOCH_MS, 24)
    assert {each.station.name for each in found} == {"home", "away"}
    rises = [each.over.rise_ms for each in found]
    assert rises == sorted(rises)
    for each in found:
        assert len(each.curve) == CURVE_POINTS
        heights = [look.elevation_deg for _, look in each.curve]
        assert max(heights) <= each.over.top.elevation_deg + 0.01
        assert min(heights) >= each.station.elevation_min_deg - 0.5
        assert 2_000 < each.doppler_hz < 11_000


def test_a_table_and_a_plot_come_from_a_file_and_a_place(tmp_path: Path) -> None:
    lines = run("--tle", tle(tmp_path), "--at", "48,11,500", "--hours", "48").splitlines()
    rows = [line for line in lines if line.startswith("here")]
    assert len(rows) == 13  # as somebody finds who looks up every few seconds
    assert rows[0].split() == [
        "here", "2019-12-09", "16:37:10", "W", "16:41:21", "52°", "16:45:32", "SE", "8.4", "522",
        "+9.8", "kHz"]
    assert sum("90°" in line for line in lines) >= terminal.PLOT_PASSES_MAX


def test_a_lower_limit_shows_more(tmp_path: Path) -> None:
    path = tle(tmp_path)
    few, many = (run("--tle", path, "--at", "48,11", "--elevation", least).count("\nhere ")
                 for least in ("45", "0"))
    assert 0 < few < many


def test_drawing_and_page_are_whole_documents(tmp_path: Path) -> None:
    svg, page = tmp_path / "passes.svg", tmp_path / "passes.html"
    run("--tle", tle(tmp_path), "--at", "48,11", "--svg", str(svg), "--html", str(page))
    root = ElementTree.parse(svg).getroot()
    assert root.tag == f"{SVG}svg"
    passes = coming(iss(), (command.place("48,11"),), EPOCH_MS, 24)
    assert len(root.findall(f".//{SVG}path")) == 2 * len(passes)  # over time, and over the sky
    text = page.read_text()
    assert text.startswith("<!doctype html>") and text.count("<tr>") == 1 + len(passes)
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")


def test_a_place_without_passes_is_said_and_drawn(tmp_path: Path) -> None:
    assert "No pass in the next 24 hours." in run("--tle", tle(tmp_path), "--at", "89,0")
    assert "No pass in this time." in drawing.svg([])


def test_old_elements_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.groundstation.passes.test_command.EPOCH_MS",
                        EPOCH_MS + 9 * 24 * HOUR_MS)
    assert "The elements are 9 days old" in run("--tle", tle(tmp_path), "--at", "48,11")


@pytest.mark.parametrize(("words", "said"), [
    (("--at", "48"), "allowed is LAT,LON"),
    (("--at", "91,0"), "allowed is LAT,LON"),
    (("--at", "48,11,9001"), "allowed is LAT,LON"),
    (("--at", "a,b"), "allowed is LAT,LON"),
    (("--at", "nan,0"), "allowed is LAT,LON"),
])
def test_a_place_that_is_none_is_one_sentence(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    with pytest.raises(StationError, match=said):
        run("--tle", tle(tmp_path), *words)


@pytest.mark.parametrize(("text", "said"), [
    ("", "has 0 lines"), ("ISS\n", "has 1 lines"), ("\n".join((*ISS, *ISS)), "has 4 lines"),
    ("a" * 5_000, "longer than 4096 bytes"), (f"{ISS[0]}\n{ISS[1][:-1]}9\n", "checksum"),
    ("\xff\xfe\n\xff\n", "69 characters"),
])
def test_a_file_that_is_no_tle_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(StationError, match=said) as raised:
        run("--tle", tle(tmp_path, text), "--at", "48,11")
    assert "\n" not in str(raised.value)


def test_a_mission_without_an_orbit_is_told_what_to_add() -> None:
    mission = str(Path(__file__).parents[3] / "mission.toml")
    with pytest.raises(StationError, match=r"has no orbit\.tle; add it, or give --tle FILE"):
        run("--mission", mission)


def test_elements_that_were_queued_count_unless_the_mission_file_has_newer_ones(
    tmp_path: Path
) -> None:
    mission = tmp_path / "mission.toml"
    mission.write_text(
        '[payload]\nname = "EDDA"\ncallsign = "N0CALL"\nnode_id = 7\n[radio]\nkind = "none"\n'
        "[power]\ncapacity_mah = 3000\neco_mv = 3600\nlow_mv = 3400\ncritical_mv = 3200\n"
        '[[orbit.stations]]\nname = "here"\nlatitude_deg = 48.0\nlongitude_deg = 11.0\n')
    with pytest.raises(StationError, match=r"has no orbit\.tle"):
        run("-m", str(mission))
    archive = tmp_path / "archive" / "archive.sqlite"
    Archive(archive, is_durable=False).close()
    with pytest.raises(StationError, match=r"has no orbit\.tle"):
        run("-m", str(mission))
    outbox.post(archive, Opcode.ELEMENTS, iss().text, EPOCH_MS)
    table = run("-m", str(mission))
    assert table.splitlines()[:4] == run(
        "--tle", tle(tmp_path), "--at", "48,11", "--elevation", "5").splitlines()[:4]
