"""Commands for remote training, and for adding new writing to a persona."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from host_training.cli.bundles import DEFAULT_KEY, SeedOption, say_how_it_flies
from host_training.cli.progress import progress_shown, quiet_libraries
from host_training.errors import TrainingError
from host_training.training import known_bases

console = Console()

PersonaArgument = Annotated[Path, typer.Argument(metavar="PERSONA_DIR",
                                                 help="Persona directory.")]
BaseOption = Annotated[Path, typer.Option(
    help="Base model: smollm2, which is downloaded once, or a local Hugging Face folder.")]
WorkOption = Annotated[Path | None, typer.Option(help="Run directory; default: OUT.run.")]
MethodOption = Annotated[Literal["lora", "dora", "qlora", "full"], typer.Option(
    help="Fine-tuning method.")]
EpochsOption = Annotated[int, typer.Option(min=1, max=100, help="Maximum number of epochs; the "
                                           "best is kept.")]
VariantsOption = Annotated[int, typer.Option(min=1, max=100,
                                             help="Contexts sampled for every thought.")]
OutOption = Annotated[Path, typer.Option(help="Output bundle directory.")]
QuantOption = Annotated[str, typer.Option(help="auto, or a type like Q4_K_M.")]
KeyOption = Annotated[Path, typer.Option(help="Signing key, created on first use.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the ``spacepi-train`` of ``__main__``."""
    for command in (job, adopt, feed, adapter):
        app.command()(command)


def job(
    persona_dir: PersonaArgument,
    out: Annotated[Path, typer.Option(help="Output folder.")],
    base: BaseOption = known_bases.DEFAULT,
    work: WorkOption = None,
    method: MethodOption = "lora",
    epochs: EpochsOption = 3,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    variants: VariantsOption = 2,
    seed: SeedOption = 1,
) -> None:
    """Pack a training job into one folder for a rented GPU: sh run.sh there, adopt here."""
    quiet_libraries()
    from host_training import pipeline, preflight
    from host_training.training import remote_job as jobs
    from host_training.training import train

    preflight.check_job(persona_dir, base, out, _work(work, out))
    options = pipeline.Options(method, epochs=epochs, lr=lr, variants=variants, seed=seed)
    with progress_shown() as report:
        base = known_bases.resolve(base, lambda line: report("base", 0.0, line))
        prepared = pipeline.prepare(persona_dir, base, _work(work, out), options, report)
    config = train.TrainConfig(method, epochs, lr, seed=seed)
    jobs.pack(prepared[3], base, config, out)
    console.print(f"{out}: copy it to the machine with the GPU and run: sh run.sh. It contains the "
                  "writing in plain text.", soft_wrap=True)


def adopt(
    persona_dir: PersonaArgument,
    source: Annotated[Path, typer.Option("--from", help="Job folder with its result, or folder"
                                                        " of a peft adapter.")],
    out: OutOption,
    base: BaseOption = known_bases.DEFAULT,
    work: WorkOption = None,
    quant: QuantOption = "auto",
    variants: VariantsOption = 2,
    seed: SeedOption = 1,
    key: KeyOption = DEFAULT_KEY,
) -> None:
    """Verify the result of a remote training job and build the bundle from it."""
    quiet_libraries()
    from host_training import pipeline

    options = pipeline.Options(quant=quant, variants=variants, seed=seed)
    with progress_shown() as report:
        manifest = pipeline.run(persona_dir, base, out, _work(work, out), key.expanduser(),
                                options, report, adopted=source)
    console.print(f"Bundle: {out}")
    say_how_it_flies(manifest.public_key)


def feed(
    persona_dir: PersonaArgument,
    new: Annotated[list[Path], typer.Argument(metavar="NEW...", help="Files or folders: exports, or"
                                                                     " a notebook.")],
    out: Annotated[Path, typer.Option(help="Installed bundle; it is replaced by the next"
                                           " version.")],
    base: BaseOption = known_bases.DEFAULT,
    work: WorkOption = None,
    method: Annotated[Literal["auto", "lora", "dora", "qlora", "full"], typer.Option(
        help="Fine-tuning method; auto trains LoRA and full, and keeps the better one.")] = "auto",
    quant: QuantOption = "auto",
    epochs: EpochsOption = 3,
    variants: VariantsOption = 2,
    seed: SeedOption = 1,
    key: KeyOption = DEFAULT_KEY,
) -> None:
    """Add new writing to a persona, train the next version, and print what changed."""
    quiet_libraries()
    from host_training import pipeline
    from host_training.bundle import inspection, pack
    from host_training.corpus import feed
    from wire.bundle import verify_bundle

    old = verify_bundle(out, None)
    options = pipeline.Options(method, quant, epochs, variants=variants, seed=seed)
    with progress_shown() as report:
        base = known_bases.resolve(base, lambda line: report("base", 0.0, line))
        added = feed.add(persona_dir, new)
        try:
            pipeline.prepare(persona_dir, base, _work(work, out), options, report)
        except TrainingError:
            feed.take_back(added)
            raise
        manifest = pipeline.run(persona_dir, base, out, _work(work, out), key.expanduser(),
                                options, report)
    for line in inspection.diff(pack.previous(out), old, out, manifest):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def adapter(
    source: Annotated[Path, typer.Argument(
        metavar="ADAPTER", help="A peft LoRA folder, such as OUT.run/train-lora-*/adapter.")],
    out: Annotated[Path, typer.Option(help="Output GGUF file.")],
    base: BaseOption = known_bases.DEFAULT,
    name: Annotated[str, typer.Option(help="general.name in the file.")] = "persona",
) -> None:
    """Write a LoRA adapter as GGUF: a few megabytes that llama.cpp adds to a base it has."""
    from host_training.training.lora_gguf import export_adapter

    export_adapter(source, known_bases.resolve(base, console.print), out, name)
    console.print(f"{out}: {out.stat().st_size / 1e6:.2f} MB, for llama.cpp's --lora.")


def _work(work: Path | None, out: Path) -> Path:
    return work or out.with_name(out.name + ".run")
