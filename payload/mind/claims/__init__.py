"""What a line claims about the payload and about here and now, and whether that can be so."""
