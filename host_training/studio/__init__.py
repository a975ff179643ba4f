"""The studio: one local page that leads from exports to a talking persona, without a terminal."""
