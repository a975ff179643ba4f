"""What a mission file may say of SondeHub, and what it may not."""

from __future__ import annotations

import pytest

from wire.mission import MissionError, parse

TEXT = """
[payload]
name = "EDDA"
callsign = "{call}"
node_id = 7
[radio]
kind = "none"
[power]
capacity_mah = 3000
eco_mv = 3600
low_mv = 3400
critical_mv = 3200
[ground]
{ground}
"""


def test_it_is_off_unless_somebody_asks_for_it() -> None:
    assert parse(TEXT.format(call="D0TEST", ground=""), "m").ground.sondehub == "off"
    mission = parse(TEXT.format(call="D0TEST-11", ground=(
        'sondehub = "on"\nsondehub_callsign = "D0TEST"\nsondehub_position = [52.0, 13.0, 40.0]')),
        "m")
    assert mission.ground.sondehub_position == (52.0, 13.0, 40.0)
    assert mission.ground.sondehub_url == "https://api.v2.sondehub.org"


@pytest.mark.parametrize(("call", "ground", "sentence"), [
    ("D0TEST", 'sondehub = "on"', "requires a ground.sondehub_callsign"),
    ("D0TEST", 'sondehub = "dev"', "requires a ground.sondehub_callsign"),
    ("D0TEST", 'sondehub = true', "ground.sondehub = true: must be off, dev or on, in quotes"),
    ("N0CALL-11", 'sondehub = "on"\nsondehub_callsign = "D0TEST"',
     "payload.callsign N0CALL-11 is a placeholder"),
    ("D0TEST", 'sondehub = "on"\nsondehub_callsign = "mycall"',
     "ground.sondehub_callsign mycall is a placeholder"),
    ("D0TEST", 'sondehub_callsign = "a b"', "ground.sondehub_callsign"),
    ("D0TEST", 'sondehub_url = "ftp://x"', "ground.sondehub_url"),
    ("D0TEST", "sondehub_position = [91.0, 13.0, 40.0]", "ground.sondehub_position"),
    ("D0TEST", "sondehub_position = [52.0, 13.0]", "ground.sondehub_position"),
])
def test_a_mission_that_cannot_be_told_is_one_sentence(
    call: str, ground: str, sentence: str
) -> None:
    with pytest.raises(MissionError) as caught:
        parse(TEXT.format(call=call, ground=ground), "m.toml")
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_nobodys_callsign_may_rehearse() -> None:
    ground = 'sondehub = "dev"\nsondehub_callsign = "N0CALL"'
    assert parse(TEXT.format(call="N0CALL", ground=ground), "m").ground.sondehub == "dev"
