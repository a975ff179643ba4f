"""Commands before training: create a persona directory, and report what is in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.cells import cell_len, set_cell_size
from rich.console import Console

from host_training.cli.progress import (
    ProgressOption,
    Report,
    progress_shown,
    quiet_libraries,
)
from host_training.errors import TrainingError
from host_training.training import known_bases

console = Console()

BaseOption = Annotated[Path, typer.Option(
    help="Base model that scores pairs, if clean.pair_score_bits is set.")]
PEOPLE_SHOWN_MAX = 20
CHATS_SHOWN_MAX = 20
VALUES_SHOWN_MAX = 10
TIERS = {"tier 1": "essays and documents (tier 1)", "tier 2": "journals and notes (tier 2)",
         "tier 3": "mails and talks (tier 3)", "tier 4": "chats and posts (tier 4)"}
LAYERS = {"thinking": "of all that, how you think", "values": "of all that, values"}


def register(app: typer.Typer) -> None:
    """Add these commands to the ``spacepi-train`` of ``__main__``."""
    app.command()(init)
    app.command()(scan)


def init(
    persona_dir: Annotated[Path, typer.Argument(
        metavar="DIR", help="Directory to create; existing files in it are kept.")],
) -> None:
    """Create a persona directory with every setting explained."""
    from host_training.corpus import persona_template

    for path in persona_template.write(persona_dir):
        console.print(f"made {path}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"Fill in persona.toml and values.md, put your exports into"
                  f" {persona_dir / persona_template.EXPORTS} as you downloaded them, then:"
                  f" spacepi-train scan {persona_dir} --out seen", markup=False, highlight=False,
                  soft_wrap=True)


def scan(
    persona_dir: Annotated[Path, typer.Argument(
        metavar="PERSONA_DIR", help="Persona directory.")],
    out: Annotated[Path, typer.Option(help="Output folder for examples.jsonl, review.md and "
                                           "quarantine.jsonl, created if needed.")],
    base: BaseOption = known_bases.DEFAULT,
    progress: ProgressOption = None,
) -> None:
    """Read every export as `run` does, and report what was found, excluded and removed."""
    with progress_shown(progress) as report:
        n_examples = _read_all(persona_dir, out, base, report)
    _show_all(out, n_examples)
    _show("to measure with", ("",), [(line,) for line in _doubts(persona_dir, out)])
    _show("to be filled in first", ("",), [(line,) for line in _unfilled(persona_dir)])
    console.print(f"To train it: spacepi-train run {persona_dir} --out"
                  f" {persona_dir.resolve().name}.bundle{_base_note()}", soft_wrap=True,
                  markup=False, highlight=False)


def _read_all(persona_dir: Path, out: Path, base: Path, report: Report) -> int:
    from host_training import preflight
    from host_training.common.persona_dir import read_persona
    from host_training.corpus import assemble, inventory
    from host_training.stages import PRIVATE

    preflight.check_scan(persona_dir, out)
    persona = read_persona(persona_dir, is_finished=False)
    is_scored = persona.settings.clean.pair_score_bits is not None
    score = _scorer(base) if is_scored and known_bases.is_fetched(base) else None
    try:
        out.mkdir(PRIVATE, parents=True, exist_ok=True)
        (out / inventory.INVENTORY).unlink(missing_ok=True)
        return assemble.prepare(persona_dir, persona, out,
                                lambda share, line: report("writing", share, line), score)
    except OSError as error:
        raise TrainingError(f"--out {out}: cannot be written ({error.strerror}).") from error
    except TrainingError:
        if (out / inventory.INVENTORY).exists():  # what is there is seen whatever is missing
            _show_inventory(out)
        raise


def _scorer(base: Path) -> Callable[[Sequence[tuple[str, str]]], Sequence[float]]:
    from host_training import preflight

    preflight.check_base(base)
    quiet_libraries()
    from host_training.likelihood.pair_likelihood import PairLikelihood

    return PairLikelihood(known_bases.folder(base))


def _unfilled(persona_dir: Path) -> list[str]:
    from host_training.common import persona_dir as persona_dirs

    persona = persona_dirs.read_persona(persona_dir, is_finished=False)
    words = ", ".join(persona_dirs.unfilled(persona))
    return [*([f"{persona_dir / 'persona.toml'}: {words}"] if words else []),
            *([] if persona.values else [f"{persona_dir / 'values.md'}: what it values"])]


def _doubts(persona_dir: Path, out: Path) -> list[str]:
    """What ``run`` would say of the held-out data, with its default seed."""
    from host_training.common.persona_dir import read_persona
    from host_training.corpus import assemble
    from host_training.rows.split import size_warnings, split

    persona = read_persona(persona_dir, is_finished=False)
    examples = assemble.load(out / assemble.EXAMPLES)
    try:
        return size_warnings(examples, split(examples, 1, persona.settings.clean.near_duplicate))
    except TrainingError as error:
        return [str(error)]


def _base_note() -> str:
    known = known_bases.KNOWN[str(known_bases.DEFAULT)]
    return ("" if known_bases.is_fetched(known_bases.DEFAULT) else
            f"   It first downloads {known.title}, once, {known.file.wheel_bytes / 1e6:.0f} MB.")


def _show_inventory(out: Path) -> None:
    from host_training.corpus.inventory import read_inventory

    _show("found", ("files", "messages", "words", "of", "whose words", "in"), [
        (f"{row['files']:,}", f"{row['messages']:,}", f"{row['words']:,}", row["dates"],
         ", ".join(row["speakers"]), row["export"]) for row in read_inventory(out)])


def _show_all(out: Path, n_examples: int) -> None:
    from host_training.common.messages import quarantine_path
    from host_training.corpus import assemble
    from host_training.corpus.summary import read_summary

    summary = read_summary(out)
    people = json.loads((out / assemble.PEOPLE).read_text())
    left_out, bad = summary["left out"]["skipped"], summary["left out"]["first bad"]
    _show_inventory(out)
    _show("who wrote", ("messages", "is", "account", "name", "in"), [
        (f"{p['messages']:,}", p["is"], p["account"], p["name"], p["source"])
        for p in people[:PEOPLE_SHOWN_MAX]])
    _show("chats", ("messages", "left out", "name", "id", "in"), [
        (f"{c['messages']:,}", f"{c['left out']:,}", c["name"], c["id"], c["source"])
        for c in json.loads((out / assemble.CHATS).read_text())[:CHATS_SHOWN_MAX]])
    _show("left out", ("messages", ""), _counts(left_out))
    _show("taken out of the texts", ("times", ""), _counts(summary["taken out"]))
    learnt = {TIERS[tier]: n for tier, n in summary["weighed bytes"].items()} | {
        LAYERS[layer]: n for layer, n in summary["layers"].items() if layer != "said"}
    total = sum(summary["weighed bytes"].values())
    _show("learnt", ("weighed bytes", "share", ""), [
        (f"{n:,}", f"{n / total:.0%}", what) for what, n in learnt.items()])
    _show("candidates for values.md", ("",), [
        (f"- {line}",) for line in summary["candidates for values.md"][:VALUES_SHOWN_MAX]])
    _show("not understood", ("",), [(line,) for line in bad])
    _show("warnings", ("",), [(line,) for line in summary["warnings"]])
    console.print(f"\n{n_examples} examples to learn from ({out / assemble.EXAMPLES}). Not "
                  f"understood: {summary['left out']['bad']} ({quarantine_path(out)}). Review what "
                  f"was removed ({out / assemble.REVIEW}), the people ({out / assemble.PEOPLE}) "
                  f"and the chats ({out / assemble.CHATS}).",
                  soft_wrap=True, markup=False)


def _counts(counts: dict[str, int]) -> list[tuple[str, str]]:
    return [(f"{count:,}", what) for what, count in counts.items()]


def _show(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """A title and aligned columns; what is long comes last, and paths are not broken."""
    if not rows:
        return
    table = [columns, *rows] if any(columns) else list(rows)
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    console.print(f"\n{title}", style="bold", highlight=False)
    for row in table:
        cells = (set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True))
        console.print("  ".join(cells).rstrip(), markup=False, highlight=False, soft_wrap=True)
