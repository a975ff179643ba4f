"""The text models of a station: the mission bundle's, those in the archive folder, and named ones.

The payload packs its texts with the model of its persona bundle. A station without it still hears
everything but the texts, keeps those as they came, and asks for plain ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import structlog

from wire import bodies
from wire.bodies import Models
from wire.bundle import TEXT_CODEC
from wire.mission import Mission
from wire.text_codec import CodecError, TextModel

_log = structlog.get_logger()
MODELS_MAX = 8  # of some 5 MB each


def load(mission: Mission, base: Path, named: Iterable[Path]) -> Models:
    """Models by short id; ``base`` is where the mission's paths begin.

    A file that is not a model is one sentence in the log, and the station goes on without it.
    """
    paths = list(named)
    if mission.mind.bundle and (bundled := base / mission.mind.bundle / TEXT_CODEC).is_file():
        paths.append(bundled)
    paths += sorted((base / mission.ground.archive_dir).glob("*.codec"))
    found = [model for path in paths[:MODELS_MAX] if (model := _read(path)) is not None]
    for path in paths[MODELS_MAX:]:
        _log.warning("text_model_left_out", why=f"{path}: only {MODELS_MAX} models are loaded")
    return bodies.by_id(found)


def _read(path: Path) -> TextModel | None:
    try:
        return TextModel.load(path)
    except OSError as error:
        why = f"{path}: cannot be read ({error.strerror})"
    except CodecError as error:
        why = f"{path}: {error}"
    _log.warning("text_model_unreadable", why=why)
    return None
