"""Commands that let a bundle speak: in the terminal, in samples, to chat programs."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from host_training.cli.bundles import (
    BundleArgument,
    SeedOption,
    ThreadsOption,
    TrustOption,
    trusted_keys,
)
from host_training.errors import TrainingError
from wire.bundle import Manifest, verify_bundle

if TYPE_CHECKING:
    from host_training.bundle.chat import PersonaVoice

console = Console()

CONNECTIONS_MAX = 16  # of chat programs, at once


def register(app: typer.Typer) -> None:
    """Add these commands to the ``spacepi-train`` of ``__main__``."""
    for command in (chat, sample, serve):
        app.command()(command)


def chat(bundle: BundleArgument, trust: TrustOption = None, threads: ThreadsOption = 0,
         seed: SeedOption = 1) -> None:
    """Chat in the terminal; /altitude, /phase and other commands set the moment.

    BUNDLE may also be the folder OUT.run of a run that is still evaluating, or was refused.
    """
    from host_training.bundle.conversation import Conversation, UnknownCommand

    disclosure, voice = _opened(bundle, trusted_keys(trust), threads, seed)
    conversation = Conversation(voice)
    console.print(f"[bold]{disclosure}[/bold]\n/help lists the commands; an empty line "
                  "ends the chat.")
    while words := _typed():
        if words.startswith("/"):
            try:
                _say(conversation.command(words))
            except UnknownCommand as error:
                _say(f"{error}.")
        else:
            _say(f"{voice.name} (AI): {conversation.say(words) or '(silence)'}")
    voice.close()


def sample(
    bundle: BundleArgument,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000,
                                       help="Number of musings.")] = 10,
    about: Annotated[list[str] | None, typer.Option(help="Topics to sample from.")] = None,
    threads: ThreadsOption = 0,
    seed: SeedOption = 1,
) -> None:
    """Print musings for random contexts of an imagined flight.

    BUNDLE may also be the folder OUT.run of a run that is still evaluating, or was refused.
    """
    from host_training.importers.notebook import Condition
    from host_training.rows.context_sampler import draw_moment
    from payload.prompt import senses_in_words

    disclosure, voice = _opened(bundle, None, threads, seed)
    rng = random.Random(seed)
    console.print(f"[bold]{disclosure}[/bold]")
    topics = about or ["wind", "sun", "cloud", "cold", "height", "silence", "dark", "self"]
    for _ in range(count):
        moment = draw_moment(Condition(rng.choice(topics)), rng)
        console.print(f"{moment.about}: {senses_in_words(moment)}\n  ", end="", style="dim",
                      markup=False, highlight=False, soft_wrap=True)
        _say(voice.speak(moment) or "(silence)")
    voice.close()


def serve(
    bundle: BundleArgument,
    trust: TrustOption = None,
    host: Annotated[str, typer.Option(help="127.0.0.1 or localhost; no other machine may "
                                           "connect.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8010,
    threads: ThreadsOption = 0,
    seed: SeedOption = 1,
) -> None:
    """Let chat programs on this machine talk to a bundle, through an OpenAI-compatible API."""
    import uvicorn

    from host_training.bundle import endpoint

    if host not in endpoint.LOOPBACK:
        raise TrainingError(f"--host {host}: a persona is served to this machine only; allowed are"
                            f" {', '.join(endpoint.LOOPBACK)}.")
    manifest = verify_bundle(bundle, trusted_keys(trust))
    with listening(host, port) as listener:
        voice = _voice(bundle, manifest, threads, seed)
        name = manifest.name.lower()
        created_s = int(datetime.fromisoformat(manifest.created_utc).timestamp())
        app = endpoint.create_app(voice, name, manifest.disclosure, created_s)
        console.print(f"[bold]{manifest.disclosure}[/bold]")
        _say(f"http://{host}:{port}/v1, model {name}, any key. Ctrl-C ends it.")
        uvicorn.Server(uvicorn.Config(
            app, log_level="warning", access_log=False, ws="none", timeout_graceful_shutdown=2,
            limit_concurrency=CONNECTIONS_MAX)).run(sockets=[listener])
        voice.close()


def listening(host: str, port: int) -> socket.socket:
    """A socket at a free port. Raises TrainingError where it is taken: before a model is loaded."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise TrainingError(f"{host}:{port}: cannot listen ({error.strerror}); choose another"
                            " --port.") from error
    return listener


def _opened(bundle: Path, trusted: Collection[bytes] | None, threads: int, seed: int
            ) -> tuple[str, PersonaVoice]:
    """The disclosure and the voice of a bundle, or of a run directory with a rehearsal."""
    from host_training.bundle import rehearsal

    if rehearsal.is_one(bundle):
        return rehearsal.disclosure(bundle), rehearsal.voice(
            bundle, threads or os.cpu_count() or 1, seed)
    manifest = verify_bundle(bundle, trusted)
    return manifest.disclosure, _voice(bundle, manifest, threads, seed)


def _voice(bundle: Path, manifest: Manifest, threads: int, seed: int) -> PersonaVoice:
    from host_training.bundle.chat import BundleVoice

    return BundleVoice(bundle, manifest, threads or os.cpu_count() or 1, seed)


def _typed() -> str:
    """What was typed; empty at the end."""
    try:
        return console.input("[dim]you:[/dim] ").strip()
    except EOFError:
        return ""


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
