"""Millions of hostile inputs over every decoder, on all cores: ``make fuzz``.

Ends with a table in Markdown, written to ``bench/out/fuzz.md`` and ``fuzz.json`` too, and status 1
when something was found. ``--replay FILE`` feeds one finding again.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.hostile.campaign import Tally
from tests.hostile.decoders import DECODERS
from tests.hostile.finding import FOUND, load, place_of, save
from tests.hostile.registry import Decoder
from tests.hostile.supervisor import Slice, feed_apart, slices, supervise

OUT = Path("bench/out")


class Campaign:
    """What was counted of each decoder, told as it comes."""

    def __init__(self, decoders: Sequence[Decoder], pieces: list[Slice], folder: Path) -> None:
        self.tallies = {decoder.name: Tally() for decoder in decoders}
        self._folder = folder
        self._wanted = {name: sum(p.count for p in pieces if p.decoder.name == name)
                        for name in self.tallies}
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeRemainingColumn(), console=Console(highlight=False), auto_refresh=False)
        self._task = self._progress.add_task("inputs", total=sum(self._wanted.values()))

    def run(self, pieces: list[Slice], seed: int, jobs: int) -> None:
        """Feeds all ``pieces``."""
        with self._progress:
            supervise(pieces, seed, jobs, self._told, self._looked)

    def _looked(self, under_way: int) -> None:
        done = sum(tally.inputs for tally in self.tallies.values())
        self._progress.update(self._task, completed=done + under_way)
        self._progress.refresh()

    def _told(self, piece: Slice, tally: Tally) -> None:
        name = piece.decoder.name
        whole = self.tallies[name]
        known = {place_of(each.error) for each in whole.findings}
        whole.add(tally)
        for finding in whole.findings:
            if place_of(finding.error) not in known:
                path = os.path.relpath(save(finding, self._folder))
                self._say(f"FOUND {name}: {finding.error}; again: "
                          f"python -m tests.hostile --replay {path}")
        if whole.inputs == self._wanted[name]:
            rate = whole.inputs / max(whole.cpu_s, 1e-9)
            self._say(f"{name}: {whole.inputs:,} inputs, {rate:,.0f} a second of a core")

    def _say(self, line: str) -> None:
        self._progress.print(line, markup=False, soft_wrap=True)


def table(tallies: dict[str, Tally]) -> str:
    """Markdown, one line for each decoder and one for all."""
    lines = [
        "| decoder | inputs | accepted | rejected | findings | slowest, ms | memory, MiB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    whole = Tally()
    for name, tally in tallies.items():
        lines.append(_line(name, tally))
        whole.add(tally)
    return "\n".join([*lines, _line(f"all {len(tallies)}", whole)]) + "\n"


def _line(name: str, tally: Tally) -> str:
    return (f"| {name} | {tally.inputs:,} | {tally.understood:,} "
            f"| {tally.inputs - tally.understood:,} | {len(tally.findings)} "
            f"| {tally.slowest_s * 1000:,.1f} | {tally.growth_bytes / 2**20:.1f} |")


def as_json(tallies: dict[str, Tally], **about: Any) -> str:
    """The same figures and how they came, for programs."""
    return json.dumps({**about, "decoders": {name: {
        "inputs": tally.inputs, "accepted": tally.understood,
        "rejected": tally.inputs - tally.understood,
        "findings": [finding.error for finding in tally.findings],
        "cpu_s": round(tally.cpu_s, 3), "slowest_ms": round(tally.slowest_s * 1000, 3),
        "growth_bytes": tally.growth_bytes,
    } for name, tally in tallies.items()}}, indent=1) + "\n"


def replay(path: Path) -> int:
    """Feeds the packets of a finding to its decoder again; 1 if it is still there."""
    finding = load(path)
    decoder = next((each for each in DECODERS if each.name == finding.decoder), None)
    if decoder is None:
        raise SystemExit(f"{path}: no decoder is called {finding.decoder!r} (any more)")
    found = feed_apart(decoder, finding.tape)
    print(f"{finding.decoder}: {found[0].error if found else 'survives it'}")
    return 1 if found else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000_000, help="inputs, over all decoders")
    parser.add_argument("--seed", type=int, default=1, help="which inputs; the same seed, the same")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at once")
    parser.add_argument("--only", default="", metavar="TEXT", help="decoders whose name has TEXT")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the table and the JSON")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="feed one finding again")
    options = parser.parse_args(arguments)
    if options.replay is not None:
        return replay(options.replay)
    decoders = [decoder for decoder in DECODERS if options.only in decoder.name]
    if not decoders or options.cases < 1 or options.jobs < 1:
        parser.error("there must be a decoder with that name, and at least one case and job")
    pieces = slices(decoders, options.cases)
    gc.freeze()  # what is here is shared with the processes, and not touched by their collections
    start_s = time.monotonic()
    campaign = Campaign(decoders, pieces, FOUND)
    with suppress(KeyboardInterrupt):  # what was counted until then is told
        campaign.run(pieces, options.seed, options.jobs)
    took_s = time.monotonic() - start_s
    about = {"seed": options.seed, "jobs": options.jobs, "wall_s": round(took_s, 1),
             "python": platform.python_version()}
    text = table(campaign.tallies)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "fuzz.md").write_text(text)
    (options.out / "fuzz.json").write_text(as_json(campaign.tallies, **about))
    print(f"\nSeed {options.seed}, {options.jobs} processes, {took_s / 3600:.2f} h, "
          f"Python {about['python']}\n\n{text}")
    return 1 if any(tally.findings for tally in campaign.tallies.values()) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    raise SystemExit(main())
