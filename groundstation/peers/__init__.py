"""Raw frames exchanged with other stations over MQTT."""
