"""Voice notes that a chat names: what is said in them takes the place of written words.

Nobody is listened to unless persona.toml names a model. A sound that no chat names is nobody's and
stays out: its speaker is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from host_training.common.messages import Notes
from host_training.common.settings import VoiceSettings
from host_training.importers import speech
from host_training.importers.tree import UNREADABLE, File

SUFFIXES = frozenset({".ogg", ".oga", ".opus", ".m4a", ".mp3", ".aac", ".amr", ".wav", ".flac"})
LEFT_OUT = "voice note or other sound; [voice] of persona.toml has it written down"
SOUND_BYTES_MAX = 50_000_000


def listener(files: Iterable[File], settings: VoiceSettings, directory: Path, notes: Notes
             ) -> Callable[[str], str | None]:
    """What is said in the sound of a path among ``files``; None where there is none, or no model.

    Raises:  TrainingError at once for a model that is set and cannot be used.
    """
    if not settings.model:
        return lambda path: None
    model = directory / Path(settings.model).expanduser()
    speech.check(model)
    sounds = {file.name: file for file in files if file.suffix in SUFFIXES}
    loaded: list[speech.Transcribe] = []  # with the first that is heard

    def hear(path: str) -> str | None:
        file = sounds.get(path)
        if file is None:
            return None
        if file.size > SOUND_BYTES_MAX:
            notes.put(path, "", f"{file.size} bytes; at most {SOUND_BYTES_MAX} are listened to")
            return None
        if not loaded:
            loaded.append(speech.load(model, settings.language))
        try:
            words = loaded[0](file.read())
        except (speech.UnheardError, *UNREADABLE) as error:
            notes.put(path, "", f"cannot be heard ({error})")
            return None
        notes.skipped[LEFT_OUT] -= 1  # where it was counted as what is left out
        return words

    return hear
