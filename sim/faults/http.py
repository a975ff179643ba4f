"""Source faults (docs/faults.md, 82 and 83): answers that fail to come, are damaged, or lie."""

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
    ApiFault.POISONED: "answers that give orders and forge records",
}
_OF_THE_STATION = {
    ApiFault.POISONED: "the station's sources give orders and forge records",
    ApiFault.TIMEOUT: "the station's sources do not answer",
}


def _http(stage: Stage, fault: ApiFault) -> End:
    http = stage.world.http
    http.fault = fault

    def end() -> None:
        http.fault = None

    return end


def _sources(stage: Stage, fault: ApiFault) -> End:
    """83: what the station asks for the payload."""
    http = stage.world.air.sources.http
    http.fault = fault

    def end() -> None:
        http.fault = None

    return end


FAULTS: tuple[Fault, ...] = (
    *(Fault(82, f"http.{fault.name.lower()}", what, partial(_http, fault=fault), LASTS_S)
      for fault, what in _WHAT.items()),
    *(Fault(83, f"sources.{fault.name.lower()}", what, partial(_sources, fault=fault), LASTS_S)
      for fault, what in _OF_THE_STATION.items()),
)
