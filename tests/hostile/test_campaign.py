"""The campaign finds what is planted, tells it, keeps it, and draws the same for the same seed."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile import __main__ as command
from tests.hostile import campaign, supervisor
from tests.hostile.campaign import FAMILY, Inputs, Tally, shares
from tests.hostile.decoders import DECODERS
from tests.hostile.finding import FOUND, Finding, load, place_of, save, smaller
from tests.hostile.registry import Decoder, Take, plain
from tests.hostile.supervisor import feed_apart, slices

CASES = 400
JOBS = 2
TRIGGER = b"\xff\xff"  # of what is planted; the example has none, and damages put it there
RARE = b"\xff\xff\xff\xff"  # of what ends a process, which takes a while


def _raises(data: bytes) -> object:
    if TRIGGER in data:
        raise KeyError(data[:2])
    return len(data)


def _hangs(data: bytes) -> object:
    while data.startswith(TRIGGER):
        pass
    return len(data)


def _dies(data: bytes) -> object:
    if data.startswith(RARE):
        os.kill(os.getpid(), signal.SIGKILL)
    return len(data)


def _leaves(data: bytes) -> object:
    if data.startswith(RARE):
        raise SystemExit(0)
    return len(data)


def _hoards(data: bytes) -> object:
    return len(bytes(4 << 30 if TRIGGER in data else 1))


def planted(function: Take, name: str) -> Decoder:
    return Decoder(f"planted.{name}", plain(function), lambda: [(b"example",)])


PLANTED = {
    "raises": (planted(_raises, "raises"), "KeyError at test_campaign.py"),
    "dies": (planted(_dies, "dies"), "ended its process with SIGKILL"),
    "leaves": (planted(_leaves, "leaves"), "ended its process with status 0"),
    "hoards": (planted(_hoards, "hoards"), "MemoryError at test_campaign.py"),
}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "INPUT_CPU_S_MAX", 1)
    monkeypatch.setattr(supervisor, "INPUT_CPU_S_MAX", 1)


def fly(decoders: list[Decoder], folder: Path, seed: int = 1) -> dict[str, Tally]:
    pieces = slices(decoders, CASES)
    whole = command.Campaign(decoders, pieces, folder)
    whole.run(pieces, seed, JOBS)
    return whole.tallies


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found_and_kept_and_nothing_is_lost(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Goal: the process that dies of an input costs that input, and a line feeds it again."""
    decoder, error = PLANTED[name]
    tally = fly([decoder], tmp_path)[decoder.name]
    assert tally.inputs == CASES
    assert [place_of(each.error).split(":")[0] for each in tally.findings] == [error]
    (path,) = tmp_path.iterdir()
    assert f"--replay {os.path.relpath(path)}" in capsys.readouterr().out
    finding = load(path)
    assert finding.tape == tally.findings[0].tape
    assert [place_of(each.error) for each in feed_apart(decoder, finding.tape)] == [
        place_of(finding.error)]


@pytest.mark.thorough
def test_an_endless_loop_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Method: once, for it takes a second or two."""
    monkeypatch.setattr(supervisor, "DEATHS_MAX", 1)
    decoder = planted(_hangs, "hangs")
    (finding,) = fly([decoder], tmp_path)[decoder.name].findings
    assert finding.error == "took more than 1 s of CPU time"
    assert any(packet.startswith(TRIGGER) for packet in finding.tape)


def test_a_decoder_that_always_dies_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: a night does not go by with processes that die; others get all their inputs."""
    monkeypatch.setattr(supervisor, "DEATHS_MAX", 3)
    deadly = planted(lambda data: data and os._exit(3), "deadly")
    tallies = fly([deadly, planted(len, "sound")], tmp_path)
    assert tallies["planted.deadly"].inputs == 3
    assert tallies["planted.sound"].inputs == CASES // 2


def test_an_exception_is_told_with_the_fewest_bytes(tmp_path: Path) -> None:
    (finding,) = fly([PLANTED["raises"][0]], tmp_path)["planted.raises"].findings
    assert finding.tape == (TRIGGER,)
    assert smaller((b"abc", b"xay"), lambda tape: any(b"a" in packet for packet in tape)) == (b"a",)


def test_a_sound_decoder_has_no_finding_and_every_input_is_counted(tmp_path: Path) -> None:
    sound = planted(lambda data: data or None, "sound")
    tally = fly([sound], tmp_path)["planted.sound"]
    assert tally.inputs == CASES and not tally.findings and not list(tmp_path.iterdir())
    assert 0 < tally.understood < CASES and tally.slowest_s > 0


def _first(decoder: Decoder, count: int, seed: int) -> list[tuple[bytes, ...]]:
    return list(Inputs(decoder, seed).numbered(0, count))


def test_the_same_seed_draws_the_same_inputs_however_they_are_cut() -> None:
    """Method: of every fifth decoder, whole and in pieces that begin within a family."""
    for decoder in DECODERS[::5]:
        whole = _first(decoder, 3 * FAMILY, seed=7)
        again = Inputs(decoder, 7)
        ends = [0, 5, FAMILY + 1, 3 * FAMILY]
        pieces = [again.numbered(first, end - first) for first, end in itertools.pairwise(ends)]
        assert [tape for piece in pieces for tape in piece] == whole
        assert _first(decoder, 3 * FAMILY, seed=8) != whole


def test_every_decoder_gets_a_share_and_the_dear_ones_less() -> None:
    counts = shares(DECODERS, 1_000_000)
    assert sum(counts) == 1_000_000 and min(counts) > 350
    by_cost = sorted((decoder.cost, -count) for decoder, count in zip(
        DECODERS, counts, strict=True))
    for (cost, less), (dearer, more) in itertools.pairwise(by_cost):
        assert cost == dearer or less < more
    assert sum(piece.count for piece in slices(DECODERS, 1_000_000)) == 1_000_000


def test_the_table_and_the_json_say_what_was_counted(tmp_path: Path) -> None:
    tallies = {
        "a": Tally(2000, 1500, 1.5, 0.0123, 3 << 20, []),
        "b": Tally(10, 0, 0.5, 0.5, 1 << 19, [Finding("b", "KeyError at x.py:1: 'a'", (b"",))]),
    }
    assert command.table(tallies).splitlines()[2:] == [
        "| a | 2,000 | 1,500 | 500 | 0 | 12.3 | 3.0 |",
        "| b | 10 | 0 | 10 | 1 | 500.0 | 0.5 |",
        "| all 2 | 2,010 | 1,500 | 510 | 1 | 500.0 | 3.0 |",
    ]
    told = json.loads(command.as_json(tallies, seed=3))
    assert told["seed"] == 3
    assert told["decoders"]["b"]["findings"] == ["KeyError at x.py:1: 'a'"]


def test_the_command_ends_with_a_table_and_a_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Goal: 0 with nothing found, 1 with a finding; replaying says whether it is still there."""
    sound = planted(len, "sound")
    monkeypatch.setattr(command, "FOUND", tmp_path / "found")
    monkeypatch.setattr(command, "DECODERS", [sound, PLANTED["raises"][0]])
    out = ["--cases", str(2 * CASES), "--jobs", "1", "--out", str(tmp_path / "out")]
    assert command.main([*out, "--only", "sound"]) == 0
    assert command.main(out) == 1
    assert "| planted.raises | 400 |" in (tmp_path / "out" / "fuzz.md").read_text()
    assert "| planted.raises | 400 |" in capsys.readouterr().out
    (path,) = (tmp_path / "found").iterdir()
    assert command.main(["--replay", str(path)]) == 1
    mended = Finding("planted.sound", "KeyError at x.py:1: 'a'", (TRIGGER,))
    assert command.main(["--replay", str(save(mended, tmp_path))]) == 0
    unknown = Finding("planted.gone", "KeyError at x.py:1: 'a'", (TRIGGER,))
    with pytest.raises(SystemExit, match=r"no decoder is called 'planted\.gone'"):
        command.main(["--replay", str(save(unknown, tmp_path))])


def _known() -> Iterator[Finding]:
    yield from map(load, sorted(FOUND.glob("*.json")))


def test_what_was_found_once_is_survived() -> None:
    """Every file that a campaign left in ``found/`` is fed again here, for ever."""
    decoders = {decoder.name: decoder for decoder in DECODERS}
    for finding in _known():
        assert not feed_apart(decoders[finding.decoder], finding.tape), finding.error
