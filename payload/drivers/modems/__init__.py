"""The modems: one file per kind of connection, each a ``Radio`` of ``payload.ports``.

``wiring`` chooses the one that the mission file names. What a modem is told and what it answers is
in ``wire.modems``, for both ends.
"""
