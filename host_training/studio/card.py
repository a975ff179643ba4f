"""Step 8, the memory card: a folder with the persona, its mission file and what to do with them."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

import tomlkit
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from host_training.studio.answers import NotDone, as_json, posted
from host_training.studio.state import has_bundle, need
from host_training.studio.studio_folder import PROJECT, StudioFolder, files_below
from wire.bundle import BundleError, Manifest, verify_bundle
from wire.mission import load

README = "READ ME FIRST.txt"
SPARE_BYTES = 50_000_000
NAME_CHARS_MAX = 16  # of a payload
TEXT = """\
{name}, an AI persona, version {version}
{line}

In this folder:
  persona       what {name} is: the model, its memory and its signature
  mission.toml  the settings of a flight, which trust {name}'s signature

What to do with it, on a Raspberry Pi that was set up as docs/pi.md describes:

1. Open mission.toml in an editor and enter your callsign, your radio and your sensors.
2. Copy this folder to the Pi, for example onto a USB stick.
3. On the Pi, in this folder:
     sudo cp mission.toml /var/lib/spacepi/mission.toml
     sudo rm -rf /var/lib/spacepi/persona
     sudo cp -R persona /var/lib/spacepi/persona
4. On the Pi, in the folder of spacepi:
     sudo sh systemd/install.sh
     spacepi-preflight
   Its last line says GO.

{name} was trained on private writing. What it says in flight, everybody can hear.
Keep the signing key, ~/.config/spacepi/bundle.key: only with it the next version is trusted too.
"""


def routes(studio: StudioFolder) -> list[Route]:
    """Of this step."""
    return [Route("/api/card", partial(_card, studio)),
            Route("/api/card", partial(_write, studio), methods=["POST"])]


async def _card(studio: StudioFolder, request: Request) -> Response:
    """The files at the top of the folder; none if it has not been written yet."""
    found = sorted(studio.card.iterdir()) if studio.card.exists() else []
    return as_json({"folder": str(studio.card), "files": [
        {"name": path.name, "is_folder": path.is_dir(),
         "bytes": sum(about.st_size for _, about in files_below(path)) if path.is_dir()
         else path.stat().st_size} for path in found]})


async def _write(studio: StudioFolder, request: Request) -> Response:
    await posted(request)
    need(has_bundle(studio), "There is no persona to take along yet; train it first.")
    try:
        await run_in_threadpool(write, studio)
    except BundleError as error:
        raise NotDone(f"The persona is damaged ({error}); train it again.", 500) from error
    except OSError as error:
        raise NotDone(f"The folder cannot be written ({error.strerror}); make room on the disk and"
                      " try again.", 507) from error
    return as_json({"folder": str(studio.card)})


def write(studio: StudioFolder) -> None:
    """Make the folder anew. Raises BundleError, OSError; then the old one is as it was."""
    manifest = verify_bundle(studio.bundle, None)
    partial_card = studio.root / "sd-card.part"
    shutil.rmtree(partial_card, ignore_errors=True)
    n_bytes = sum(file.bytes for file in manifest.files) + SPARE_BYTES
    if shutil.disk_usage(studio.root).free < n_bytes:
        raise OSError(28, f"{n_bytes / 1e6:.0f} MB are needed")
    shutil.copytree(studio.bundle, partial_card / "persona")
    _write_mission(partial_card / "mission.toml", manifest)
    title = f"{manifest.name}, an AI persona, version {manifest.version}"
    (partial_card / README).write_text(TEXT.format(
        name=manifest.name, version=manifest.version, line="=" * len(title)), encoding="utf-8")
    verify_bundle(partial_card / "persona", [manifest.public_key])
    shutil.rmtree(studio.card, ignore_errors=True)
    os.replace(partial_card, studio.card)


def _write_mission(path: Path, manifest: Manifest) -> None:
    """The example mission, which trusts this persona and is called like it."""
    document = tomlkit.parse((PROJECT / "mission.toml").read_text(encoding="utf-8"))
    document["payload"]["name"] = manifest.name[:NAME_CHARS_MAX]
    document["mind"]["bundle"] = "persona"
    document["mind"]["trusted_keys"] = [manifest.public_key.hex()]
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
    load(path)
