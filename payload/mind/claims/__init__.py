"""What a line claims of the payload itself and of here and now, and whether that can be so."""
