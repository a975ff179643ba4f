"""The records that a payload stores most of, with the fields and sizes of a flight."""

from __future__ import annotations

TRACK = {"lat": 521234567, "lon": 51800000, "alt": 20000, "climb": 512, "spd": 1234, "hdg": 270,
         "sats": 9}
HOUSEKEEPING = {"mv": 3900, "ma": 320, "out": -450, "in": 123, "soc": 34, "hpa": 1003, "rh": 20,
                "phase": 3, "power": 0, "queue": 7, "faults": 0}
MUSING = {"text": "The ground has gone all blue under me now, and I have gone quiet.",
          "about": "sky", "alt": 20000, "senses": "high, cold, drifting east", "by": "model"}
