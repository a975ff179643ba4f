"""``make bench`` runs every benchmark, ``make bench NAME=link`` one; fails if a target is missed.

Options after a single name are that benchmark's own: ``python -m bench musings --seeds 7``.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from bench import report

NAMES = (
    "beacon", "flight", "predict", "start", "ground", "link", "airtime", "swarm", "text", "mind",
    "memory", "persona", "pairs", "imports", "quant", "tune", "musings", "replies", "planner")
WITH_OPTIONS = ("musings", "planner")
OUT_DIR = Path(__file__).parent / "out"


def main(arguments: list[str]) -> int:
    """The worst exit status of the benchmarks named in ``arguments``, or of all."""
    parser = argparse.ArgumentParser("python -m bench", description="Run benchmarks; all of them "
                                     "where none is named. Fails if one misses its target.")
    parser.add_argument("wanted", nargs="*", metavar="NAME", help=", ".join(NAMES))
    first = next((at for at, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    names, options = arguments[:first], arguments[first:]
    wanted = parser.parse_args(names or [o for o in options if o in ("-h", "--help")]).wanted
    for name in wanted:
        if name not in NAMES:
            print(f"unknown benchmark {name!r}; available: {', '.join(NAMES)}", file=sys.stderr)
            return 2
    if options and wanted not in [[name] for name in WITH_OPTIONS]:
        print(f"{options[0]}: options go with one benchmark of: {', '.join(WITH_OPTIONS)}",
              file=sys.stderr)
        return 2
    status = 0
    for name in wanted or NAMES:
        module = importlib.import_module(f"bench.{name}")
        status = max(status, report.write(
            name, module.run(OUT_DIR, options) if options else module.run(OUT_DIR), OUT_DIR))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
