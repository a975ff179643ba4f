"""What it keeps: records and small state, in RAM until the disk has said that they are durable."""
