"""Loads the files aboard: persona, memory, text codec and keys.

One that is missing or damaged is left out, with one event that says why: the payload flies without.
"""

from __future__ import annotations

from pathlib import Path

import structlog

from payload.link.overhearing import KnownNeighbour
from payload.mind import diary
from payload.mind.memory import Memory, MemoryAbsent
from payload.mind.persona import OF_THE_MIND, CodecAbsent, Persona, load_persona
from wire import auth, bodies, key_file
from wire.auth import Direction
from wire.bundle import BundleError
from wire.key_file import KeyFileError
from wire.mission import Mission
from wire.mission_swarm import Neighbour
from wire.text_codec import CodecError, TextModel

log = structlog.get_logger("payload")


def persona(plan: Mission, base: Path) -> Persona | None:
    """The persona of the bundle, if it is signed by a trusted key.

    The model is checked by the mind's process, which alone opens it: to read it takes a small board
    seconds, and the first beacon would wait.
    """
    if not plan.mind.bundle:
        log.warning("no_persona", reason="mind.bundle is not set")
        return None
    try:
        return load_persona(base / plan.mind.bundle, plan.mind.public_keys, OF_THE_MIND)
    except BundleError as error:
        log.warning("no_persona", reason=str(error))
        return None


def memory(found: Persona | None, plan: Mission, base: Path) -> Memory | None:
    """What the persona remembers, with the diary of an earlier flight."""
    if found is None:
        return None
    lines: list[str] = []
    if plan.mind.diary:
        try:
            lines = diary.read(base / plan.mind.diary, plan.mind.private_words)
        except diary.DiaryError as error:
            log.warning("no_diary", reason=str(error))
    try:
        return Memory(found.memory_path, lines)
    except MemoryAbsent as error:
        log.warning("no_memory", reason=str(error))
        return None


def codec(found: Persona | None) -> TextModel | None:
    """What packs its texts for the air."""
    if found is None:
        return None
    try:
        return found.load_codec()
    except CodecAbsent as error:
        log.warning("no_text_codec", reason=str(error))
        return None


def keys(plan: Mission, base: Path) -> tuple[bytes | None, bytes | None]:
    """(uplink, downlink) keys; without a key file it flies without uplink and unsigned."""
    try:
        master = key_file.load(base / plan.keys.file)
    except KeyFileError as error:
        log.warning("deaf_to_commands", reason=str(error))
        if plan.keys.downlink_mac:
            log.warning("not_signing", reason="stations with the key reject its frames")
        return None, None
    downlink_key = plan.downlink_key(master)
    if downlink_key is not None:
        log.info("signing", key=auth.key_name(downlink_key))
    return auth.derive_key(master, plan.payload.node_id, Direction.UPLINK), downlink_key


def known_neighbours(plan: Mission, base: Path) -> dict[int, KnownNeighbour]:
    """What is needed to understand the neighbours that are to be answered, by node id."""
    found: dict[int, KnownNeighbour] = {}
    for neighbour in () if plan.swarm is None else plan.swarm.neighbours:
        if not neighbour.downlink_key:
            continue
        try:
            key = key_file.load(base / neighbour.downlink_key)
        except KeyFileError as error:
            log.warning("deaf_to_neighbour", payload=neighbour.name, reason=str(error))
            continue
        found[neighbour.node_id] = KnownNeighbour(key, bodies.by_id(_models(neighbour, base)))
    return found


def _models(neighbour: Neighbour, base: Path) -> list[TextModel]:
    if not neighbour.codec:
        return []
    path = base / neighbour.codec
    try:
        return [TextModel.load(path)]
    except OSError as error:
        reason = f"{path}: cannot be read ({error.strerror})"
    except CodecError as error:
        reason = f"{path}: {error}"
    log.warning("no_text_codec_of_neighbour", payload=neighbour.name, reason=reason)
    return []
