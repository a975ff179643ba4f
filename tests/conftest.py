"""What all tests share: a file that lacks a library is skipped, no decoder raises unseen, temporary
files are in memory, workers begin with the longest, and the quick set draws fewer examples.

A station survives a decoder that raises; a test of the suite must not, or a bug would hide.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from groundstation.archive.rawlog import Reception
from groundstation.decode.intake import Intake
from tests.spread import Spread, longest_first

OURS = ("wire", "payload", "groundstation", "sim", "host_training", "bench", "lock", "tests")

MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 4 << 30  # free; what all tests leave until their end is a quarter of it

_survive = Intake.note
# On a busy machine drawing examples takes long, which is no fault of a strategy.
settings.register_profile("all", suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(  # of 100 examples, where a test does not say how many
    "quick", settings.get_profile("all"), max_examples=10)


def pytest_configure(config: pytest.Config) -> None:
    # Threads that wait for each other by spinning cost the small models of the tests more than they
    # give, in each worker and in every process that a test starts.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if "TMPDIR" not in os.environ and _has_room(MEMORY):
        # A disk makes every sync wait. What a sync is for is shown on disks whose power is cut, in
        # tests/crash, which need no real one.
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # asked for again
    settings.load_profile("quick" if config.getoption("markexpr") == "not thorough" else "all")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = longest_first(items)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What collecting the tests makes is no garbage. To look through it again and again took a
    third of the time of a simulated flight."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Spread:
    config.option.loadscopereorder = False  # the longest files have the fewest tests
    return Spread(config, log)


def _has_room(folder: Path) -> bool:
    if not os.access(folder, os.W_OK):
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize >= MEMORY_BYTES_MIN


class OptionalModule(pytest.Module):
    """A test file that imports a library which is not installed: one skip that names it.

    With SPACEPI_REQUIRE_ALL=1, as in CI, it is an error.
    """

    def _getobj(self) -> ModuleType:
        try:
            return super()._getobj()
        except self.CollectError as error:
            missing = error.__cause__
            if not isinstance(missing, ModuleNotFoundError) or missing.name is None:
                raise
            if missing.name.split(".")[0] in OURS or os.environ.get("SPACEPI_REQUIRE_ALL") == "1":
                raise
            pytest.skip(f"{missing.name} is not installed", allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
    return OptionalModule.from_parent(parent, path=module_path)


def _raise(_intake: Intake, reception: Reception, error: Exception) -> NoReturn:
    error.add_note(f"reception {reception.reception_id}: {reception.raw[:4096].hex()}")
    raise error


@pytest.fixture(scope="session", autouse=True)
def _decoders_that_raise_are_seen() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Intake, "note", _raise)
        yield


@pytest.fixture
def survival(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this test a decoder that raises is survived, as in the field."""
    monkeypatch.setattr(Intake, "note", _survive)
