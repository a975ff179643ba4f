"""The uplink: letters in their order, in the listening windows of the payload."""
