"""Identities: the author's own accounts, and a stable pseudonym for every other person.

Accounts are identified by id where an export has ids, and by display name only where it has none
(WhatsApp, transcripts). A pseudonym is a letter, assigned in order of how much somebody wrote: it
reads like a diary ("asked N about it"), and unlike a hash it cannot be tested against names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from host_training.common.messages import Message, Notes
from host_training.corpus.message_store import Author, MessageStore
from host_training.errors import TrainingError

AUTHORS_SHOWN_MAX = 8
UNDETERMINED = "the author cannot be determined"  # in each sentence that asks for `me`
LETTERS = "NKRTLMEBJSDPHWCGFVUYZQX"  # without A, I and O, which are words


@dataclass(frozen=True, slots=True)
class People:
    """The author's accounts and everybody's pseudonyms."""

    mine: set[str]  # accounts as source:id
    nobody: set[str]  # accounts that count as nobody's: shared by a family, taken over
    pseudonyms: Mapping[str, str]  # of every other account

    def label(self, author: Author) -> str:
        """An account in one word: "you", "nobody", or its letter."""
        account = f"{author.source}:{author.account}"
        if account in self.nobody:
            return "nobody"
        return self.pseudonyms.get(account, "you")

    def of(self, message: Message) -> Message | None:
        """The message with ``is_me`` set and a pseudonym for its author; None for nobody's."""
        account = f"{message.source}:{message.author}"
        if account in self.nobody:
            return None
        if message.is_me or account in self.mine:
            return replace(message, is_me=True, author="me", name="")
        return replace(message, author=self.pseudonyms[account], name="")


def identify(authors: Sequence[Author], notes: Notes, me: Iterable[str], nobody: Iterable[str],
             people: Mapping[str, Iterable[str]], called: Iterable[str] = ()) -> People:
    """Who is who in what was imported.

    Args:    me, nobody: accounts as ``source:id``, or ids, or display names of exports without ids.
             people: pseudonym -> accounts and names of one person on any platform.
             called: names of the author, for the guess in the error message.
    An export with two sides, neither of which is the author's, causes a warning, and nothing of it
    is learnt.

    Raises:  TrainingError when that leaves nothing of the author's.
    """
    wanted, unwanted = set(me), set(nobody)
    mine: set[str] = set()
    dropped: set[str] = set()
    unsure: defaultdict[str, list[Author]] = defaultdict(list)
    others: list[Author] = []
    unknown = _unknown(authors, notes, wanted)
    for table, accounts in {"me": unknown, "nobody": _unknown(authors, notes, unwanted)}.items():
        for account in accounts:
            notes.put("persona.toml", table, f"{account}: no export has this account")
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
    sides = {source: rows for source, rows in unsure.items()
             if not any(f"{source}:{author.account}" in mine for author in rows)}
    if sides:
        words = {word.casefold() for name in called for word in name.split()}
        reason = _no_me(sides, unknown, words)
        if not mine and not any(author.n_own for author in authors):
            raise TrainingError(f"{reason}.")
        notes.warnings.append(f"{reason}. Until then nothing of that is learnt.")
    return People(mine, dropped, _pseudonyms(others, people))


def left_out(store: MessageStore, notes: Notes, without: Iterable[str]
             ) -> tuple[set[tuple[str, str]], set[str]]:
    """The people whose conversations are left out, and their names.

    ``without`` has accounts, ids or display names; people are (source, account). Somebody who
    never wrote is found by the name of the conversation. Names are noted, because others may
    mention them.

    Raises:  TrainingError for those in no export: a typing error would teach what must not be.
    """
    found: set[tuple[str, str]] = set()
    names: set[str] = set()
    slips: list[str] = []
    authors = store.authors()
    for wanted in without:
        fitting = [a for a in authors
                   if wanted in (f"{a.source}:{a.account}", a.account, a.name)]
        names |= {wanted, *(known for a in fitting for known in (a.account, a.name) if known)}
        if not fitting and not store.has_talk_with(wanted):
            slips.append(f"persona.toml: privacy.without has {wanted!r}, but no export has an"
                         " account or a name like that.")
        for author in fitting:
            notes.called(f"{author.source}:{author.account}", author.name)
            found.add((author.source, author.account))
    if slips:
        raise TrainingError(*slips)
    return found, names


def _unknown(authors: Sequence[Author], notes: Notes, declared: set[str]) -> list[str]:
    """Accounts in persona.toml that no export has, which are probably typing errors."""
    known = {key for account in notes.own_accounts for key in (account, account.partition(":")[2])}
    known.update(name for account, names in notes.names.items() if account.endswith(":me")
                 for name in names)
    known.update(key for a in authors for key in (f"{a.source}:{a.account}", a.account))
    return sorted(declared - known)


def _no_me(sides: Mapping[str, list[Author]], unknown: Sequence[str], called: AbstractSet[str]
           ) -> str:
    """An error message: who writes in exports without a known author, and what to enter."""
    seen, guessed = [], []
    for source, authors in sides.items():
        authors.sort(key=lambda author: -author.n_unsure)
        likely = max(authors, key=lambda author: len(called & set(
            author.name.casefold().split())))  # the most talkative of equals
        guessed.append(f'"{likely.account}"')
        shown = ", ".join(_shown(author) for author in authors[:AUTHORS_SHOWN_MAX])
        more = f" and {len(authors) - AUTHORS_SHOWN_MAX} more" * (len(authors) > AUTHORS_SHOWN_MAX)
        seen.append(f"{source} ({sum(a.n_unsure for a in authors)} messages) has {shown}{more}")
    slips = f"; {', '.join(unknown)} of me is not in any export" if unknown else ""
    return (f"{'; '.join(seen)}: {UNDETERMINED}; list your account in "
            f"persona.toml, like me = [{', '.join(guessed)}]{slips}")


def _shown(author: Author) -> str:
    is_plain = author.name in ("", author.account)
    return f'"{author.account}"' if is_plain else f'"{author.account}" ({author.name})'


def _pseudonyms(others: Iterable[Author], people: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Account -> letter, the most talkative first; ``people`` gives letters of its own."""
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
