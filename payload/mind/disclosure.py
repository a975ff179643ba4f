"""The disclosure: says, before the first line of a flight, that an AI persona is speaking.

Whoever hears the payload over the radio has no page that would say so. The line is the bundle's
own; the model cannot be relied on for it.
"""

from __future__ import annotations

from payload.mind.claims.person import claims_to_be_a_person
from payload.mind.private_words import PrivateWords
from payload.prompt import MUSING_BYTES_MAX, PersonaText, strip_control
from wire.beacon import Phase

PLAIN = "This is an AI persona, not the person."


class Disclosure:
    """Of one boot; told once."""

    def __init__(
        self, persona: PersonaText | None, private_words: tuple[str, ...], has_disclosed: bool
    ) -> None:
        """``has_disclosed``: lines were said before the reboot."""
        self._line = None if persona is None else sendable(persona.disclosure, private_words)
        self._has_disclosed = has_disclosed

    def take(self, phase: Phase) -> str | None:
        """What is to be said before a line in ``phase``; None from the second line on.

        After a reboot in the air it is the same flight; on the ground another one may begin.
        """
        line, self._line = self._line, None
        return None if self._has_disclosed and phase is not Phase.GROUND else line


def sendable(own: str, private_words: tuple[str, ...]) -> str:
    """The persona's own words as one line; PLAIN where there are none, or none that may be sent.

    Those of more than MUSING_BYTES_MAX may not: what must be said could be what is cut off.
    """
    line = strip_control(own)
    is_fit = 0 < len(line.encode()) <= MUSING_BYTES_MAX and not claims_to_be_a_person(line)
    return line if is_fit and not PrivateWords(private_words).are_in(own, line) else PLAIN
