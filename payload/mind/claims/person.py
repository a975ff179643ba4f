"""Finds a line that claims to be a human being, or no machine: such a line is never kept or sent.

Whoever hears the payload has only its word for what it is. English, German, Dutch, French, Spanish.
"""

from __future__ import annotations

import re

_MACHINE = r"machine|computer|robot|bot|program|ai"
_HUMAN = (r"(?:(?:really|only|just|still|indeed)\s+)*"
          r"(?:(?:an?|the|eine?|een|une?|una?)\s+)?(?:(?:real|living|echter?|ser|être)\s+)?"
          r"(?:human(?: being)?|person|man|woman|mensch|mann|frau|mens|vrouw|humaine?|personne"
          r"|homme|femme|human[oa]|persona|hombre|mujer)")
I_AM = r"(?:\bI\s*am|\bI['’]m|\bich bin|\bik ben|\bje suis|\bsoy)\s+"
END = r"(?![-'’\w])"
_CLAIM = re.compile(rf"{I_AM}(?:{_HUMAN}|(?:not|no)\s+(?:an?\s+)?(?:{_MACHINE})){END}",
                    re.IGNORECASE)


def claims_to_be_a_person(line: str) -> bool:
    """True for "I am a human being" and "I am no machine", in five languages."""
    return _CLAIM.search(line) is not None
