"""Delivery: how far a question or command has come, the same for the page, the terminal, exports.

    QUEUED -> ON_AIR -> HEARD_ABOARD -> THINKING -> ANSWERED    a question
    QUEUED -> ON_AIR -> HEARD_ABOARD -> ANSWERED                a command, by its result

    REFUSED    heard aboard and not accepted; the payload said why
    EXPIRED, WITHDRAWN, FAILED    not sent any more; it may turn out to have been heard aboard

A stage is entered on evidence alone: ON_AIR when a frame was given to the modem, HEARD_ABOARD when
a signed beacon or record of the payload shows it, THINKING and ANSWERED by its records. What was
not observed is not among the steps: a frame may be heard aboard without the beacon that says so.
Words for people are in ``groundstation.archive.command_state``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from groundstation.archive.outbox import QueuedCommand


class DeliveryStage(StrEnum):
    """Values are the words that are shown."""

    QUEUED = "queued"
    ON_AIR = "on air"
    HEARD_ABOARD = "heard aboard"
    THINKING = "thinking"
    ANSWERED = "answered"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"


_BY_STATE = {
    "queued": DeliveryStage.QUEUED, "sent": DeliveryStage.ON_AIR,
    "confirmed": DeliveryStage.HEARD_ABOARD, "thinking": DeliveryStage.THINKING,
    "answered": DeliveryStage.ANSWERED, "expired": DeliveryStage.EXPIRED,
    "withdrawn": DeliveryStage.WITHDRAWN,
}
OVER = frozenset((DeliveryStage.ANSWERED, DeliveryStage.REFUSED, DeliveryStage.EXPIRED,
                  DeliveryStage.WITHDRAWN, DeliveryStage.FAILED))


class ReachedStage(NamedTuple):
    """A stage that was reached, and when, UTC ms; None where the archive does not keep the time.

    That of ON_AIR is of the latest frame.
    """

    stage: DeliveryStage
    at_ms: int | None


def stage(entry: QueuedCommand) -> DeliveryStage:
    """The latest stage; ``entry.as_of`` first where the lifetime may be over."""
    is_refused = entry.state == "failed" and entry.confirmed_ms is not None
    return DeliveryStage.REFUSED if is_refused else _BY_STATE.get(entry.state, DeliveryStage.FAILED)


def steps(entry: QueuedCommand) -> list[ReachedStage]:
    """Every stage that is known to have been reached, in their order."""
    reached = [ReachedStage(DeliveryStage.QUEUED, entry.created_ms)]
    if entry.attempts:
        reached.append(ReachedStage(DeliveryStage.ON_AIR, entry.last_sent_ms))
    if entry.confirmed_ms is not None:
        reached.append(ReachedStage(DeliveryStage.HEARD_ABOARD, entry.confirmed_ms))
    latest = stage(entry)
    if latest is DeliveryStage.ANSWERED:
        reached.append(ReachedStage(latest, entry.answered_ms))
    elif latest is not reached[-1].stage:
        reached.append(ReachedStage(latest, None))
    return reached
