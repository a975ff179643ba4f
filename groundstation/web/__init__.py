"""The page: its server, its live streams, and the checks before every request."""
