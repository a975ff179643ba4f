"""From a person's exports to `Message`s: one file per format, each told by its content."""
