"""``spacepi-ground links``: the links with which other devices open the page, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from groundstation.outbox_commands import MissionOption, archive_path
from groundstation.web import lan, token_file
from groundstation.web.access import Tokens
from wire.mission import load as load_mission


def links_to(host: str, port: int, tokens: Tokens) -> str:
    """The links to a page that is served on ``host``; they show the tokens."""
    hosts = lan.addresses() if host == lan.EVERY_ADDRESS else [host]
    return lan.links(tokens, hosts, port)


def links(
    mission: MissionOption = Path("mission.toml"),
    new: Annotated[bool, typer.Option(
        "--new", help="Make new links; previous ones stop working at the next start.",
    )] = False,
) -> None:
    """Print the links that open the page of `serve --lan` on other devices, with QR codes."""
    loaded = load_mission(mission)
    folder, host = archive_path(loaded, mission).parent, loaded.ground.web_host
    tokens = None if new else token_file.load(folder)
    served_on = host if lan.is_open(host) else lan.EVERY_ADDRESS
    port = loaded.ground.web_port
    typer.echo(links_to(served_on, port, tokens or token_file.create(folder)))
