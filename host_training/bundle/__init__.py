"""The signed bundle: packing, description, inspection, chat, and its cost on a board."""
