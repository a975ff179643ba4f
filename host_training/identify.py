"""Who is who: the author's own accounts, and a stable pseudonym for everybody else.

Ids decide where an export has them; a display name counts only where the export knows nothing
better (WhatsApp, transcripts). A pseudonym is a letter, given out by how much somebody wrote: it
reads like a diary ("asked N about it") and there is no hash that a list of names could be tried on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from host_training.errors import TrainingError
from host_training.message_store import Author
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


def identify(authors: Sequence[Author], notes: Notes, me: Iterable[str], nobody: Iterable[str],
             people: Mapping[str, Iterable[str]]) -> People:
    """Who is who in what was imported.

    Args:    me, nobody: accounts as ``source:id``, or ids, or display names of exports without ids.
             people: pseudonym -> accounts and names of one person on any platform.
    Raises:  TrainingError when an export has two sides and none of them is the author's.
    """
    wanted, unwanted = set(me), set(nobody)
    mine: set[str] = set()
    dropped: set[str] = set()
    unsure: defaultdict[str, list[Author]] = defaultdict(list)
    others: list[Author] = []
    _note_strangers(authors, notes, {"me": wanted, "nobody": unwanted})
    for author in authors:
        account = f"{author.source}:{author.account}"
        keys = {account, author.account}
        if keys & unwanted:
            dropped.add(account)
        elif keys & wanted or account in notes.own_accounts:
            mine.add(account)
        if author.n_unsure:
            unsure[author.source].append(author)
        if author.n_own < author.n_messages and account not in mine | dropped:
            notes.called(account, author.name)
            others.append(author)
    for source, rows in unsure.items():
        if not any(f"{source}:{author.account}" in mine for author in rows):
            raise _no_me(source, rows)
    return People(mine, dropped, _pseudonyms(others, people))


def _note_strangers(authors: Sequence[Author], notes: Notes, told: Mapping[str, set[str]]) -> None:
    """An account that persona.toml names and no export has is a slip of the pen, most likely."""
    known = {key for account in notes.own_accounts for key in (account, account.partition(":")[2])}
    known.update(name for account, names in notes.names.items() if account.endswith(":me")
                 for name in names)
    known.update(key for a in authors for key in (f"{a.source}:{a.account}", a.account))
    for table, accounts in told.items():
        for account in sorted(accounts - known):
            notes.put("persona.toml", table, f"{account}: no export has this account")


def _no_me(source: str, authors: list[Author]) -> TrainingError:
    authors.sort(key=lambda author: -author.n_unsure)
    seen = ", ".join(author.account if author.name in ("", author.account)
                     else f"{author.account} ({author.name})"
                     for author in authors[:AUTHORS_SHOWN_MAX])
    return TrainingError(
        f"{source}: none of the {sum(author.n_unsure for author in authors)} messages is the"
        ' author\'s; put the author\'s id into "me" of persona.toml, the export has'
        f" {seen}.")


def _pseudonyms(others: Iterable[Author], people: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Account -> letter, the most talkative first; those of ``people`` as they are given."""
    given = {key: pseudonym for pseudonym, keys in people.items() for key in keys}
    made: dict[str, str] = {}
    for author in sorted(others, key=lambda author: (-author.n_messages, author.source,
                                                     author.account)):
        account = f"{author.source}:{author.account}"
        pseudonym = given.get(account) or given.get(author.account) or given.get(author.name)
        made[account] = pseudonym or letter(len(made))
    return made


def letter(number: int) -> str:
    """The pseudonym of the ``number``-th person from 0: N, K, ... X, N2, K2, ..."""
    turn, index = divmod(number, len(LETTERS))
    return LETTERS[index] + (str(turn + 1) if turn else "")
