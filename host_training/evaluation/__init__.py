"""Is it the person, does it leak, what did the quantisation cost: one measure per file."""
