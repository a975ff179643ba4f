"""The battery: its charge, the power modes, and the temperature limits."""
