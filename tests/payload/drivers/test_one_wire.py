"""The kernel's 1-Wire thermometers on files and a pipe in their place."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from payload.devices.ds18b20 import Ds18b20
from payload.drivers.one_wire import KernelThermometer, found
from payload.ports import DeviceAbsent, DeviceTimeout
from tests.payload.devices.test_ds18b20 import KERNEL

FIRST, SECOND = "28-3c01d607a1b2", "28-0316a2795cff"


def lay(devices: Path, name: str, text: str) -> None:
    (devices / name).mkdir(parents=True)
    (devices / name / "w1_slave").write_text(text)


def answered(thermometer: KernelThermometer) -> str | None:
    thermometer.start()
    assert thermometer._thread is not None
    thermometer._thread.join()
    return thermometer.poll()


def test_the_named_one_or_the_first(tmp_path: Path) -> None:
    lay(tmp_path, "w1_bus_master1", "")
    lay(tmp_path, FIRST, "first")
    lay(tmp_path, SECOND, "second")
    assert found(tmp_path) == [SECOND, FIRST]
    assert answered(KernelThermometer(FIRST, tmp_path)) == "first"
    thermometer = KernelThermometer("", tmp_path)
    assert answered(thermometer) == "second"
    assert thermometer.poll() is None


def test_none_at_all(tmp_path: Path) -> None:
    for name in ("", FIRST):
        with pytest.raises(DeviceAbsent, match="28-"):
            answered(KernelThermometer(name, tmp_path / "nothing"))


def test_a_kernel_that_keeps_the_thread_keeps_only_one(tmp_path: Path) -> None:
    """Goal: a wedged bus costs one thread. Method: a pipe that nobody writes to, read ten times."""
    (tmp_path / FIRST).mkdir()
    pipe = tmp_path / FIRST / "w1_slave"
    os.mkfifo(pipe)
    sensor = Ds18b20(KernelThermometer(FIRST, tmp_path))
    before = threading.active_count()
    for second in range(10):
        with pytest.raises(DeviceTimeout):
            sensor.read(second * 1000)
    assert threading.active_count() == before + 1
    pipe.write_text(KERNEL)
    wire = sensor._wire
    assert isinstance(wire, KernelThermometer) and wire._thread is not None
    wire._thread.join()
    assert sensor.read(11_000).values == {"temperature_c": 23.125}
    pipe.write_text(KERNEL)  # for the conversion that this began
