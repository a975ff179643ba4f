"""The command of the benchmarks: what it answers without running one."""

import pytest

from bench.__main__ import NAMES, main


def test_help_names_every_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    shown = capsys.readouterr().out
    assert end.value.code == 0
    assert "usage: python -m bench" in shown and all(name in shown for name in NAMES)


def test_an_unknown_benchmark_is_named_with_those_that_are_there(
        capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["beacons"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("unknown benchmark 'beacons'; available: beacon, flight")
