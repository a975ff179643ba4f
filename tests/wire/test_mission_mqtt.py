"""The table [ground.mqtt]: what it may say, and the sentence for what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from wire.mission import MissionError, parse

EXAMPLE = (Path(__file__).parents[2] / "mission.toml").read_text()


def mqtt_of(text: str):
    return parse(f"{EXAMPLE}\n[ground.mqtt]\n{text}", "mission.toml").ground.mqtt


def test_without_the_table_nothing_is_shared() -> None:
    assert parse(EXAMPLE, "mission.toml").ground.mqtt is None


@pytest.mark.parametrize(("text", "port"), [
    ('host = "b"', 1883), ('host = "b"\ntls = true', 8883), ('host = "b"\nport = 1', 1),
    ('host = "b"\ntls = true\nca_file = "ca.pem"\nuser = "u"\npassword_file = "p"', 8883),
    ('host = "b"\nstations = ["hill", "car"]\ntopic = "club/2026"', 1883),
])
def test_a_broker_has_mqtts_own_port_where_none_is_named(text: str, port: int) -> None:
    assert mqtt_of(text).broker_port == port


@pytest.mark.parametrize(("text", "said"), [
    ("", "key ground.mqtt.host is missing"),
    ('host = ""', "ground.mqtt.host"),
    ('host = "b"\nport = 0', "ground.mqtt.port = 0"),
    ('host = "b"\npassword_file = "p"', "password_file requires a user"),
    ('host = "b"\nca_file = "p"', "ca_file requires tls = true"),
    ('host = "b"\ntopic = "a/#"', "ground.mqtt.topic"),
    ('host = "b"\ntopic = "/a"', "ground.mqtt.topic"),
    ('host = "b"\nstations = ["no space"]', "ground.mqtt.stations"),
    ('host = "b"\npassword = "x"',
     "[ground.mqtt]: unknown key 'password' (did you mean 'password_file'?); available: ca_file"),
])
def test_what_is_wrong_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(MissionError) as raised:
        mqtt_of(text)
    assert said in str(raised.value) and "\n" not in str(raised.value)
