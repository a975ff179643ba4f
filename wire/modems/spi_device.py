"""A chip on an SPI bus of Linux, opened when first used and again after it broke.

Through the kernel's own interface, linux/spi/spidev.h: one request for each transfer, in which the
kernel selects the chip. The package spidev is C code around the same two requests.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import struct

from wire.modems.lora_chip import SPI_HZ

_MODE, _MESSAGE = 0x40016B01, 0x40206B00  # SPI_IOC_WR_MODE, SPI_IOC_MESSAGE(1)
# tx_buf, rx_buf, len, speed_hz; delay_usecs, bits_per_word, cs_change, tx_nbits, rx_nbits,
# word_delay_usecs and the padding, which stay 0.
_TRANSFER = struct.Struct("=QQII8x")


class SpiDevice:
    """Implements ``wire.modems.lora_chip.SpiBus`` on /dev/spidevB.C, in mode 0."""

    def __init__(self, path: str) -> None:
        """Opens nothing yet: a Pi without SPI enabled still flies."""
        self._path = path
        self._file: int | None = None

    def transfer(self, data: bytes) -> bytes:
        """Raises OSError, with the path where there is no such bus."""
        if self._file is None:
            self._file = self._opened()
        out = ctypes.create_string_buffer(data, len(data))
        back = ctypes.create_string_buffer(len(data))
        message = _TRANSFER.pack(ctypes.addressof(out), ctypes.addressof(back), len(data), SPI_HZ)
        try:
            fcntl.ioctl(self._file, _MESSAGE, message)
        except OSError:
            self.close()
            raise
        return back.raw

    def close(self) -> None:
        """Let the bus go; the next use opens it again."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None

    def _opened(self) -> int:
        file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(file, _MODE, b"\0")
        except OSError:
            os.close(file)
            raise
        return file
