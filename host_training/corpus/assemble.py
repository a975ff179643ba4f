"""Turns everything a person wrote, from the folder of exports, into examples.

scan -> import -> identify -> scrub -> clean -> sessions -> weigh. What was left out, and why, is
written beside the examples: ``import.json`` (counts), ``quarantine.jsonl`` (every row that was not
understood), ``inventory.json`` (what each export holds), ``review.md`` and ``review.json`` (what
was removed from the texts), ``people.json`` (who has which letter) and ``chats.json`` (all chats).
All but the first are private to the maker.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from host_training import common, corpus, importers, privacy
from host_training.common.messages import Message, Notes, quarantine_path
from host_training.common.normalise import plain
from host_training.common.persona_dir import (
    NOTEBOOK,
    PersonaSource,
    export_folders,
    notebooks,
    stray_files,
)
from host_training.common.settings import Clean, Privacy
from host_training.corpus import (
    chat_selection,
    filtering,
    identity,
    inventory,
    pair_scores,
    sessions,
    value_candidates,
    weighting,
)
from host_training.corpus.example_store import ExampleStore, as_json, from_json
from host_training.corpus.inventory import ExportCount
from host_training.corpus.message_store import MessageStore
from host_training.corpus.sessions import Example
from host_training.corpus.summary import SUMMARY, AccountRow, WritingSummary, write_summary
from host_training.errors import NoWriting
from host_training.importers import registry, voice_notes
from host_training.importers.notebook import import_notebook
from host_training.importers.tree import Tree
from host_training.privacy import phones, pii, scrub
from host_training.privacy.known_secrets import KnownSecrets
from host_training.privacy.names import NameList
from host_training.stages import code_hash
from payload import prompt

__all__ = ["SUMMARY", "code", "load", "prepare", "save", "tally"]

Report = Callable[[float, str], None]  # (fraction done 0..1, one line)

EXAMPLES = "examples.jsonl"
REVIEW, REVIEW_ROWS = "review.md", "review.json"
PEOPLE = "people.json"
CHATS = "chats.json"
WEIGHING_SHARE = 0.9  # of the work is done when weighing begins
CHILD = "child:"  # before a name, in place of an account
STORE, KEPT, SEEN = "messages.sqlite", "kept.sqlite", "seen.sqlite"  # to work in


def prepare(directory: Path, persona: PersonaSource, out: Path, report: Report,
            score: pair_scores.Score | None = None) -> int:
    """Write the examples of a persona directory to ``out``/EXAMPLES; returns how many.

    Meanwhile messages and examples are in SQLite files in ``out``, which are always deleted.

    Args:    score: scores pairs for ``clean.pair_score_bits``; None: no model is available.
    Raises:  TrainingError when there is no writing, or the author cannot be determined.
    """
    learnt, values = weighting.LearntShares(), value_candidates.Candidates(persona.values)
    with (quarantine_path(out).open("w", encoding="utf-8", errors="replace") as sink,
          ExampleStore(out / KEPT) as kept):
        notes = Notes(sink)
        entries = []
        for path in notebooks(directory):
            entries += import_notebook(path, notes)
        for name in stray_files(directory):
            notes.put(name, "", "is not in a folder that is read; put exports into a folder of "
                                "any name, and thoughts into notebook/*.md")
        with MessageStore(out / STORE) as store:
            chooser = chat_selection.Chooser(persona.settings, persona.me, notes)
            exports = _import(directory, chooser, store, notes, report)
            inventory.write_inventory(exports, {*persona.me, *notes.own_accounts}, out)
            notes.warnings += chooser.warnings()
            (out / CHATS).write_text(json.dumps(chooser.report(), indent=1, ensure_ascii=False))
            known = _secrets_and_children(sessions.entry_examples(entries), store, notes)
            people = _people(store, persona, notes)
            privacy = _privacy(persona, store, notes)
            scrubber = scrub.Scrubber(privacy, _names(people, persona, notes), known)
            (out / PEOPLE).write_text(json.dumps(_who_is_who(store, people), indent=1,
                                                 ensure_ascii=False))
            kept.add(_scrubbed_entries(sessions.entry_examples(entries), scrubber, notes))
            recent = _recent(_identified(store, people, notes), exports, persona, notes)
            kept.add(_chat_examples(_scrubbed_messages(recent, scrubber, persona, notes),
                                    people, persona, notes))
        report(WEIGHING_SHARE, "weighing what was said")
        filtering.drop_repeats(kept, persona.settings.clean, notes, out / SEEN)
        _drop_misfits(kept, persona.settings.clean, score, notes, out, report)
        n_examples = save(values.noted(learnt.counted(
            filtering.weigh(kept, persona.settings.clean))), out / EXAMPLES)
    notes.warnings += learnt.warnings(persona.settings.clean, chooser.name_of)
    notes.warnings += _not_in_values_md(values.found(), persona)
    notes.warnings += _numbers_that_stay(privacy, scrubber)
    (out / REVIEW).write_text(scrubber.sheet.markdown() + value_candidates.markdown(values.found())
                              + pair_scores.markdown(out / pair_scores.ASIDE))
    (out / REVIEW_ROWS).write_text(json.dumps(scrubber.sheet.rows(), indent=1, ensure_ascii=False))
    notes.sum_up()
    if not n_examples:
        raise NoWriting(
            f"{directory}: no writing of {persona.author or 'yours'} found; put some into"
            f" notebook/*.md or exports into a folder beside it.{_first_reason(notes)}")
    write_summary({
        "sources": {export.label: export.n_messages for export in exports},
        "candidates for values.md": values.found(), "warnings": notes.warnings,
        "third party": persona.settings.privacy.third_party, "left out": notes.report(),
        **learnt.summary(), "taken out": dict(sorted(scrubber.sheet.counts.items()))}, out)
    return n_examples


def _drop_misfits(kept: ExampleStore, settings: Clean, score: pair_scores.Score | None,
                  notes: Notes, out: Path, report: Report) -> None:
    """Leave out the pairs below ``clean.pair_score_bits``, if it is set and a model can score."""
    (out / pair_scores.ASIDE).unlink(missing_ok=True)
    if settings.pair_score_bits is None:
        return
    if score is None:
        notes.warnings.append(
            "clean.pair_score_bits is set, and the base model that scores pairs is not on this"
            " machine: none was left out. spacepi-train base --get smollm2 fetches it, and run"
            " does so by itself.")
        return
    notes.skip(pair_scores.LEFT_OUT, kept.drop(pair_scores.misfits(
        kept, score, settings.pair_score_bits, out / pair_scores.ASIDE,
        lambda share, line: report(WEIGHING_SHARE + (1 - WEIGHING_SHARE) * share, line))))


def _people(store: MessageStore, persona: PersonaSource, notes: Notes) -> identity.People:
    """Identify people, after removing those whom persona.toml leaves out from the store."""
    without = identity.left_out(store, notes, persona.settings.privacy.without)
    notes.skip("talk that persona.toml leaves out", store.remove(*without))
    return identity.identify(store.authors(), notes, persona.me, persona.settings.nobody,
                             persona.settings.people, (persona.author, persona.name))


def _privacy(persona: PersonaSource, store: MessageStore, notes: Notes) -> Privacy:
    """The privacy settings, with the region of telephone numbers inferred if it is not set."""
    settings = persona.settings
    if settings.privacy.region is not None:
        return settings.privacy
    own = {*persona.me, *notes.own_accounts}
    others = [*(author.account for author in store.authors()), *notes.names]
    region = phones.region_of(own, settings.timezone, others, settings.clean.languages)
    return settings.privacy.model_copy(update={"region": region})


def _numbers_that_stay(privacy: Privacy, scrubber: scrub.Scrubber) -> list[str]:
    if privacy.region is not None or not scrubber.n_with_numbers:
        return []
    return ["privacy.region is not set in persona.toml and nothing tells it:"
            f" {scrubber.n_with_numbers} texts keep a number of seven digits or more, which may be"
            ' somebody\'s telephone; set it to your country, like region = "NL".']


def code() -> str:
    """Hash of all code that an example passes through."""
    return code_hash(common, privacy, importers, corpus, prompt)


def _import(directory: Path, chooser: chat_selection.Chooser, store: MessageStore, notes: Notes,
            report: Report) -> list[ExportCount]:
    """Read everything below the export folders into the store; returns the count of each export."""
    exports: list[ExportCount] = []
    with Tree(directory, notes) as tree:
        for folder in export_folders(directory):
            files = []
            for file in tree.files(folder):
                of_file = chooser.source_of(file.name)
                if of_file is not None and of_file[1].ignore:
                    notes.skip("ignored by persona.toml")
                else:
                    files.append(file)
            notes.hear = voice_notes.listener(files, chooser.settings.voice, directory, notes)
            for export in registry.recognise(files, notes):
                report(0.5, f"reading {export.label}")
                first = export.files[0].name
                notes.zone = chooser.settings.zone_of(first)
                notes.date_order = chooser.settings.date_order_of(first)
                exports.append(ExportCount(export.label, len(export.files)))
                store.add(exports[-1].counted(
                    chooser.chosen(registry.read_all([export], notes), first)))
    return exports


def _secrets_and_children(entries: list[Example], store: MessageStore, notes: Notes
                          ) -> KnownSecrets:
    """Collect all secrets, and note children's names, before the first text is scrubbed."""
    def texts() -> Iterator[str]:
        for entry in entries:
            yield from filter(None, (entry.text, entry.condition and entry.condition.question))
        yield from store.texts()

    for child in sorted({name for text in texts() for name in pii.children(plain(text))}):
        notes.called(f"{CHILD}{child}", child)
    return scrub.learn_secrets(texts())


def _identified(store: MessageStore, people: identity.People, notes: Notes) -> Iterator[Message]:
    for message in store.ordered():
        known = people.of(message)
        if known is None:
            notes.skip("account that persona.toml calls nobody's")
        else:
            yield known


def _recent(messages: Iterator[Message], exports: Sequence[ExportCount], persona: PersonaSource,
            notes: Notes) -> Iterator[Message]:
    """Messages at most ``max_age_years`` older than the newest; undated ones are kept."""
    years = persona.settings.clean.max_age_years
    newest_ms = max((found.last_ms for found in exports if found.last_ms is not None),
                    default=0)
    for message in messages:
        if years is not None and message.utc_ms is not None and (
                message.utc_ms < newest_ms - years * filtering.YEAR_MS):
            notes.skip("older than clean.max_age_years")
        else:
            yield message


def _who_is_who(store: MessageStore, people: identity.People) -> list[AccountRow]:
    """Every account and its letter, the most talkative first; private to the maker."""
    return [{"source": a.source, "account": a.account, "name": a.name, "messages": a.n_messages,
             "is": people.label(a)}
            for a in sorted(store.authors(), key=lambda a: (-a.n_messages, a.source, a.account))]


def _chat_examples(messages: Iterator[Message], people: identity.People, persona: PersonaSource,
                   notes: Notes) -> Iterator[Example]:
    """Examples of all chats; ``privacy.third_party`` decides what of other people is in them."""
    found = sessions.chat_examples(messages, persona.settings.sessions)
    if persona.settings.privacy.third_party == "train":
        others = {letter for account, letter in people.pseudonyms.items()
                  if not account.startswith(f"{sessions.DATA_SET}:")}
        notes.warnings.append(
            'persona.toml: privacy.third_party is "train": what other people wrote in your chats'
            f" ({len(others)} of them) is trained on too, and the persona may repeat it;"
            " obtain the consent of each person.")
    is_alone = persona.settings.privacy.third_party == "drop"
    return sessions.without_others(found) if is_alone else found


def _names(people: identity.People, persona: PersonaSource, notes: Notes) -> NameList:
    """Names to scrub: of everybody in the exports or persona.toml except the author."""
    privacy = persona.settings.privacy
    own = [persona.name, persona.author, *privacy.keep_names]
    strangers = 0
    known: list[tuple[str, str]] = []
    children: set[str] = set()
    for account, known_as in sorted(notes.names.items()):
        if account in people.mine or account.endswith(":me"):
            own += known_as
            continue
        if account.startswith(CHILD):
            children |= known_as
        pseudonym = people.pseudonyms.get(account)
        if pseudonym is None:  # a contact who never wrote
            pseudonym = identity.letter(len(people.pseudonyms) + strangers)
            strangers += 1
        known += [(name, pseudonym) for name in sorted(known_as)]
    given = {pseudonym: [key for key in keys if not _is_account(key)]
             for pseudonym, keys in persona.settings.people.items()}
    known += [(name, pseudonym) for pseudonym, names in given.items() for name in names]
    listed = [*privacy.extra_names, *(name for names in given.values() for name in names),
              *(name for name in privacy.without if not _is_account(name))]
    return NameList(known, listed, own, children)


def _is_account(key: str) -> bool:
    """An id or an address rather than a name."""
    return any(char.isdigit() or char in "@:" for char in key)


def _scrubbed_messages(messages: Iterator[Message], scrubber: scrub.Scrubber,
                       persona: PersonaSource, notes: Notes) -> Iterator[Message]:
    """Messages without private content and noise."""
    cleaner = filtering.Cleaner(notes, persona.settings.clean.languages,
                            persona.settings.privacy.third_party == "train")
    for message in messages:
        text = scrubber.scrub(message.text, notes)
        words = cleaner.words(replace(message, text=text)) if text is not None else None
        if words is not None:
            yield replace(message, text=words)


def _scrubbed_entries(entries: list[Example], scrubber: scrub.Scrubber, notes: Notes
                      ) -> Iterator[Example]:
    """Notebook entries without private content; they are not filtered for noise.

    A thought is set aside if it, or its question, cannot be used after scrubbing.
    """
    for example in entries:
        text = scrubber.scrub(example.text, notes)
        condition = example.condition
        if condition is not None and condition.question is not None:
            question = scrubber.scrub(condition.question, notes)
            condition = replace(condition, question=question)
            if question is None or filtering.has_placeholder(question):
                text = None
                notes.put(NOTEBOOK, example.text[:40], "its question holds something private")
        if text is not None and condition is not None and (
                filtering.has_placeholder(text) or prompt.clean_reply(text) != text):
            notes.put(NOTEBOOK, text[:40], "without what is private, this thought cannot be said")
        elif text is not None:
            yield replace(example, text=text, condition=condition)


def _not_in_values_md(found: list[str], persona: PersonaSource) -> list[str]:
    """A warning if values.md has room for judgements from writing of the layer "values"."""
    if not found or len(persona.values) >= prompt.PROMPT_VALUES_MAX:
        return []
    return [f"your writing of the layer values contains {len(found)} judgements that are not in "
            f"values.md. Every prompt has room for {prompt.PROMPT_VALUES_MAX} values, and "
            f"values.md has {len(persona.values)}; {REVIEW} lists the candidates."]


def tally(summary: WritingSummary) -> list[str]:
    """Lines on what was removed: one for messages, one for words; none if nothing was."""
    kinds = {"left out": summary["left out"]["skipped"], "taken out of the texts":
             summary["taken out"]}
    return [f"{kind}: " + ", ".join(f"{what} {n:,}" for what, n in sorted(
        counts.items(), key=lambda count: -count[1])) for kind, counts in kinds.items() if counts]


def _first_reason(notes: Notes) -> str:
    return f" {notes.bad[0].file}: {notes.bad[0].reason}." if notes.bad else ""


def save(examples: Iterable[Example], path: Path) -> int:
    """One JSON object per line; returns how many."""
    n_examples = 0
    with path.open("w", encoding="utf-8") as file:
        for example in examples:
            file.write(as_json(example) + "\n")
            n_examples += 1
    return n_examples


def load(path: Path) -> list[Example]:
    """Read what ``save`` wrote."""
    with path.open(encoding="utf-8") as file:
        return [from_json(line) for line in file]
