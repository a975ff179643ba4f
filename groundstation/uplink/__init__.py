"""The uplink: commands in their order, in the listening windows of the payload."""
