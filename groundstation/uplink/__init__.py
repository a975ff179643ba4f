"""What goes up: commands in their order, in the listening windows of the payload."""
