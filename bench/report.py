"""Output of a benchmark: a table on the terminal, a JSON file, an exit status."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure beside its target and its peers. No target: shown, never failed."""

    what: str
    value: float
    unit: str
    target: float | None = None
    direction: str = ">="  # how the value must stand to the target
    peers: dict[str, float] = field(default_factory=dict)

    @property
    def is_met(self) -> bool:
        if self.target is None:
            return True
        return self.value >= self.target if self.direction == ">=" else self.value <= self.target


def write(name: str, rows: list[Figure], out_dir: Path) -> int:
    """Print the table, write ``out_dir/NAME.json``; 0 when every target is met, else 1."""
    print(f"\n## {name}\n\n| what | value | target | peers |\n|---|---|---|---|")
    for row in rows:
        target = "" if row.target is None else f"{row.direction} {row.target:g}"
        missed = "" if row.is_met else " **missed**"
        peers = ", ".join(f"{peer} {value:.3g}" for peer, value in row.peers.items())
        print(f"| {row.what} | {row.value:.4g} {row.unit}{missed} | {target} | {peers} |")
    out_dir.mkdir(parents=True, exist_ok=True)
    (out_dir / f"{name}.json").write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return 0 if all(row.is_met for row in rows) else 1
