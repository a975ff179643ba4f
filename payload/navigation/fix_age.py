"""Maximum age of a fix for each use; an older one is treated as absent.

A position is sent at any age, together with that age.
"""

NOW_MS = 3_000  # where it is and how it moves: clock, phase, forecast, fence
POINT_MS = 5_000  # a point of the track; what the check before a launch accepts
LOST_MS = 10_000  # then the receiver is lost, and speed, heading and climb are unknown
VOTE_MS = 30_000  # one of several that decide together whether it is inside the fence
NEAR_MS = 60_000  # about where it is: in a thought, or as what caused a change of phase
