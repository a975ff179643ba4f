"""Where bytes come in: modems, TCP clients, UDP, and replays of a raw log."""
