"""The [ground.mqtt] section of the mission file: the broker over which stations share what they
receive. The payload does not use it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from wire.mission_radio import Section

STATION_NAME = r"^[A-Za-z0-9_-]{1,16}$"
StationName = Annotated[str, Field(
    pattern=STATION_NAME, description="1 to 16 letters from A to Z, digits, _ and -")]
PORT, TLS_PORT = 1883, 8883
_LEVEL = "[A-Za-z0-9_-]{1,32}"


class MqttSection(Section):
    """The broker, and whose receptions are taken: of ``stations`` alone, or of all where it is
    empty."""

    host: Annotated[str, Field(
        min_length=1, max_length=253, description="a host name of 1 to 253 characters")]
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    tls: bool = False
    ca_file: str = ""
    user: Annotated[str, Field(max_length=64)] = ""
    password_file: str = ""
    topic: Annotated[str, Field(pattern=f"^{_LEVEL}(/{_LEVEL}){{0,3}}$", description=(
        "1 to 4 levels with a / between them, each of 1 to 32 letters from A to Z, digits, _ and -"
    ))] = "spacepi"
    stations: Annotated[
        tuple[StationName, ...], Field(strict=False, max_length=32)] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> MqttSection:
        if self.password_file and not self.user:
            raise ValueError("password_file requires a user")
        if self.ca_file and not self.tls:
            raise ValueError("ca_file requires tls = true")
        return self

    @property
    def broker_port(self) -> int:
        """The port named, or MQTT's own."""
        return self.port or (TLS_PORT if self.tls else PORT)
