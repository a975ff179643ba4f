"""The air between the antennas: channel, modem, what wears frames out, strangers, forgers."""
