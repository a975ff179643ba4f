"""The archive as the page and the exports show it, read-only."""
