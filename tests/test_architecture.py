"""The walls of the house: who may import whom, and what the flight core may never touch.

Each rule is one test over all sources, and its failure lists every breach of it.
"""

import ast
import gc
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("wire", "payload", "groundstation", "sim", "host_training", "bench", "lock", "tests")
LINES_MAX = 400
FUNCTION_LINES_MAX = 60
COLUMNS_MAX = 100

WORKERS = {
    "payload/mind_worker.py", "payload/mind_server.py", "payload/mind_engine.py",
    "payload/camera_worker.py", "payload/assembly_worker.py", "payload/microphone_worker.py",
    "payload/sound_features.py",  # numpy, for the microphone's worker
    "payload/sight_features.py",  # numpy and Pillow, for the camera's worker
}
COMPOSITION_ROOTS = {"payload/__main__.py", "groundstation/__main__.py", "sim/__main__.py"}
# What each kind of file may import of ours, by prefix; the first row that fits a path counts.
ARROWS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("wire/", ("wire",)),
    ("payload/devices/", ("payload.ports", "payload.plausible", "payload.devices", "wire")),
    ("payload/drivers/", (
        "payload.ports", "payload.sight", "payload.sound", "payload.plausible", "payload.drivers",
        "payload.mind.protocol", "wire",
    )),
    ("payload/mind_engine.py", (
        "payload.ports", "payload.prompt", "payload.mind.drafts", "payload.mind.prefix_cache",
        "wire",
    )),
    ("payload/mind_server.py", (
        "payload.ports", "payload.mind.protocol", "payload.mind.prefix_cache",
        "payload.mind.worker_log", "payload.mind.reranker", "payload.mind_engine",
        "payload.prompt", "wire",
    )),
    ("payload/mind_worker.py", (
        "payload.mind.prefix_cache", "payload.mind.worker_log", "payload.mind_server",
        "payload.llama_library", "wire",
    )),
    ("payload/camera_worker.py", ("payload.sight", "payload.sight_features", "wire")),
    ("payload/sight_features.py", ("payload.sight", "wire")),
    ("payload/microphone_worker.py", ("payload.sound", "payload.sound_features", "wire")),
    ("payload/sound_features.py", ("payload.sound", "wire")),
    ("payload/assembly_worker.py", ("payload.gguf_index", "payload.llama_library", "wire")),
    ("payload/__main__.py", ("payload", "wire")),
    ("payload/", ("payload", "wire")),
    ("groundstation/", ("groundstation", "wire")),
    ("sim/", ("sim", "payload", "groundstation", "wire")),
    ("host_training/", (
        "host_training", "wire", "payload.prompt",
        "payload.mind.memory", "payload.mind.refusals", "payload.mind.reranker",
        "payload.mind.claims", "payload.mind.drafts", "payload.mind_engine",
    )),
)
# What lies in each room, files and folders, in the order in which data walks through: each imports
# from itself and from those before it, never backwards.
ORDER = {
    "payload": (
        "late_imports",
        "notes", "sight", "ports", "sound", "plausible", "prompt", "situation", "health", "power",
        "cutdown", "sensors", "navigation", "storage", "safe_mode", "bus_guard", "hearsay",
        "radio_requests", "api_client", "takes", "eyes", "camera", "ears", "mind", "link",
        "flight_ports", "flight", "flight_log", "preflight", "devices", "drivers", "scan",
        "onboard_files", "sight_features", "camera_worker", "sound_features", "microphone_worker",
        "llama_library", "mind_start", "mind_engine", "mind_server", "mind_worker", "gguf_index",
        "assembly_worker", "assembly", "diary_command", "__main__",
    ),
    "groundstation": (
        "errors", "secret_file", "process_limits", "vendor", "sanitise", "http_call",
        "command_words", "archive", "decode", "sources", "outbox_desk", "uplink", "share",
        "reading", "ground", "export", "inputs", "peers", "control_room", "chat",
        "tle_file", "outbox_commands", "export_command", "passes", "tui", "web", "__main__",
    ),
    "sim": (
        "clock", "sky", "balloon", "orbit", "replay", "battery", "thermal", "questioner", "chips",
        "acoustics", "optics",
        "fakes", "daemon", "radio", "payload_thermal", "spacecraft", "hardware", "fault_schedule",
        "scenario", "world", "swarm", "live", "plot", "trace", "summary", "verify", "faults", "rig",
        "trials", "commands", "swarm_command", "__main__",
    ),
    "host_training": (
        "errors", "stages", "common", "importers", "privacy", "corpus", "rows", "codec",
        "likelihood", "gguf", "training", "quantisation", "evaluation", "bundle", "preflight",
        "pipeline", "studio", "cli", "__main__",
    ),
}
ONLY_IMPORTER = {
    "llama_cpp": (
        "payload/mind_engine.py", "payload/assembly_worker.py", "host_training/", "bench/",
        "tests/",
    ),
    "picamera2": ("payload/camera_worker.py", "tests/"),
    "torch": ("host_training/", "bench/", "tests/"),
}
CLOCK_MODULES = {"time", "socket", "threading", "asyncio", "subprocess", "select"}
CLOCK_CALLS = {
    "time.time", "time.monotonic", "time.sleep", "time.perf_counter", "datetime.now",
    "datetime.utcnow", "random.random", "random.choice", "random.randint", "random.seed",
    "os.urandom", "os.environ",
}
# Files at the edge of a room, which own a socket, a thread or a process.
LIVE_FILES = {
    "groundstation/inputs/gateway.py", "groundstation/web/routes.py", "groundstation/vendor.py",
    "groundstation/web/stream_clients.py", "groundstation/web/server.py",
    "groundstation/web/reader_pool.py", "groundstation/share/upload_thread.py",
    "groundstation/http_call.py", "groundstation/sources/source_thread.py",
    "groundstation/inputs/udp.py", "groundstation/inputs/tcp.py",
    "groundstation/inputs/kiss_server.py", "groundstation/web/lan.py",
    "groundstation/web/forecast_routes.py", "groundstation/inputs/sondehub_poll.py",
    "groundstation/peers/broker.py", "groundstation/peers/exchange.py",
    "groundstation/control_room/joining.py", "groundstation/control_room/room_thread.py",
    "sim/live.py", "sim/fakes/worker_mind.py", "sim/rig/live.py", "sim/rig/processes.py",
    "sim/rig/disk.py",
}

# Of these there is one to each format of bytes, and it is only ever named behind its module:
# kiss.Decoder, ukhas.Decoder.
NAMED_BEHIND_THEIR_MODULE = {"Decoder"}


@pytest.fixture(scope="module", autouse=True)
def _trees_are_no_garbage() -> Iterator[None]:
    """A million nodes are kept; looking for garbage among them takes most of the time."""
    gc.disable()
    yield
    parse.cache_clear()
    gc.enable()


@cache
def sources() -> list[str]:
    return sorted(
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if "node_modules" not in path.parts
    )


@cache
def parse(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


@cache
def imports(path: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_under(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(prefix + ".")


def is_along_an_arrow(path: str, module: str) -> bool:
    """Whether ``path`` may import ``module`` of ours, as docs/architecture.md has it."""
    allowed = next((to for start, to in ARROWS if path.startswith(start)), ROOMS)
    return (
        any(is_under(module, to) for to in allowed)
        and (not is_under(module, "tests") or path.startswith("tests/"))
        and (not is_under(module, "bench") or path.startswith(("bench/", "tests/")))
        and (not is_under(module, "payload.drivers") or path.startswith(
            ("payload/__main__.py", "payload/drivers/", "tests/")))
    )


def test_every_import_of_ours_goes_along_an_arrow() -> None:
    assert [(path, module) for path in sources() for module in imports(path)
            if module.split(".")[0] in ROOMS and not is_along_an_arrow(path, module)] == []


def place_of(path: str) -> tuple[str, str]:
    """(room, file or folder in it) of a module."""
    room, _, rest = path.partition("/")
    return room, rest.removesuffix(".py").split("/")[0]


def ordered() -> list[str]:
    """The modules of the rooms that have an order; data files that happen to be code have none."""
    outside = ("__init__", "examples", "base_model", "node_modules")
    return [p for p in sources() if place_of(p)[0] in ORDER and place_of(p)[1] not in outside]


def test_a_room_imports_one_way() -> None:
    breaches = []
    for path in ordered():
        room, place = place_of(path)
        order = ORDER[room]
        assert place in order, f"{path}: where in the order of {room} does it stand?"
        before = order[: order.index(place) + 1]
        breaches += [(path, module) for module in imports(path)
                     if is_under(module, room) and "." in module
                     and module.split(".")[1] not in before]
    assert breaches == []


def test_heavy_imports_stay_in_their_worker() -> None:
    assert [(path, module) for path in sources() for module, importers in ONLY_IMPORTER.items()
            if any(is_under(name, module) for name in imports(path))
            and not path.startswith(importers)] == []


def is_core(path: str) -> bool:
    rooms = ("wire/", "payload/", "groundstation/", "sim/")
    outside = ("payload/drivers/",)
    exempt = WORKERS | COMPOSITION_ROOTS | LIVE_FILES
    return path.startswith(rooms) and not path.startswith(outside) and path not in exempt


def test_core_is_clockless() -> None:
    """No clock, sleep, socket, thread or global randomness: all of these are passed in."""
    breaches = []
    for path in filter(is_core, sources()):
        breaches += [(path, module) for module in imports(path)
                     if module.split(".")[0] in CLOCK_MODULES]
        breaches += [(f"{path}:{node.lineno}", f"{node.value.id}.{node.attr}")
                     for node in ast.walk(parse(path))
                     if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
                     and f"{node.value.id}.{node.attr}" in CLOCK_CALLS]
    assert breaches == []


DISK_MODULES = ("payload.storage.writer", "payload.storage.database", "payload.storage.retention",
                "payload.storage.salvage", "payload.storage.index_check")
DISK_FILES = {f"{module.replace('.', '/')}.py" for module in DISK_MODULES}
KNOW_THE_DISK = {*DISK_FILES, "payload/storage/small_state.py", "payload/diary_command.py",
                 "payload/__main__.py"}


def test_the_flight_core_knows_its_disk_only_as_a_port() -> None:
    """What waits for the card is the writer's, which runs in a thread of its own."""
    payload = [path for path in sources() if path.startswith("payload/")]
    assert [path for path in payload if "sqlite3" in imports(path)
            and path not in {*DISK_FILES, "payload/mind/memory.py",
                             "payload/diary_command.py"}] == []
    assert [(path, module) for path in payload if path not in KNOW_THE_DISK
            for module in imports(path)
            if any(is_under(module, disk) for disk in DISK_MODULES)] == []


def test_make_check_types_every_room_but_the_tests() -> None:
    types = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert types["strict"] and {*types["packages"], "tests"} == {*ROOMS}


def test_files_and_functions_are_short() -> None:
    long = []
    for path in sources():
        lines = (ROOT / path).read_text().splitlines()
        if len(lines) > LINES_MAX:
            long.append(f"{path} has {len(lines)} lines")
        long += [f"{path}:{number} has {len(line)} columns" for number, line in enumerate(lines, 1)
                 if len(line) > COLUMNS_MAX]
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    long.append(f"{path}: {node.name} has {length} lines")
    assert long == []


def class_names(paths: list[str]) -> dict[str, list[str]]:
    """The files of each class that others may see; a name that begins with _ is its file's own."""
    found: dict[str, list[str]] = {}
    for path in paths:
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(path)
    return found


def test_a_class_name_means_one_thing() -> None:
    """In the tests a class is its file's own, and may be called what it stands in for."""
    paths = [path for path in sources() if not path.startswith("tests/")]
    twice = {name: files for name, files in class_names(paths).items() if len(files) > 1}
    assert twice.keys() == NAMED_BEHIND_THEIR_MODULE, twice
    for path in sources():
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ImportFrom) and not str(node.module).startswith("tests."):
                bare = {alias.name for alias in node.names} & NAMED_BEHIND_THEIR_MODULE
                assert not bare, (path, node.lineno, bare)


def test_files_say_what_they_are() -> None:
    assert [path for path in sources() if not path.endswith("__init__.py")
            and not ast.get_docstring(parse(path))] == []


def test_payload_core_starts_with_the_standard_library_and_five_packages() -> None:
    """On the Pi only wire and payload are installed; this is all that the core may need."""
    allowed = set(sys.stdlib_module_names) | {
        "wire", "payload", "msgpack", "pydantic", "structlog", "typer",
    }
    for path in sources():
        if path.startswith(("wire/", "payload/")) and is_core(path):
            tops = {module.split(".")[0] for module in imports(path)}
            own = {"wire/ed25519.py": {"cryptography"}, "wire/orbit.py": {"sgp4"},
                   "wire/modems/chip_pins.py": {"gpiozero"}}
            assert tops <= allowed | own.get(path, set()), (path, tops - allowed)
