"""What goes to SondeHub Amateur, and how far it has got."""
