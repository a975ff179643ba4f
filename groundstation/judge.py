"""Says what a reception is worth keeping for: who can have sent it, as far as that is known now."""

from __future__ import annotations

from collections.abc import Mapping

from groundstation import foreign, horus_udp
from groundstation.rawlog import Reception
from groundstation.retention import Worth
from wire import frames
from wire.auth import Authenticity
from wire.frames import ImpostorFrame


def judge(reception: Reception, node_id: int, signers: Mapping[int, bytes]) -> Worth:
    """``node_id`` is our payload's; ``signers`` are the downlink keys by node id."""
    if reception.source == horus_udp.SOURCE:  # by UDP come summaries, and no frame of ours
        return Worth.OTHERS
    frame = frames.decode_downlink(reception.raw, signers)
    if frame is None:
        return Worth.OTHERS if _is_of_others(reception.raw) else Worth.NOISE
    if frame.node_id != node_id:
        return Worth.OTHERS
    if isinstance(frame, ImpostorFrame):
        return Worth.REFUSED
    return Worth.PROVED if frame.authenticity is Authenticity.GENUINE else Worth.POSSIBLE


def _is_of_others(raw: bytes) -> bool:
    return frames.is_uplink(raw) or foreign.read(raw) is not None
