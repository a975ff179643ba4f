"""The [eyes] section of the mission file: with it pictures are measured, without it only sent."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from wire.mission_radio import Section


class EyesSection(Section):
    """What is seen in the camera's pictures: the horizon, the sun, cloud, a black sky."""

    field_deg: Annotated[float, Field(ge=20, le=120)] = 62.2  # across, of a camera module 2
