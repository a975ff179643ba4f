"""Storage: records and small state, in RAM until the disk has confirmed them as durable."""
