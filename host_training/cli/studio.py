"""The command that opens the studio."""

from __future__ import annotations

import socket
import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from host_training.cli.talking import listening

console = Console()


def register(app: typer.Typer) -> None:
    """Add the command to the ``spacepi-train`` of ``__main__``."""
    app.command()(studio)


def studio(
    folder: Annotated[Path, typer.Argument(
        metavar="[DIR]", help="Folder of the studio, created if missing. Everything is kept in "
                              "it.")] = Path("my-persona"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0: any that "
                                                             "is free.")] = 8020,
    is_opened: Annotated[bool, typer.Option(
        "--browser/--no-browser", help="Open the page in the browser.")] = True,
) -> None:
    """Open a page that leads from your exports to a talking persona, step by step."""
    from host_training.studio.server import create_app, make_server
    from host_training.studio.studio_folder import StudioFolder

    home = StudioFolder(folder.expanduser().absolute())
    with listening("127.0.0.1", port) as listener, home.opened():
        home.prepare()
        link = _link(listener, home.token())
        console.print(f"Your studio is open: {link}\nEverything stays in {home.root}. Ctrl-C "
                      "closes the page; a training that is running goes on.", markup=False,
                      highlight=False, soft_wrap=True)
        if is_opened:
            webbrowser.open(link)
        make_server(create_app(home, home.token())).run(sockets=[listener])


def _link(listener: socket.socket, token: str) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}/?token={token}"
