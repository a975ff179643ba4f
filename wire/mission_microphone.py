"""The [microphone] section of the mission file: the payload's ears. Without it there are none."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from wire.mission_radio import Section

TAKES_KEPT_MAX = 200  # of at most 10 s each: 64 MB


class MicrophoneSection(Section):
    """One microphone that ALSA knows. Takes are measured and forgotten unless ``keep_takes`` says
    how many of the latest stay on the card."""

    device: Annotated[str, Field(min_length=1, max_length=64)]  # as `arecord -L` names it
    every_s: Annotated[int, Field(ge=5, le=600)] = 30
    take_s: Annotated[int, Field(ge=2, le=10)] = 6
    # Its datasheet's sensitivity at 94 dB SPL, with the gain that is set; without it no level is
    # in dB SPL.
    sensitivity_dbfs: Annotated[float, Field(ge=-90, le=10)] | None = None
    keep_takes: Annotated[int, Field(ge=0, le=TAKES_KEPT_MAX)] = 0

    @model_validator(mode="after")
    def _has_time(self) -> MicrophoneSection:
        if self.take_s >= self.every_s:
            raise ValueError(f"take_s ({self.take_s}) must be below every_s ({self.every_s})")
        return self
