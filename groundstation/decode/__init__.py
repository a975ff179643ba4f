"""From a reception to what it means: whose frame it is, of which session, which records."""
