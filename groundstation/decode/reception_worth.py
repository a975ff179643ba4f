"""The value of a reception for retention: who may have sent it, as far as is known now."""

from __future__ import annotations

from groundstation.archive.rawlog import Reception
from groundstation.archive.retention import Worth
from groundstation.decode import foreign, payload_summaries
from groundstation.decode.placing import Placing
from wire import frames
from wire.auth import Authenticity
from wire.frames import Heard, ImpostorFrame, UnplacedFrame


def worth_of(reception: Reception, placing: Placing, node_id: int) -> Worth:
    """By the sessions that ``placing`` knows now; ``node_id`` is our payload's."""
    try:
        frame = placing.frame(reception)
        if isinstance(frame, UnplacedFrame) and placing.is_of_old(reception):
            return Worth.VERIFIED
        return worth_of_frame(reception, frame, node_id)
    except Exception:  # noqa: BLE001 (a bug, noted where it was decoded; nothing ends by it)
        return Worth.POSSIBLE


def worth_of_frame(reception: Reception, frame: Heard | None, node_id: int) -> Worth:
    """``frame`` is what the station reads in it now, ``node_id`` our payload's."""
    if reception.source == payload_summaries.SOURCE:  # by UDP come summaries, and no frame of ours
        return Worth.OTHERS
    if frame is None:
        return Worth.OTHERS if _is_of_others(reception.raw) else Worth.NOISE
    if frame.node_id != node_id:
        return Worth.OTHERS
    if isinstance(frame, ImpostorFrame):
        return Worth.REFUSED
    if isinstance(frame, UnplacedFrame):  # forged, or of a session not announced yet
        return Worth.POSSIBLE
    return Worth.VERIFIED if frame.authenticity is Authenticity.GENUINE else Worth.POSSIBLE


def _is_of_others(raw: bytes) -> bool:
    return frames.is_uplink(raw) or foreign.read(raw) is not None
