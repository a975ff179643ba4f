"""The page: its server, its live streams, and what stands before every request."""
