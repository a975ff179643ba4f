"""The machine's edges: clock, board, systemd, I2C, pin. All on fakes; nothing here needs a Pi."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from payload.drivers import i2c
from payload.drivers.clock import BootClock
from payload.drivers.pins import ModulePins, OutputPin
from payload.drivers.system import SysfsBoard
from payload.drivers.systemd import SystemdWatchdog
from payload.ports import DeviceAbsent


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_clock_counts_from_boot_and_never_back() -> None:
    """Goal: milliseconds since boot, and a due time in the past costs nothing."""
    clock = BootClock()
    first = clock.now_ms()
    clock.wait_until(first - 1000)
    clock.wait_until(first + 2)
    assert clock.now_ms() >= first + 2


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("48312\n", 48.312), ("-40000\n", -40.0), ("", None), ("hot", None), ("999999999", None)],
)
def test_temperature(tmp_path: Path, text: str, wanted: float | None) -> None:
    """Goal: millidegrees, or None where the file holds no temperature."""
    assert SysfsBoard(tmp_path).soc_temperature_c() is None
    write(tmp_path / "class/thermal/thermal_zone0/temp", text)
    assert SysfsBoard(tmp_path).soc_temperature_c() == wanted


def test_boot_of_the_machine(tmp_path: Path) -> None:
    """Goal: the kernel's number for this boot, or None where there is no such file."""
    file = tmp_path / "boot_id"
    assert SysfsBoard(tmp_path, file).boot_id() is None
    file.write_text("5a2c0f3e-6f0b-4a39-9d0e-7a0c5a1b2c3d\n")
    assert SysfsBoard(tmp_path, file).boot_id() == "5a2c0f3e-6f0b-4a39-9d0e-7a0c5a1b2c3d"
    file.write_text("x" * 100)
    assert SysfsBoard(tmp_path, file).boot_id() == "x" * 64


def test_undervoltage(tmp_path: Path) -> None:
    """Goal: the hwmon alarm, else the firmware's bits (not the sticky one), else unknown."""
    board = SysfsBoard(tmp_path)
    assert board.is_undervolted() is None
    firmware = tmp_path / "devices/platform/soc/soc:firmware/get_throttled"
    for text, wanted in (("50005", True), ("0x50000\n", False), ("0", False), ("VCHI", None)):
        write(firmware, text)
        assert board.is_undervolted() is wanted, text
    write(tmp_path / "class/hwmon/hwmon0/name", "cpu_thermal\n")
    write(tmp_path / "class/hwmon/hwmon1/name", "rpi_volt\n")
    assert board.is_undervolted() is None
    for text, wanted in (("1\n", True), ("0\n", False), ("?", None)):
        write(tmp_path / "class/hwmon/hwmon1/in0_lcrit_alarm", text)
        assert board.is_undervolted() is wanted, text


def test_hardware_watchdog(tmp_path: Path) -> None:
    """Goal: armed, not armed and not there are three answers."""
    board = SysfsBoard(tmp_path)
    assert board.is_hardware_watchdog_armed() is None
    for text, wanted in (("active\n", True), ("inactive\n", False), ("", None)):
        write(tmp_path / "class/watchdog/watchdog0/state", text)
        assert board.is_hardware_watchdog_armed() is wanted


@pytest.mark.parametrize("is_abstract", [False, True])
def test_sd_notify(tmp_path: Path, is_abstract: bool) -> None:
    """Goal: what systemd reads. Method: be systemd, on both kinds of socket."""
    address = f"@spacepi-{os.getpid()}" if is_abstract else os.fspath(tmp_path / "notify")
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.settimeout(10)
    ear.bind("\0" + address[1:] if is_abstract else address)
    watchdog = SystemdWatchdog(address)
    watchdog.ready()
    watchdog.pet()
    watchdog.stopping()
    assert [ear.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]
    ear.close()
    watchdog.pet()  # nobody listens any more: no error


def test_without_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Goal: at a desk nothing happens; under systemd the address comes from it."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    SystemdWatchdog().pet()
    monkeypatch.setenv("NOTIFY_SOCKET", "/does/not/exist")
    SystemdWatchdog().pet()


class FakeSmbus:
    """Stands in for smbus2.SMBus: fails as told."""

    opened = 0
    error: OSError | None = None

    def __init__(self, path: str) -> None:
        type(self).opened += 1
        self.fd = os.open(os.devnull, os.O_RDWR)

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        if FakeSmbus.error is not None:
            raise FakeSmbus.error
        return i2c_addr + register

    def close(self) -> None:
        os.close(self.fd)


def test_i2c_opens_late_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Goal: no bus is DeviceAbsent; a silent chip keeps the bus; a lost adapter opens it anew."""
    with pytest.raises(DeviceAbsent, match="/dev/i2c-99"):
        i2c.LinuxI2cBus(99).read_byte_data(0x76, 0)
    fake: Any = FakeSmbus
    monkeypatch.setattr(i2c.smbus2, "SMBus", fake)
    bus = i2c.LinuxI2cBus(1)
    assert FakeSmbus.opened == 0
    assert bus.read_byte_data(0x40, 2) == 0x42
    for code, opened in ((errno.EREMOTEIO, 1), (errno.ENODEV, 1), (errno.EREMOTEIO, 2)):
        FakeSmbus.error = OSError(code, os.strerror(code))
        with pytest.raises(OSError, match=os.strerror(code)):
            bus.read_byte_data(0x40, 2)
        assert FakeSmbus.opened == opened
    bus.close()


def test_cutdown_pin_is_low_until_told() -> None:
    """Goal: low at the start, follows ``drive``, low at the end; no GPIO is DeviceAbsent."""
    factory = MockFactory()
    pin = OutputPin(17, factory)
    mock = factory.pin(17)
    assert (pin.is_high(), mock.state) == (False, False)
    pin.drive(True)
    assert (pin.is_high(), mock.state) == (True, True)
    with pytest.raises(DeviceAbsent):
        OutputPin(17, factory)  # somebody holds it
    pin.drive(False)
    assert not pin.is_high()
    pin.close()
    with pytest.raises(DeviceAbsent):
        pin.drive(True)
    with pytest.raises(DeviceAbsent):
        OutputPin(999, factory)


class LgpioError(Exception):
    """As ``lgpio.error``, which gpiozero lets through for a busy pin."""


class BusyPin(MockPin):
    """Held by a driver of the kernel, from its first use or later."""

    is_busy = True

    def output_with_state(self, state: bool) -> None:
        if BusyPin.is_busy:
            raise LgpioError("GPIO busy")
        super().output_with_state(state)

    def _set_state(self, value: float) -> None:
        if BusyPin.is_busy:
            raise LgpioError("GPIO busy")
        super()._set_state(value)


def test_a_busy_pin_is_absent_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    factory = MockFactory(pin_class=BusyPin)
    with pytest.raises(DeviceAbsent, match="GPIO 17: GPIO busy"):
        OutputPin(17, factory)
    with pytest.raises(DeviceAbsent, match="GPIO busy"):
        ModulePins(22, 27, None, factory)
    monkeypatch.setattr(BusyPin, "is_busy", False)
    pin, pins = OutputPin(18, factory), ModulePins(23, 24, None, factory)
    monkeypatch.setattr(BusyPin, "is_busy", True)
    with pytest.raises(DeviceAbsent, match="GPIO busy"):
        pin.drive(True)
    with pytest.raises(DeviceAbsent, match="GPIO busy"):
        pins.select(1, 0)
    pin.close()
    pins.close()
