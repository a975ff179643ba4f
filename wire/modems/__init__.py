"""What modems are told and what they answer, for both ends; no I/O but that of the SPI device."""
