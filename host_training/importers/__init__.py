"""From a person's exports to `Message`s: one file per format, none of them guesses."""
