"""The switches on files in place of the kernel's: turned, put back, and what others did left alone.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from payload.drivers.power_switches import PowerSwitches

CPU = "devices/system/cpu"
GOVERNOR, CORE = f"{CPU}/cpufreq/policy0/scaling_governor", f"{CPU}/cpu{{}}/online"
HDMI = "class/drm/card1-HDMI-A-1/status"


class Pi:
    """A /sys with two radios, a screen, and four cores."""

    def __init__(self, folder: Path) -> None:
        self.sysfs, self.rfkill, self.ledger = folder / "sys", folder / "rfkill", folder / "before"
        self.put("class/rfkill/rfkill0/type", "wlan")
        self.put("class/rfkill/rfkill0/soft", "0")
        self.put("class/rfkill/rfkill1/type", "bluetooth")
        self.put("class/rfkill/rfkill1/soft", "0")
        self.put("class/rfkill/rfkill2/type", "nfc")
        self.put(HDMI, "connected")
        self.put(GOVERNOR, "ondemand")
        for core in (1, 2, 3):
            self.put(CORE.format(core), "1")
        self.rfkill.touch()

    def put(self, name: str, text: str) -> None:
        path = self.sysfs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    def get(self, name: str) -> str:
        return (self.sysfs / name).read_text().split("\n")[0]

    def events(self) -> list[bytes]:
        """The last event of rfkill; a file keeps only that."""
        data = self.rfkill.read_bytes()
        self.rfkill.write_bytes(b"")
        return [data[at : at + 8] for at in range(0, len(data), 8)]

    def switches(self) -> PowerSwitches:
        return PowerSwitches(self.ledger, self.sysfs, self.rfkill)


@pytest.fixture
def pi(tmp_path: Path) -> Pi:
    return Pi(tmp_path)


def is_as_before(pi: Pi) -> bool:
    cores = [pi.get(CORE.format(core))[0] for core in (1, 2, 3)]
    return (pi.get(GOVERNOR).startswith("ondemand"), cores) == (True, ["1"] * 3)


def test_each_is_turned_and_put_back(pi: Pi) -> None:
    switches = pi.switches()
    switches.turn(is_away=True, is_idle=True)
    assert pi.get(GOVERNOR).startswith("powersave") and pi.get(HDMI).startswith("off")
    assert [pi.get(CORE.format(core))[0] for core in (1, 2, 3)] == ["0"] * 3
    assert pi.events() == [bytes((1, 0, 0, 0, 2, 2, 1, 0))]  # Bluetooth, the second of the two
    switches.turn(is_away=True, is_idle=False)  # a thought begins
    assert is_as_before(pi) and pi.get(HDMI).startswith("off")
    switches.turn(is_away=False, is_idle=False)
    assert pi.get(HDMI).startswith("detect")
    assert pi.events() == [bytes((1, 0, 0, 0, 2, 2, 0, 0))]


def test_wifi_by_its_event(pi: Pi) -> None:
    """linux/rfkill.h: index 0, type 1 WLAN, operation 2 CHANGE, soft 1."""
    pi.put("class/rfkill/rfkill1/soft", "1")  # somebody has switched Bluetooth off for good
    switches = pi.switches()
    switches.turn(is_away=True, is_idle=False)
    assert pi.events() == [bytes((0, 0, 0, 0, 1, 2, 1, 0))]
    switches.turn(is_away=False, is_idle=False)
    assert pi.events() == [bytes((0, 0, 0, 0, 1, 2, 0, 0))]


def test_what_others_have_set_stays(pi: Pi) -> None:
    pi.put(GOVERNOR, "powersave")
    pi.put(CORE.format(2), "0")
    switches = pi.switches()
    for is_idle in (True, False):
        switches.turn(is_away=False, is_idle=is_idle)
    assert pi.get(GOVERNOR) == "powersave" and pi.get(CORE.format(2)) == "0"


def test_a_successor_puts_back_what_a_killed_process_changed(pi: Pi) -> None:
    pi.switches().turn(is_away=True, is_idle=True)
    assert not is_as_before(pi)
    pi.switches()
    assert is_as_before(pi) and pi.get(HDMI).startswith("detect")
    pi.switches()  # and a second time nothing
    assert is_as_before(pi)


@pytest.mark.parametrize("ledger", ["", "[1]", "{", '{"x": 1}', "null", '{"%s": 7}'])
def test_a_spoilt_ledger_is_no_ledger(pi: Pi, ledger: str) -> None:
    pi.ledger.write_text(ledger.replace("%s", str(pi.sysfs / GOVERNOR)))
    switches = pi.switches()
    switches.turn(is_away=True, is_idle=True)
    switches.turn(is_away=False, is_idle=False)
    assert is_as_before(pi)


def test_a_machine_that_offers_nothing(tmp_path: Path) -> None:
    """A Zero 2 W has no file to park a core, and a server no radio."""
    bare = PowerSwitches(tmp_path / "ledger", tmp_path / "sys", tmp_path / "rfkill")
    bare.turn(is_away=True, is_idle=True)
    assert bare.summary() == "in flight off: nothing; between thoughts: nothing"
    assert list(tmp_path.iterdir()) == []


def test_told(pi: Pi) -> None:
    assert pi.switches().summary() == (
        "in flight off: Wi-Fi, Bluetooth, HDMI; between thoughts: governor, cores")


def test_a_device_that_refuses(pi: Pi) -> None:
    pi.rfkill.unlink()
    switches = pi.switches()
    switches.turn(is_away=True, is_idle=False)
    switches.turn(is_away=False, is_idle=False)
    assert not pi.rfkill.exists()
