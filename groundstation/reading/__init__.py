"""The archive as plain values for the page and the exports, read-only."""
