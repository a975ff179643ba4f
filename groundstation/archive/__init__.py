"""The archive: raw log, tables, queued commands, and what a full disk deletes first."""
