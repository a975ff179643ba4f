"""Who is who: the author's own accounts, and a stable pseudonym for everybody else.

Ids decide where an export has them; a display name counts only where the export knows nothing
better (WhatsApp, transcripts). A pseudonym is a letter, given out by how much somebody wrote: it
reads like a diary ("asked N about it") and there is no hash that a list of names could be tried on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from host_training.errors import TrainingError
from host_training.messages import Message, Notes

AUTHORS_SHOWN_MAX = 8
LETTERS = "NKRTLMEBJSDPHWCGFVUYZQX"  # without A, I and O, which are words


@dataclass(frozen=True, slots=True)
class People:
    """Who wrote: asked once per message."""

    mine: set[str]  # accounts as source:id
    nobody: set[str]  # accounts that count as nobody's: shared by a family, taken over
    pseudonyms: Mapping[str, str]  # of every other account

    def of(self, message: Message) -> Message | None:
        """The message with ``is_me`` known and its author a pseudonym; None for nobody's."""
        account = f"{message.source}:{message.author}"
        if account in self.nobody:
            return None
        if message.is_me or account in self.mine:
            return replace(message, is_me=True, author="me", name="")
        return replace(message, author=self.pseudonyms[account], name="")


def identify(authors: Iterable[tuple[str, str, str, int, int]], notes: Notes, me: Iterable[str],
             nobody: Iterable[str], people: Mapping[str, Iterable[str]]) -> People:
    """Who is who in what was imported.

    Args:    authors: of ``MessageStore.authors``.
             me, nobody: accounts as ``source:id``, or ids, or display names of exports without ids.
             people: pseudonym -> accounts and names of one person on any platform.
    Raises:  TrainingError when an export has two sides and none of them is the author's.
    """
    wanted, unwanted = set(me), set(nobody)
    mine: set[str] = set()
    dropped: set[str] = set()
    by_source: defaultdict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for source, author, name, count, own in authors:
        account = f"{source}:{author}"
        keys = {account, author}
        if keys & unwanted:
            dropped.add(account)
        elif keys & wanted or account in notes.own_accounts:
            mine.add(account)
        if not own:
            notes.called(account, name)
            by_source[source].append((author, name, count))
    for source, rows in by_source.items():
        if not any(f"{source}:{author}" in mine for author, _, _ in rows):
            rows.sort(key=lambda row: -row[2])
            seen = ", ".join(author if author == name or not name else f"{author} ({name})"
                             for author, name, _ in rows[:AUTHORS_SHOWN_MAX])
            raise TrainingError(
                f"{source}: none of the {sum(row[2] for row in rows)} messages is the author's; put"
                f' the author\'s id into "me" of persona.toml, the export has {seen}.')
    return People(mine, dropped, _pseudonyms(by_source, mine | dropped, people))


def _pseudonyms(by_source: Mapping[str, list[tuple[str, str, int]]], known: set[str],
                people: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Account -> letter, the most talkative first; those of ``people`` as they are given."""
    given = {key: pseudonym for pseudonym, keys in people.items() for key in keys}
    rows = sorted((-count, f"{source}:{author}", author, name)
                  for source, authors in by_source.items() for author, name, count in authors)
    made: dict[str, str] = {}
    for _, account, author, name in rows:
        if account in known:
            continue
        pseudonym = given.get(account) or given.get(author) or given.get(name)
        made[account] = pseudonym or letter(len(made))
    return made


def letter(number: int) -> str:
    """The pseudonym of the ``number``-th person from 0: N, K, ... X, N2, K2, ..."""
    turn, index = divmod(number, len(LETTERS))
    return LETTERS[index] + (str(turn + 1) if turn else "")
