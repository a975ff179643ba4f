"""What the page of the ground station costs those who look at it, with a flight of 5,000 positions.

The flight is the simulator's, slow and nine hours long. It is flown as fast as possible, and goes
on with a beacon a second while Chromium looks at it. The processor's time is that of all of
Chromium's processes, which also draw the pixels: there is no graphics card. A frame lasts from one
to the next as the page sees it. Both are worse on a machine that others use.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from bench.chromium import Browser
from bench.report import Figure
from groundstation.reading.reader import FlightReader
from sim.balloon import Launch
from sim.live import LivePage, reserve
from sim.scenario import Conditions
from sim.world import PersonaParts, World
from wire.mission import Mission, load

MISSION = Path(__file__).resolve().parents[1] / "mission.toml"
SEED, POINTS = 11, 5_000
LAUNCH = Launch(1_790_000_000_000, 120, 30_000.0, 0.75, 5.0)
CAPACITY_MAH, LOSS = 20_000, 0.02  # for nine hours, most of which are heard
LOOK_EVERY_S = 600.0
REST_S = 3.0  # after an opening, until nothing more is loaded
BEACONS, WAIT_S = 40, 5.0
SECONDS = 15
SCREENS = {"wide": (1440, 900), "phone": (412, 915)}
READY = "document.body?.classList.contains('complete')"
DRAWN = {"read": "document.querySelectorAll('#feed article').length >= 200",
         "chase": "document.querySelectorAll('.uplot').length === 4"}
WATCH = """
window.seen = [];
new MutationObserver(() => seen.push(performance.timeOrigin + performance.now()))
  .observe(document.getElementById('altitude'), { subtree: true, childList: true });
"""
SCROLL = """
window.frames_ms = [];
window.last = performance.now();
let by = 60;
requestAnimationFrame(function step() {
  const at = performance.now();
  frames_ms.push(at - last);
  last = at;
  const height = document.documentElement.scrollHeight - innerHeight;
  if (scrollY + by > height || scrollY + by < 0) by = -by;
  scrollBy(0, by);
  requestAnimationFrame(step);
});
"""
LOADED = ("['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))"
          ".reduce((sum, each) => sum + each.transferSize, 0)")


class LongFlight:
    """A world that has made POINTS positions, and makes more."""

    def __init__(self, folder: Path) -> None:
        plan = load(MISSION)
        power = plan.power.model_copy(update={"capacity_mah": CAPACITY_MAH})
        self.mission: Mission = plan.model_copy(update={"power": power})
        self.world = World(self.mission, SEED, "scripted", folder, None, PersonaParts(),
                           Conditions(launch=LAUNCH, charge=1.0, down_loss=LOSS))
        with closing(FlightReader(self.world.archive_path, self.mission)) as reader:
            while len(reader.tracks().verified) < POINTS:
                self.world.run_until(self.world.clock.now_s + LOOK_EVERY_S)

    def next_beacon(self) -> float:
        """Fly until one more is heard; when that was, seconds of the machine's clock."""
        newest = self._beacons()
        while True:
            at_s = time.time()
            self.world.run_until(self.world.next_event_s())
            if self._beacons() > newest:
                return at_s

    def _beacons(self) -> int:
        assert self.world.archive is not None
        found: int = self.world.archive.db.execute("SELECT MAX(id) FROM beacon").fetchone()[0]
        return found


@contextmanager
def looking() -> Iterator[tuple[LongFlight, Browser, str]]:
    """The flight, a browser, and the address of the page."""
    with tempfile.TemporaryDirectory() as place:
        flight = LongFlight(Path(place) / "flight")
        world = flight.world
        page = LivePage(world.archive_path, flight.mission, lambda: world.clock.utc_ms,
                        reserve("127.0.0.1", 0))
        with closing(page), closing(Browser(Path(place) / "profile")) as browser:
            yield flight, browser, page.address
        world.close()


def rows(out_dir: Path) -> list[Figure]:
    """All of it, in three minutes; the plot goes to ``out_dir``."""
    found: list[Figure] = []
    frames_ms: dict[str, list[float]] = {}
    with looking() as (flight, browser, address):
        found += _first_load(browser, address)
        late_s = _to_the_page(flight, browser)
        found.append(Figure("beacon to page, p95", _p95(late_s), "s", 0.3, "<=",
                            {"median": statistics.median(late_s)}))
        for room in DRAWN:
            for screen, size in SCREENS.items():
                _open(browser, f"{address}#{room}", size, DRAWN[room])
                where = f"{room}, {screen}"
                found.append(Figure(f"processor at a beacon a second, {where}",
                                    _processor_percent(flight, browser), "%", 10, "<="))
                frames_ms[where] = _scrolling(flight, browser)
                found.append(Figure(f"frame while scrolling, p95, {where}", _p95(frames_ms[where]),
                                    "ms", 50, "<=",
                                    {"median": statistics.median(frames_ms[where])}))
    out_dir.mkdir(parents=True, exist_ok=True)
    plot(late_s, frames_ms, out_dir / "ground_page.png")
    return found


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _open(browser: Browser, url: str, size: tuple[int, int], until: str = "true") -> None:
    browser.open("about:blank", until="location.href === 'about:blank'")
    browser.size(*size)
    browser.requests.clear()
    browser.open(url, until=f"{READY} && ({until})")
    time.sleep(REST_S)


def _first_load(browser: Browser, address: str) -> list[Figure]:
    """Of Read on the largest screen, pictures and stream included, with an empty cache."""
    browser.call("Network.clearBrowserCache")
    _open(browser, address, SCREENS["wide"], DRAWN["read"])
    loaded_kb = browser.value(LOADED) / 1000  # which also takes in what was asked for meanwhile
    pictures = sum("/picture/" in url for url in browser.requests)
    return [
        Figure("first load, requests", len(browser.requests), "", 25, "<=", {"pictures": pictures}),
        Figure("first load, transferred", loaded_kb, "kB", 150, "<="),
    ]


def _to_the_page(flight: LongFlight, browser: Browser) -> list[float]:
    """Seconds from the air to the number in the strip."""
    browser.value(WATCH)
    late_s: list[float] = []
    for _ in range(BEACONS):
        at_s = flight.next_beacon()
        browser.wait(f"seen.length > {len(late_s)}", WAIT_S)
        late_s.append(browser.value("seen.at(-1)") / 1000 - at_s)
    return late_s


def _live(flight: LongFlight) -> None:
    """A beacon a second, for SECONDS."""
    begun_s = time.monotonic()
    for second in range(1, SECONDS + 1):
        flight.next_beacon()
        time.sleep(max(0.0, begun_s + second - time.monotonic()))


def _processor_percent(flight: LongFlight, browser: Browser) -> float:
    """Of one core, for each beacon; on a machine that is late they come slower."""
    before_s = processor_s(browser.process_id)
    _live(flight)
    return 100 * (processor_s(browser.process_id) - before_s) / SECONDS


def processor_s(root: int) -> float:
    """Seconds that this process and those below it have used, of those that live."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(entry.name)] = int(fields[1])
        used[int(entry.name)] = int(fields[11]) + int(fields[12])
    below = {root}
    while more := {each for each, parent in parents.items() if parent in below} - below:
        below |= more
    return sum(used.get(each, 0) for each in below) / os.sysconf("SC_CLK_TCK")


def _scrolling(flight: LongFlight, browser: Browser) -> list[float]:
    """Milliseconds of each frame while the page scrolls up and down, and beacons come."""
    browser.value(f"(() => {{ {SCROLL} }})()")
    _live(flight)
    found: list[Any] = browser.value("frames_ms")
    return [float(each) for each in found[1:]]


def plot(late_s: list[float], frames_ms: dict[str, list[float]], path: Path) -> None:
    """Each value beside its rank, with the target."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    for axis, lines, goal, unit in (
            (left, {"beacon to page": late_s}, 0.3, "s"), (right, frames_ms, 50.0, "ms")):
        for name, values in lines.items():
            share = [100 * (rank + 1) / len(values) for rank in range(len(values))]
            axis.plot(sorted(values), share, label=name)
        axis.axvline(goal, color="black", linewidth=0.8, label="target of 95 %")
        axis.axhline(95, color="black", linewidth=0.8)
        axis.set(xlabel=unit, ylabel="% are shorter", xlim=(0, 3 * goal), ylim=(0, 101))
        axis.legend(fontsize=8)
    left.set_title("a beacon, from the air to the page")
    right.set_title("a frame while scrolling")
    figure.savefig(path, dpi=110, bbox_inches="tight")
