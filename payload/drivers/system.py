"""The single-board computer itself: temperature, supply voltage, hardware watchdog, boot id.

No root and no vcgencmd: files of sysfs and procfs only, so a call cannot hang. Sources:
Documentation/ABI/testing sysfs-class-thermal, sysfs-class-watchdog;
drivers/hwmon/raspberrypi-hwmon.c (in0_lcrit_alarm); random(4). What a machine does not offer, or
does not state as a number, is None.
"""

from __future__ import annotations

from pathlib import Path

from payload.plausible import is_plausible

_UNDERVOLTED_NOW = 0x1  # GET_THROTTLED bit 0; the sticky bit 16 is cleared by the hwmon driver


class SysfsBoard:
    """Implements ``payload.ports.Board``."""

    def __init__(
        self, root: Path = Path("/sys"), boot: Path = Path("/proc/sys/kernel/random/boot_id")
    ) -> None:
        """``root`` stands in for /sys in tests, ``boot`` for the kernel's file (random(4))."""
        self._root, self._boot = root, boot

    def soc_temperature_c(self) -> float | None:
        """Degrees Celsius of the first thermal zone, None where it says nothing sensible."""
        text = self._text(self._root / "class/thermal/thermal_zone0/temp")
        try:
            temperature_c = int(text) / 1000
        except ValueError:
            return None
        return temperature_c if is_plausible("soc_c", temperature_c) else None

    def is_undervolted(self) -> bool | None:
        """True while the supply is below 4.63 V; None on boards without the detector (Zero)."""
        for folder in sorted((self._root / "class/hwmon").glob("hwmon*")):
            if self._text(folder / "name") == "rpi_volt":
                return {"0": False, "1": True}.get(self._text(folder / "in0_lcrit_alarm"))
        text = self._text(self._root / "devices/platform/soc/soc:firmware/get_throttled")
        try:
            return bool(int(text, 16) & _UNDERVOLTED_NOW)
        except ValueError:
            return None

    def boot_id(self) -> str | None:
        """The kernel's, drawn at random when it starts."""
        return self._text(self._boot)[:64] or None

    def is_hardware_watchdog_armed(self) -> bool | None:
        """True when something (systemd) keeps /dev/watchdog0 open; None without one."""
        text = self._text(self._root / "class/watchdog/watchdog0/state")
        return {"active": True, "inactive": False}.get(text)

    @staticmethod
    def _text(path: Path) -> str:
        """The file's words, "" where it cannot be read."""
        try:
            return path.read_bytes()[:256].decode("ascii", "replace").strip("\0 \n")
        except OSError:
            return ""
