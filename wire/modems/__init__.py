"""What modems are told and what they answer: without I/O but for the SPI device, for both ends."""
