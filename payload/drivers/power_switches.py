"""Switches off what a Pi can do without: radios, screen, most of the processor.

Each switch is a file of the kernel.

Sources: Linux Documentation/driver-api/rfkill.rst and uapi/linux/rfkill.h (8 bytes: index, type,
operation, soft, hard); admin-guide/pm/cpufreq.rst (scaling_governor); core-api/cpu_hotplug.rst
(online; a Pi 4 or older offers no such file); drivers/gpu/drm/drm_sysfs.c (status: off, detect).

A switch remembers what it has changed and turns nothing back that others had turned off. What a
machine does not offer is left out, and a write that fails is a switch that does not move.
"""

from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path

TEXT_BYTES_MAX = 64
GOVERNOR = "powersave"
_RFKILL_EVENT = struct.Struct("=IBBBB")
_CHANGE = 2
_RADIOS = {"wlan": (1, "Wi-Fi"), "bluetooth": (2, "Bluetooth")}


class FileSwitch:
    """One file with a value for saving; the value that it had before is put back."""

    def __init__(self, name: str, path: Path, saving: str, back: str | None = None) -> None:
        """``back`` is written in place of the value before, where reading gives another word."""
        self.name = name
        self.path = path
        self.before: str | None = None  # of a switch that is turned
        self._saving = saving
        self._back = back

    def turn(self, is_saving: bool) -> None:
        """Write the value for it, unless it is there already."""
        if is_saving and self.before is None:
            before = text(self.path)
            if before not in (None, self._saving) and write(self.path, self._saving):
                self.before = before
        elif (not is_saving and self.before is not None
              and write(self.path, self._back or self.before)):
            self.before = None


class RadioSwitch:
    """One transmitter, through /dev/rfkill."""

    def __init__(self, name: str, folder: Path, kind: int, device: Path) -> None:
        self.name = name
        self._folder = folder
        self._kind = kind
        self._device = device
        self._is_blocked = False  # by us

    def turn(self, is_saving: bool) -> None:
        """Block it softly, or undo that; one that others have blocked is left alone."""
        if is_saving and not self._is_blocked and text(self._folder / "soft") == "0":
            self._is_blocked = self._set(1)
        elif not is_saving and self._is_blocked:
            self._is_blocked = not self._set(0)

    def _set(self, soft: int) -> bool:
        index = int(self._folder.name.removeprefix("rfkill"))
        return write(self._device, _RFKILL_EVENT.pack(index, self._kind, _CHANGE, soft, 0))


class PowerSwitches:
    """All switches of one machine: those of a flight, and those of the time between thoughts.

    What was changed is written to ``ledger`` first thing, so that a process which is killed leaves
    its successor what to put back.
    """

    def __init__(
        self, ledger: Path, sysfs: Path = Path("/sys"), rfkill: Path = Path("/dev/rfkill")
    ) -> None:
        """``sysfs`` and ``rfkill`` stand for the kernel's in tests. Puts back what is in the
        ledger."""
        processors = sysfs / "devices/system/cpu"
        self._ledger = ledger
        self._radios = _radios(sysfs / "class/rfkill", rfkill)
        self._screens = [FileSwitch("HDMI", path, "off", back="detect") for path in sorted(
            (sysfs / "class/drm").glob("card*-HDMI-A-*/status"))]
        self._idle = [
            *(FileSwitch("governor", path, GOVERNOR)
              for path in sorted(processors.glob("cpufreq/policy*/scaling_governor"))),
            *(FileSwitch("cores", path, "0")
              for path in sorted(processors.glob("cpu[1-9]*/online"))),
        ]
        self._read_ledger()
        self.turn(is_away=False, is_idle=False)

    def turn(self, is_away: bool, is_idle: bool) -> None:
        """``is_away``: radios and screen off; ``is_idle``: processor slow, one core."""
        before = self._changed()
        for radio in self._radios:
            radio.turn(is_away)
        for screen in self._screens:
            screen.turn(is_away)
        for part in self._idle:
            part.turn(is_idle)
        if self._changed() != before:
            with contextlib.suppress(OSError):
                self._ledger.write_text(json.dumps(self._changed()))

    def summary(self) -> str:
        """What there is to switch, in one line."""
        away = [radio.name for radio in self._radios] + [each.name for each in self._screens]
        idle = [switch.name for switch in self._idle]
        return (f"in flight off: {', '.join(dict.fromkeys(away)) or 'nothing'}; between thoughts: "
                f"{', '.join(dict.fromkeys(idle)) or 'nothing'}")

    def _changed(self) -> dict[str, str]:
        return {str(switch.path): switch.before for switch in (*self._screens, *self._idle)
                if switch.before is not None}

    def _read_ledger(self) -> None:
        try:
            found = json.loads(self._ledger.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        for switch in (*self._screens, *self._idle):
            before = found.get(str(switch.path)) if isinstance(found, dict) else None
            switch.before = before if isinstance(before, str) else None


def _radios(folder: Path, device: Path) -> list[RadioSwitch]:
    radios = []
    for path in sorted(folder.glob("rfkill[0-9]*")):
        kind = _RADIOS.get(text(path / "type") or "")
        if kind is not None:
            radios.append(RadioSwitch(kind[1], path, kind[0], device))
    return radios


def text(path: Path) -> str | None:
    """The file's word; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(TEXT_BYTES_MAX).decode("ascii", "replace").strip()
    except OSError:
        return None


def write(path: Path, value: str | bytes) -> bool:
    """True when the kernel took it. Nothing is created."""
    data = value.encode("ascii") if isinstance(value, str) else value
    try:
        with path.open("r+b", buffering=0) as file:
            file.write(data)
    except OSError:
        return False
    return True
