"""The radio path: channel, modem, impairments, other stations, forged frames."""
