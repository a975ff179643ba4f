"""Goal: telephone numbers as people of any country write them are found, and no other number is.

Method: one number at a time, most without a country code, and what only has the shape of one.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host_training.corpus import assemble
from host_training.privacy import phones, pii
from tests.host_training.conftest import write_persona
from tests.host_training.corpus.preparing import prepare, with_telegram
from tests.host_training.nasty_inputs import nasty


@nasty(24)
@pytest.mark.parametrize("number", [
    "Phone: 503 975 7799", "call me at (503) 975-7799", "my number is 503-975-7799", "503.975.7799",
    "ring me on 020 7946 0958", "mein Handy: 0171 2345678", "bel me op 06 12345678",
    "mon numéro 06 12 34 56 78", "+31 6 12345678", "Tel. 0423/972429", "01 40 20 50 50",
    "Mobil 0660 1234567", "0171/2345678", "(0171) 2345678", "030 901820", "0151-23456789",
    "01622 872340", "02 1234 5678", "03-3212-2323", "010-1234-5678", "mi móvil 612 34 56 78",
    "llama al 91 123 45 67", "тел. 8 912 345-67-89", "電話 090-1234-5678", "komórka 512 345 678",
    "ruf an: 2345678", "Tel 555-0123", "call 1-800-275-2273", "fax 0049 30 901820",
    "text me 07700 900123",
    # with the 1 of America before it, without a space, with an extension: each of these stayed
    "1-503-975-7799", "1 (503) 975-7799", "(503)975-7799", "(503)975-7799 x 62",
    "503-975-7799EXT62", "phone (503)975-7799x62", "my phone is 1.503.975.7799",
    "tel. 030 901820 ext. 12",
])
def test_a_national_number_is_found_without_a_region(number: str) -> None:
    found = pii.find(number, None)
    assert [one.kind for one in found] == ["phone"]
    assert not any(char.isdigit() for char in number[: found[0].start] + number[found[0].end :])


@nasty(24)
@pytest.mark.parametrize("text", [
    "call me on 2021-03-06 at ten", "call on 06.03.2021 please", "it rang 1 200 times, I call",
    "I call it 3.1415926535", "0.12345678", "at 0930 and 1015", "order 0012", "2 000 000 of them",
    "call for 10 000 m and 12 km", "a tel of 12", "rows 100 200 3000", "it cost 1 234 567",
    "the cell had 3.71 V at 18:45:03", "mobile home from 1985 or 1986",
    "I call 1.234.567.890 a crowd", "call it 1.234567", "call 200 x 12 of them", "f(503)975-77",
])
def test_what_only_looks_like_a_number_of_a_telephone_stays(text: str) -> None:
    assert pii.find(text, None) == []


@pytest.mark.parametrize(("own", "timezone", "others", "languages", "region"), [
    (["whatsapp:+447700900122", "Ada"], "Europe/Berlin", ["+4915123456789"], ["nl"], "GB"),
    (["Ada"], "Europe/Amsterdam", ["+4915123456789"], ["de"], "NL"),
    (["Ada"], "America/New_York", [], [], "US"), (["Ada"], "Europe/London", [], [], "GB"),
    (["Ada"], "UTC", ["whatsapp:+4915123456789", "+49 30 901820", "+31612345678", "Bo"], [], "DE"),
    (["Ada"], "UTC", ["Bo"], ["nl"], "NL"), (["Ada"], "UTC", ["Bo"], ["nl", "en"], "NL"),
    (["Ada"], "UTC", ["Bo"], ["nl", "de"], None), (["Ada"], "UTC", ["+"], ["en"], None),
])
def test_the_region_follows_from_what_is_known(
    own: list[str], timezone: str, others: list[str], languages: list[str], region: str | None
) -> None:
    assert phones.region_of(own, timezone, others, languages) == region


@pytest.mark.parametrize(("settings", "said", "n_warnings"), [
    ("", "do you still have 612345678 somewhere?", 1),
    ('timezone = "Europe/Amsterdam"\n', "do you still have [phone] somewhere?", 0),
])
def test_a_number_that_no_region_decides_is_warned_of(
    tmp_path: Path, settings: str, said: str, n_warnings: int
) -> None:
    directory = with_telegram(write_persona(tmp_path / "ada"), [
        (2, "Who was it?"), (1, "do you still have 612345678 somewhere?")])
    toml = directory / "persona.toml"
    toml.write_text(settings + toml.read_text())
    found = [e.text for e in prepare(directory, tmp_path / "out") if e.source == "telegram"]
    warned = json.loads((tmp_path / "out" / assemble.SUMMARY).read_text())["warnings"]
    assert found == [said]
    assert sum("privacy.region is not set" in line for line in warned) == n_warnings
