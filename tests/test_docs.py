"""Goal: what the pages tell a maker to open, type, wire and look for is there.

Method: the pages are read; links are resolved as GitHub does, commands are looked up in the
programs, the wiring and the checklist are compared with the header, mission.toml and preflight.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.main import get_command

from groundstation.__main__ import app as ground
from payload.__main__ import app as payload

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
SVG = "{http://www.w3.org/2000/svg}"
# The header by pin from 1, as `pinout` prints it on every Pi with 40 pins.
HEADER = """
    3V3 5V  GPIO2 5V  GPIO3 GND  GPIO4 GPIO14  GND GPIO15  GPIO17 GPIO18  GPIO27 GND  GPIO22 GPIO23
    3V3 GPIO24  GPIO10 GND  GPIO9 GPIO25  GPIO11 GPIO8  GND GPIO7  GPIO0 GPIO1  GPIO5 GND
    GPIO6 GPIO12  GPIO13 GND  GPIO19 GPIO16  GPIO26 GPIO20  GND GPIO21
"""


def anchors(page: Path) -> set[str]:
    """The fragments of its headings: lower case, no punctuation, spaces to hyphens."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> Iterator[str]:
    text = page.read_text()
    for link in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, fragment = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (fragment and fragment not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert list(dead_links(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_exists(page: Path) -> None:
    text = page.read_text()
    code = re.findall(r"`([^`\n]+)`", text) + [
        re.split(r"  +", line)[0] for block in re.findall(
            r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE) for line in block.splitlines()]
    commands: dict[str, Any] = {"ground": get_command(ground), "payload": get_command(payload)}
    script = (ROOT / "systemd" / "install.sh").read_text()
    installer = set(re.findall(r"--[a-z-]+", script[script.index("usage: "):].splitlines()[0]))
    for line in code:
        if program := re.search(r"spacepi-(ground|payload) ([a-z-]+)", line):
            found = commands[program[1]].commands
            assert program[2] in found, line
            options = {name for each in found[program[2]].params for name in each.opts}
        elif re.search(r"spacepi-preflight\b", line):
            options = {name for each in commands["payload"].commands["preflight"].params
                       for name in each.opts}
        elif "install.sh" in line:
            options = installer
        else:
            continue
        assert set(re.findall(r" (--[a-z-]+)", line)) <= options, line


def prose(page: Path) -> str:
    """The text without code, targets of links, and names with digits in them, such as SX1276."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`]*`|\]\([^)]*\)|[\w.-]*[A-Za-z#][\w.-]*\d[\w.-]*|EN 300 220", "", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_thousands_are_separated_by_a_comma(page: Path) -> None:
    """Of four digits years, rates (2400 bit/s) and ports have none, and are not looked at."""
    assert re.findall(r"(?<![\d.,])\d{1,3}(?:[ \u00a0\u202f]\d{3})+\b", prose(page)) == []
    assert re.findall(r"(?<![\d.,])\d{5,}(?:\b|(?=[a-z]))", prose(page)) == []


def drawn() -> dict[int, tuple[str, str]]:
    """pin -> (what is wired to it, its name), as in the picture."""
    picture = ElementTree.parse(DOCS / "wiring.svg")
    pins = {}
    for group in picture.iter(f"{SVG}g"):
        if (name := group.get("id", "")).startswith("pin-"):
            circle, number, label = group
            assert number.text == name.removeprefix("pin-") and label.text is not None
            wired = circle.attrib["class"].removeprefix("pin").strip()
            pins[int(number.text)] = wired, label.text
    return pins


def test_the_picture_has_the_header_of_the_pi() -> None:
    pins = drawn()
    assert [pins[n][1].split()[0] for n in range(1, 41)] == HEADER.split()


def test_the_picture_wires_what_the_mission_file_says() -> None:
    wired = {wire: name for wire, name in drawn().values() if wire}
    assert (wired["sda"], wired["scl"]) == ("GPIO2 SDA", "GPIO3 SCL")  # bus 1
    assert (wired["txd"], wired["rxd"]) == ("GPIO14 TXD", "GPIO15 RXD")  # /dev/serial0
    example = (ROOT / "mission.toml").read_text()
    cutdown = re.search(r"^# cutdown_pin = (\d+)", example, re.MULTILINE)
    assert cutdown and wired["cut"] == f"GPIO{cutdown[1]}"
    assert "\ni2c_bus = 1\n" in example
    said = " ".join(text.text or "" for text in ElementTree.parse(DOCS / "wiring.svg").iter(
        f"{SVG}text") if text.get("class") == "key")
    for key in ("power", "power_address", "outside", "outside_address"):
        line = re.search(rf"^{key} = (\S+)", example, re.MULTILINE)
        assert line and f"{key} = {line[1]}" in said, key


def test_the_checklist_has_every_line_of_preflight() -> None:
    tree = ast.parse((ROOT / "payload" / "preflight.py").read_text())
    lines = {call.args[1].value for call in ast.walk(tree)
             if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
             and call.func.id == "Line" and isinstance(call.args[1], ast.Constant)}
    page = (DOCS / "launch-checklist.md").read_text()
    rows = re.findall(r"^\| ([a-z ]+) \|[^|]+\| ([a-z ]+) \|[^|]+\|$", page, re.MULTILINE)
    assert {name for row in rows for name in row} - {"line"} == lines and len(lines) > 15
