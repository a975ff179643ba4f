"""The archive: raw log, tables, queued letters, and what a full disk deletes first."""
