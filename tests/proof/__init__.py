"""What is proven on a Pi's processor and its system: `make proof`."""
