"""The downlink key that the archive was decoded with: with another one it is decoded again."""

from __future__ import annotations

import structlog

from groundstation.archive.archive import Archive
from wire import auth
from wire.mission import Mission

_log = structlog.get_logger()


def take(archive: Archive, mission: Mission, downlink_key: bytes | None) -> None:
    """What was decoded with another key, or with none, is decoded again."""
    name = "" if downlink_key is None else auth.key_name(downlink_key)
    if mission.keys.downlink_mac and downlink_key is None:
        _log.warning("not_verifying", why="the mission signs; this station has no key")
    if (archive.meta("verified_with") or "") != name and archive.meta("decoded_upto"):
        _log.info("decoding_again", why="the downlink key has changed", key=name or "none")
        archive.rebuild()
    with archive.batch():
        archive.set_meta("verified_with", name)
