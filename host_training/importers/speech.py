"""Turns the speech in a sound file into words, with a Whisper model on this machine.

PyAV (FFmpeg) decodes whatever a phone records, and Hugging Face's transformers listens. Silence is
not listened to: Whisper hears thanks and goodbyes in it. Source: Radford et al., Robust Speech
Recognition via Large-Scale Weak Supervision, 2022; sequential decoding of more than half a minute
as in https://huggingface.co/docs/transformers/model_doc/whisper.
"""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from host_training.errors import TrainingError
from wire.extras import Extra, how_to_install

Transcribe = Callable[[bytes], str]  # a sound file, in any format -> what is said in it

RATE_HZ = 16_000
WINDOW_SECONDS = 30  # of Whisper
SECONDS_MAX = 900  # of one voice note; what is behind is not listened to
QUIET = 0.002  # root mean square of the samples, full scale 1
_EXTRA_OF: dict[str, Extra] = {"av": "voice", "torch": "train", "transformers": "train"}


class UnheardError(Exception):
    """A sound file that cannot be decoded; its one argument says why."""


def check(model: Path) -> None:
    """Raises:  TrainingError where a package or the model is missing."""
    for name, extra in _EXTRA_OF.items():
        if importlib.util.find_spec(name) is None:
            raise TrainingError(f"voice.model is set in persona.toml and needs the package {name}: "
                                f"{how_to_install(extra)}.")
    try:
        kind = json.loads((model / "config.json").read_text())["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"voice.model in persona.toml: {model}: no config.json of a model; it "
                            "is the folder of a Whisper model, like whisper-small.") from error
    if kind != "whisper":
        raise TrainingError(f"voice.model in persona.toml: {model}: a {kind} model; a Whisper "
                            "model is needed.")


def load(model: Path, language: str | None) -> Transcribe:
    """What listens with ``model``; the language is found out where it is not said.

    Raises:  TrainingError as ``check``, and for a model that cannot be loaded.
    """
    check(model)
    import torch
    import transformers
    from safetensors import SafetensorError

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    try:
        processor = transformers.AutoProcessor.from_pretrained(model, local_files_only=True)
        whisper = transformers.WhisperForConditionalGeneration.from_pretrained(
            model, local_files_only=True).eval()
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise TrainingError(f"voice.model in persona.toml: {model}: cannot be loaded"
                            f" ({error}).") from error
    spoken = ({"task": "transcribe", "language": language}
              if getattr(whisper.generation_config, "is_multilingual", False) else {})

    @torch.no_grad()
    def words(sound: bytes) -> str:
        samples = decoded_sound(sound)
        if not samples.size or float(np.sqrt(np.mean(samples * samples))) < QUIET:
            return ""
        is_long = samples.size > WINDOW_SECONDS * RATE_HZ
        whole = {"truncation": False, "padding": "longest"} if is_long else {}
        heard = processor(samples, sampling_rate=RATE_HZ, return_tensors="pt",
                          return_attention_mask=True, **whole)
        drawn = whisper.generate(**heard, **spoken, return_timestamps=is_long)
        return " ".join(processor.batch_decode(drawn, skip_special_tokens=True)[0].split())

    return words


def decoded_sound(sound: bytes) -> np.ndarray:
    """(n,) float32 at RATE_HZ, one channel, -1..1. Raises UnheardError."""
    import av

    blocks: list[Any] = []
    left = SECONDS_MAX * RATE_HZ
    try:
        with av.open(io.BytesIO(sound), mode="r") as container:
            resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
            for frame in container.decode(audio=0):
                blocks += [part.to_ndarray()[0] for part in resampler.resample(frame)]
                left -= frame.samples * RATE_HZ // max(1, frame.sample_rate)
                if left <= 0:
                    break
            blocks += [part.to_ndarray()[0] for part in resampler.resample(None)]
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise UnheardError(f"no sound that can be decoded ({error})") from error
    samples = np.concatenate([*blocks, np.zeros(0, np.float32)]).astype(np.float32)
    return samples[: SECONDS_MAX * RATE_HZ]
