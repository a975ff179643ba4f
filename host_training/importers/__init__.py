"""From a person's exports to `Message`s: one file per format, each detected by its content."""
