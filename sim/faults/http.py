"""Faults of the web APIs, beyond the list of docs/faults.md: number 82."""

from __future__ import annotations

from functools import partial

from sim.fakes.services import ApiFault
from sim.faults.stage import End, Fault, Stage

LASTS_S = (300.0, 1800.0)
_WHAT = {
    ApiFault.TIMEOUT: "every request times out",
    ApiFault.UNREACHABLE: "no service can be reached",
    ApiFault.HTML: "a captive portal answers with its own page",
    ApiFault.SERVER_ERROR: "every service answers 500",
    ApiFault.REDIRECT: "every answer is a redirect",
    ApiFault.GARBAGE: "answers that are not text",
    ApiFault.HUGE: "an answer of a megabyte",
    ApiFault.HANGS: "no answer until the request is abandoned",
    ApiFault.REFUSES: "the HTTP port refuses every request",
    ApiFault.BREAKS: "the HTTP port raises an exception",
    ApiFault.OTHER: "answers to requests that were not made",
}


def _http(stage: Stage, fault: ApiFault) -> End:
    http = stage.world.http
    http.fault = fault

    def end() -> None:
        http.fault = None

    return end


FAULTS: tuple[Fault, ...] = tuple(
    Fault(82, f"http.{fault.name.lower()}", what, partial(_http, fault=fault), LASTS_S)
    for fault, what in _WHAT.items()
)
