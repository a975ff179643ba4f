"""What one takes home, and what other programs are told: files, pictures, space packets."""
