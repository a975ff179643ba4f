"""Commands about bundles, boards and this machine, which train nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from host_training.errors import TrainingError
from host_training.training import known_bases
from wire.bundle import Manifest, model_file, verify_bundle

console = Console()

PROJECT = Path(__file__).resolve().parents[2]
DEFAULT_KEY = Path("~/.config/spacepi/bundle.key")
_HEX_KEY = re.compile(r"[0-9a-f]{64}")

BoardName = Literal["zero2w", "pi4", "pi5"]
BundleArgument = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle directory.")]
TrustOption = Annotated[list[str] | None, typer.Option(
    "--trust", metavar="KEY", help="Trusted public key: 64 hex digits, as keygen prints them, or "
                                   "a manifest.pub. Without it, the check shows that the bundle "
                                   "is undamaged, but not who made it.")]
ThreadsOption = Annotated[int, typer.Option(min=0, max=256, help="CPU threads; 0: all.")]
SeedOption = Annotated[int, typer.Option(help="Random seed.")]
RamOption = Annotated[float | None, typer.Option(min=64, help="Memory of the board, MB.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the ``spacepi-train`` of ``__main__``."""
    for command in (keygen, verify, inspect, diff, rollback, plan, doctor, ollama,
                    fetch_converter):
        app.command()(command)


def trusted_keys(named: Sequence[str] | None) -> list[bytes] | None:
    """The raw keys of ``--trust``; None where it was not given."""
    try:
        return [bytes.fromhex(key) if _HEX_KEY.fullmatch(key) else Path(key).read_bytes()
                for key in named] if named else None
    except OSError as error:
        raise TrainingError(f"--trust {error.filename}: cannot be read"
                            f" ({error.strerror}).") from error


def say_how_it_flies(public_key: bytes) -> None:
    """The line of a mission file that makes payloads accept bundles of this key."""
    _say("A payload accepts it with this line under [mind] of its mission.toml:")
    _say(f'trusted_keys = ["{public_key.hex()}"]')


def keygen(
    key: Annotated[Path, typer.Option(help="Signing key, created if missing.")
                   ] = DEFAULT_KEY,
) -> None:
    """Print the public half of your signing key, in the form of a mission file."""
    from host_training.bundle.pack import load_key

    say_how_it_flies(load_key(key.expanduser()).public_key().public_bytes_raw())


def verify(
    bundle: BundleArgument,
    trust: TrustOption = None,
    installed: Annotated[Path | None, typer.Option(
        help="The installed bundle: the other must be newer, so that no old one is restored by "
             "mistake.")] = None,
    board: Annotated[BoardName | None, typer.Option(help="Also check whether it fits this "
        "board.")] = None,
    ram_mb: RamOption = None,
) -> None:
    """Check a bundle from the signature to the last table; exit status 1 if it is not valid.

    In this order: signature, set of files, sizes, hashes, version, memory of the board; then each
    file is opened and compared with the manifest.
    """
    from host_training.bundle import inspection

    keys = trusted_keys(trust)
    version_min = verify_bundle(installed, keys).version + 1 if installed else 1
    manifest = verify_bundle(bundle, keys, version_min)
    if board is not None:
        _check_board(bundle, manifest, board, ram_mb)
    remarks = inspection.check_contents(bundle, manifest)
    _say(f"{bundle} is whole: {manifest.name} version {manifest.version}, signed by"
         f" {manifest.public_key.hex()}{'' if trust else ' (not compared with any you trust)'}.")
    for remark in remarks:
        _say(f"But {remark}.")


def inspect(bundle: BundleArgument, trust: TrustOption = None) -> None:
    """Show maker, date, sources, quality and files of a bundle."""
    manifest = verify_bundle(bundle, trusted_keys(trust))
    table = Table(show_header=False)
    for name in ("name", "version", "created_utc", "disclosure"):
        table.add_row(name, str(getattr(manifest, name)))
    table.add_row("signed by", manifest.public_key.hex())
    for name in ("base", "training", "runtime"):
        for field, value in sorted(getattr(manifest, name).items()):
            shown = ("\n".join(f"{what}: {n}" for what, n in value.items())
                     if isinstance(value, dict) else str(value))
            table.add_row(f"{name}.{field}", shown)
    for file in manifest.files:
        table.add_row(file.path, f"{file.bytes:,} bytes, sha256 {file.sha256[:16]}…")
    console.print(table)


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A bundle directory.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Another one.")],
    trust: TrustOption = None,
) -> None:
    """Show the differences between two bundles: manifest, files, persona and memory."""
    from host_training.bundle import inspection

    keys = trusted_keys(trust)
    lines = inspection.diff(old, verify_bundle(old, keys), new, verify_bundle(new, keys))
    for line in lines or ["nothing differs"]:
        _say(line)


def rollback(bundle: BundleArgument, trust: TrustOption = None) -> None:
    """Exchange a bundle with the previous version; a second call undoes it."""
    from host_training.bundle.pack import rollback as swap

    manifest = swap(bundle, trusted_keys(trust))
    _say(f"{bundle} is {manifest.name} version {manifest.version} again.")


def plan(
    board: Annotated[BoardName, typer.Option(help="Target board.")],
    model: Annotated[Path, typer.Option(
        help="smollm2, or a Hugging Face folder, with at least config.json and"
             " tokenizer.json.")] = known_bases.DEFAULT,
    mission: Annotated[Path, typer.Option(help="Mission file.")] = PROJECT / "mission.toml",
    n_ctx: Annotated[int, typer.Option(min=128, max=8192, help="Context length, tokens.")] = 512,
    ram_mb: RamOption = None,
) -> None:
    """Estimate size, memory, speed and energy of a model on a board, before training."""
    from dataclasses import replace

    from host_training.bundle import board_plan as planning
    from host_training.gguf.model_config import read_shape
    from host_training.quantisation.ladder import ladder_for
    from host_training.quantisation.size_estimate import sizes_of_shape

    place = planning.BOARDS[board]
    place = replace(place, ram_mb=ram_mb) if ram_mb else place
    model = known_bases.resolve(model, _say)
    shape = read_shape(model)
    musing = planning.measure_musing(model / "tokenizer.json")
    sizes = sizes_of_shape(shape, ("F16", *ladder_for(shape.hidden_size)),
                           planning.tokenizer_bytes(model / "tokenizer.json"))
    table = Table(title=f"{shape.n_parameters / 1e6:.1f} million parameters on a {place.title}")
    for head in ("file", "MB", "memory MB", f"of {place.ram_mb:.0f}", "tokens/s", "s/musing",
                 "J/musing", "tensors"):
        table.add_column(head, justify="left" if head in ("file", "tensors") else "right",
                         no_wrap=head != "tensors")
    for row in planning.costs(place, shape, sizes, musing, n_ctx):
        kinds = " ".join(f"{n}×{kind}" for kind, n in row.tensor_types.items())
        table.add_row(row.quant, f"{row.file_mb:.1f}", f"{row.ram_mb:.0f}",
                      "fits" if row.fits else "no", f"{row.tokens_per_s:.1f}",
                      f"{row.seconds_per_musing:.1f}", f"{row.joules_per_musing:.1f}", kinds)
    console.print(table)
    _say(f"A musing: {musing.suffix_tokens:.0f} tokens of prompt to evaluate and "
         f"{musing.reply_tokens:.0f} of reply (counted with this tokenizer), {n_ctx} of context.")
    _air_lines(mission)
    _say("Estimated, not measured. Sources: " + "; ".join(place.sources) + ".")


def _air_lines(mission_file: Path) -> None:
    from host_training.bundle import board_plan as planning
    from wire.mission import MissionError, load

    try:
        mission = load(mission_file)
    except MissionError as error:
        raise TrainingError(f"{error}.") from error
    n_bytes = planning.musing_bytes()
    once = planning.airtime_s(mission, n_bytes)
    worse = planning.airtime_s(mission, n_bytes, planning.LOSS)
    _say(f"On the air: {n_bytes} bytes of record ({planning.MUSING_CHARS} characters, "
         f"{planning.CODED_BITS_PER_CHAR} bits each), {once:.2f} s at "
         f"{mission.radio.link}, {worse:.2f} s if half of all frames are lost.")


def doctor(
    place: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path(),
    key: Annotated[Path, typer.Option(help="Signing key.")] = DEFAULT_KEY,
) -> None:
    """Check this machine's readiness for training; exit status 1 if something is missing."""
    from host_training.cli.doctor import examine

    findings = examine(place.absolute(), key.expanduser())
    colours = {"ok": "green", "note": "yellow", "bad": "red"}
    table = Table(show_header=False)
    for found in findings:
        table.add_row(found.what, f"[{colours[found.state]}]{found.state}[/]", found.line)
    console.print(table)
    if bad := [found.what for found in findings if found.state == "bad"]:
        raise TrainingError(f"Not ready to train: {', '.join(bad)}.")


def ollama(
    bundle: BundleArgument,
    out: Annotated[Path, typer.Option(help="Output directory.")],
    trust: TrustOption = None,
) -> None:
    """Write a directory for Ollama, to chat with a bundle on a workstation."""
    from host_training.bundle import ollama
    from host_training.bundle.pack import read_persona_json

    manifest = verify_bundle(bundle, trusted_keys(trust))
    ollama.write(bundle, manifest, read_persona_json(bundle), out)
    _say(f"ollama create {manifest.name.lower()} -f {out / 'Modelfile'}")


def fetch_converter() -> None:
    """Download llama.cpp's own converter once (76 MB, through pip), for other architectures."""
    from host_training.gguf import converter

    _say(f"The converter is in {converter.fetch()}.")


def _check_board(bundle: Path, manifest: Manifest, board: BoardName, ram_mb: float | None) -> None:
    from dataclasses import replace

    from host_training.bundle import board_plan as planning
    from host_training.gguf.metadata import shape_of_gguf

    place = planning.BOARDS[board]
    place = replace(place, ram_mb=ram_mb) if ram_mb else place
    path = bundle / model_file(bundle, manifest).path
    planning.check_fits(place, path.stat().st_size, shape_of_gguf(path),
                        int(manifest.runtime["n_ctx"]))


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
