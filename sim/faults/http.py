"""The services that the payload asks, beyond the list of docs/faults.md: number 82."""

from __future__ import annotations

from functools import partial

from sim.fakes.services import ApiFault
from sim.faults.stage import End, Fault, Stage

LASTS_S = (300.0, 1800.0)
_WHAT = {
    ApiFault.TIMEOUT: "every request runs into its time limit",
    ApiFault.UNREACHABLE: "no service can be reached",
    ApiFault.HTML: "a captive portal answers with its page",
    ApiFault.SERVER_ERROR: "every service answers 500",
    ApiFault.REDIRECT: "every answer points elsewhere",
    ApiFault.GARBAGE: "answers that are no text",
    ApiFault.HUGE: "an answer of a megabyte",
    ApiFault.HANGS: "no answer until the request is abandoned",
    ApiFault.REFUSES: "the port takes no request",
    ApiFault.BREAKS: "the port raises",
    ApiFault.OTHER: "answers to requests that nobody made",
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
