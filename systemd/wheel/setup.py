"""The wheel for the Pi: wire and payload with their dependencies, and nothing else.

The mind is an extra, ``spacepi-payload[mind]``: without it the flight core flies.

Version and dependencies are those of the project's own pyproject.toml. The sources are taken from
the tree, and nothing is written into it: what a build of yesterday left behind would be packed.
"""

import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]

with TemporaryDirectory() as scratch:
    setup(
        name="spacepi-payload",
        version=PROJECT["version"],
        description="The flight computer of spacepi",
        license=PROJECT["license"],
        license_files=["LICENSE"],
        python_requires=PROJECT["requires-python"],
        install_requires=PROJECT["dependencies"] + EXTRAS["payload"],
        extras_require={"mind": EXTRAS["mind"]},
        entry_points={
            "console_scripts": [f"spacepi-payload = {PROJECT['scripts']['spacepi-payload']}"],
        },
        package_dir={"": "../.."},
        packages=find_packages(str(ROOT), include=["wire", "wire.*", "payload", "payload.*"]),
        options={"build": {"build_base": scratch}, "egg_info": {"egg_base": scratch}},
    )
