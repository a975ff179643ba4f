"""The bench rig: the real processes in real time, and a simulated environment."""
