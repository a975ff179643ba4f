"""What never reaches training: secrets, personal data and names, each found by its own rules."""
