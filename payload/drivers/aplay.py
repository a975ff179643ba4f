"""Sound through ALSA: one aplay process per transmission, with the transmitter keyed meanwhile.

Source: aplay(1) of alsa-utils. A thread makes the samples and feeds the child, since the pipe to it
is full after a second of sound. A child that does not end in time is killed; whatever happens, the
key is released.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable

import structlog

from payload.ports import DeviceAbsent, Switch

log = structlog.get_logger("payload")
LATE_S = 5.0  # after the sound should be over
LEAD_S = 0.3  # from the key to the first tone, and from the last one to letting go


class AplaySpeaker:
    """Implements ``payload.ports.Speaker``."""

    def __init__(
        self, device: str, rate_hz: int, sound_of: Callable[[bytes], bytes],
        key: Switch | None = None, program: str = "aplay", lead_s: float = LEAD_S,
    ) -> None:
        """``device`` as ``aplay -L`` names it; ``sound_of`` makes 16-bit samples of a frame.

        Without ``key`` the transmitter is keyed by the sound itself.
        """
        self._command = (program, "-q", "-D", device, "-t", "raw", "-f", "S16_LE", "-c", "1",
                         "-r", str(rate_hz))
        self._rate_hz = rate_hz
        self._sound_of = sound_of
        self._key = key
        self._lead_s = lead_s
        self._thread: threading.Thread | None = None
        self._is_cancelled = threading.Event()
        self._is_lost = False

    def say(self, frame: bytes) -> bool:
        """True if taken, False while the last one sounds."""
        if self._thread is not None and self._thread.is_alive():
            return False
        self._is_cancelled.clear()
        self._thread = threading.Thread(
            target=self._speak, args=(frame,), name="horus", daemon=True)
        self._thread.start()
        return True

    def cancel(self) -> None:
        """Be silent at once."""
        self._is_cancelled.set()

    def close(self) -> None:
        """Be silent, and let the key go."""
        self.cancel()
        if self._thread is not None:
            self._thread.join(LATE_S)

    def _speak(self, frame: bytes) -> None:
        sound = self._sound_of(frame)
        flaw: str | None = None
        try:
            self._drive(True)
            self._is_cancelled.wait(self._lead_s)
            flaw = self._play(sound)
            self._is_cancelled.wait(self._lead_s)
        except OSError as error:  # no aplay, or a pin that is gone
            flaw = str(error)
        finally:
            with contextlib.suppress(DeviceAbsent):
                self._drive(False)
        if flaw is not None and not self._is_lost:
            log.error("horus_audio_lost", reason=flaw)
        elif flaw is None and self._is_lost:
            log.info("horus_audio_returned")
        self._is_lost = flaw is not None

    def _drive(self, is_high: bool) -> None:
        if self._key is not None:
            self._key.drive(is_high)

    def _play(self, sound: bytes) -> str | None:
        """What went wrong, None when all was heard or it was cancelled. Raises OSError."""
        if self._is_cancelled.is_set():
            return None
        ends_s = time.monotonic() + len(sound) / 2 / self._rate_hz + LATE_S
        with subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as child:
            feeder = threading.Thread(target=_feed, args=(child, sound), daemon=True)
            feeder.start()
            while child.poll() is None and not self._is_cancelled.wait(0.1):
                if time.monotonic() > ends_s:
                    child.kill()
                    return "aplay does not end"
            if child.poll() is None:
                child.kill()
                return None
            reason = child.stderr.read(200) if child.stderr is not None else b""
        if child.returncode == 0:
            return None
        return reason.decode("utf-8", "replace").strip() or f"aplay ended with {child.returncode}"


def _feed(child: subprocess.Popen[bytes], sound: bytes) -> None:
    assert child.stdin is not None
    with contextlib.suppress(OSError):  # it ended early
        child.stdin.write(sound)
    with contextlib.suppress(OSError):
        child.stdin.close()
