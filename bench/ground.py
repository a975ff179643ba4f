"""The ground station: how much it takes in, and what its page costs."""

from __future__ import annotations

from pathlib import Path

from bench import ground_ingest, ground_page
from bench.report import Figure


def run(out_dir: Path) -> list[Figure]:
    """Every figure of the station."""
    return [*ground_ingest.rows(), *ground_page.rows(out_dir)]
