"""What is connected to this machine, as the [sensors] section of a mission file."""
