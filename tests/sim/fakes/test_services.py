"""Camera, internet, minds: what the payload meets behind its ports."""

from __future__ import annotations

import importlib.util
import io
import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from payload.api_client import ApiClient, classify
from payload.camera.camera import picture_flaw
from payload.camera_worker import COLUMNS, ROWS, tiles
from payload.hearsay import Hearsay
from payload.ports import (
    ApiFailed,
    ApiReply,
    ApiRequest,
    MindFailed,
    MindReply,
    MindRequest,
    Picture,
)
from payload.prompt import MUSING_BYTES_MAX, Moment, clean_reply, suffix
from payload.radio_requests import RadioRequests
from payload.situation import Situation
from sim.balloon import SITES, Balloon
from sim.clock import SimClock, part_rng
from sim.fakes import worker_mind
from sim.fakes.board import PI_ZERO_2W
from sim.fakes.camera import SyntheticCamera, thumbnail
from sim.fakes.scenery import HEIGHT, WIDTH, Scenery, View, scene
from sim.fakes.scripted_mind import ScriptedMind
from sim.fakes.services import OUTCOMES, ApiFault, SimHttp, SimWatchdog, WatchdogBite
from sim.fakes.worker_mind import WorkerMind
from sim.sky import Sky
from tests.bundles import sign_bundle
from wire.mission import ApiSection
from wire.records import TILE_BYTES_MAX

DAY = View(20_000, 19_500, 40.0, None, -3.0, False, True, 0.4)


def _view(**changes: object) -> View:
    values = {name: getattr(DAY, name) for name in View.__slots__}
    return View(**(values | changes))  # type: ignore[arg-type]


def _draw(view: View) -> Image.Image:
    return Scenery(part_rng(1, "camera")).draw(view)


def _mean(image: Image.Image, rows: slice) -> float:
    height = image.height
    box = (0, rows.start or 0, image.width, rows.stop or height)
    grey = image.crop(box).convert("L")
    return sum(grey.tobytes()) / (grey.width * grey.height)


@pytest.mark.parametrize(("view", "expected"), [
    (_view(altitude_m=600, above_ground_m=20), "horizon"),
    (_view(altitude_m=3_000, is_in_cloud=True), "cloud"),
    (_view(sun_deg=12.0, sun_x=0.4), "sun"),
    (_view(sun_deg=-12.0), "dark"),
    (_view(altitude_m=30_000, sun_deg=3.0, sun_x=0.6), "sun"),
])
def test_pictures(view: View, expected: str) -> None:
    """Each kind of scene is a small whole picture, the same every time."""
    assert scene(view) == expected
    drawn = _draw(view)
    image = thumbnail(drawn)
    assert picture_flaw(image) is None
    assert 64 < len(image) <= 3_500
    assert _draw(view).tobytes() == drawn.tobytes()
    assert Image.open(io.BytesIO(image)).size == (192, 144)


def test_the_tiles_are_the_same_picture_as_the_thumbnail() -> None:
    """Every tile can be shown alone and fits a record; together they are what the thumbnail is."""
    for view in (DAY, _view(sun_deg=12.0, sun_x=0.4), _view(altitude_m=3_000, is_in_cloud=True)):
        drawn = _draw(view)
        whole = _assembled(tiles(drawn))
        small = Image.open(io.BytesIO(thumbnail(drawn))).convert("RGB")
        assert _distance(whole, drawn) < 4
        assert _distance(whole.resize(small.size, Image.Resampling.BOX), small) < 4
        assert _distance(small.resize(whole.size), drawn) > 1.2 * _distance(whole, drawn)


def _assembled(pieces: tuple[bytes, ...]) -> Image.Image:
    whole = Image.new("RGB", (WIDTH, HEIGHT))
    for place, tile in enumerate(pieces):
        assert picture_flaw(tile, TILE_BYTES_MAX) is None
        row, column = divmod(place, COLUMNS)
        piece = Image.open(io.BytesIO(tile)).convert("RGB")
        whole.paste(piece, (column * WIDTH // COLUMNS, row * HEIGHT // ROWS))
    return whole


def _distance(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of a colour, 0..255."""
    means = ImageStat.Stat(ImageChops.difference(one, other)).mean
    return float(sum(means) / len(means))


def test_the_sky_darkens_with_height_and_night_is_black() -> None:
    low, high, night = (
        _draw(view) for view in
        (_view(altitude_m=500), _view(altitude_m=30_000), _view(sun_deg=-12.0))
    )
    top = slice(0, 67)
    assert _mean(low, top) > 2 * _mean(high, top)
    assert _mean(night, slice(0, HEIGHT)) < 12


def test_the_camera_takes_its_time() -> None:
    weather = Sky(part_rng(1, "sky"))
    balloon = Balloon(part_rng(1, "balloon"), weather, SITES[0])
    clock = SimClock(balloon.start_utc_ms)
    camera = SyntheticCamera(clock, lambda: balloon.state(4_000), weather, part_rng(1, "camera"))
    assert camera.start(0)
    assert not camera.start(0)
    assert camera.poll(0) is None
    clock.now_ms += 3_000
    picture = camera.poll(3_000)
    assert isinstance(picture, Picture)
    assert len(picture.tiles) == picture.columns * picture.rows == COLUMNS * ROWS
    small = Image.open(io.BytesIO(picture.thumbnail)).convert("RGB")
    assert _distance(_assembled(picture.tiles).resize(small.size), small) < 4
    assert camera.poll(3_000) is None


def _ask_world(above_ground_m: float) -> Counter[str]:
    clock = SimClock(0)
    http = SimHttp(clock, part_rng(3, "http"), lambda: above_ground_m)
    outcomes: Counter[str] = Counter()
    for number in range(1_500):
        assert http.start(ApiRequest(number, "weather", "http://api.invalid"), 0)
        clock.now_ms += 60_000
        answer = http.poll(0)
        assert answer is not None
        assert answer.request_id == number
        if isinstance(answer, ApiReply):
            assert len(answer.body) <= 1_024
            outcomes[classify(answer.status, answer.body)[0]] += 1
        else:
            assert isinstance(answer, ApiFailed)
            outcomes[answer.reason] += 1
    return outcomes


def test_the_world_mostly_says_no() -> None:
    """Every outcome the payload can classify occurs; high up hardly anything succeeds."""
    high, low = _ask_world(20_000), _ask_world(100)
    assert set(high) == set(low) == set(OUTCOMES)
    assert high["ok"] < 0.08 * 1_500
    assert 0.2 * 1_500 < low["ok"] < 0.4 * 1_500


def _request(number: int, moment: Moment, seed: int = 1) -> MindRequest:
    return MindRequest(number, "prefix", suffix(moment), "", 1, 10, 64, 0.7, 0.05, seed)


def test_scripted_musings_fit_the_moment_and_pass_the_filter() -> None:
    """What the senses say comes back; 200 lines survive cleaning, and repeats are rare."""
    clock = SimClock(0)
    mind = ScriptedMind(clock)
    moments = [
        Moment("cold", "ascent", 9_000.0, 5.0, -42.0), Moment("height", "ascent", 17_000.0),
        Moment("notfound", "ascent", 9_000.0, api=("tides", "404")),
        Moment("silence", "descent", 9_000.0, silence_min=12.0),
        Moment("question", "ascent", 9_000.0, question="Are you {cold}?"),
        Moment("a-topic-nobody-knows"),
    ]
    lines = []
    for number in range(200):
        assert mind.start(_request(number, moments[number % len(moments)], number), 0)
        assert mind.poll(0) is None
        clock.now_ms += 60_000
        reply = mind.poll(0)
        assert isinstance(reply, MindReply)
        assert clean_reply(reply.drafts[0]) == reply.drafts[0]
        assert len(reply.drafts[0].encode()) <= MUSING_BYTES_MAX
        lines.append(reply.drafts[0])
    assert any("-42" in line for line in lines[0::6])
    assert any("tides" in line.lower() and "404" in line for line in lines[2::6])
    assert any("12 minutes" in line for line in lines[3::6])
    assert len(set(lines)) > 150


def _client(fault: ApiFault) -> tuple[Counter[str], SimHttp]:
    """Outcomes as the core records them, of half an hour in which every request fails this way."""
    clock = SimClock(0)
    http = SimHttp(clock, part_rng(3, "http"), lambda: 100.0)
    http.fault = fault
    client = ApiClient(http, (ApiSection(name="weather", url="http://a.invalid"),), 60,
                       random.Random(1), RadioRequests((), random.Random(2)), Hearsay())
    outcomes: Counter[str] = Counter()
    for second in range(1_800):
        clock.now_ms = second * 1000
        for note in client.update(Situation(now_ms=clock.now_ms), True):
            outcomes[note.body["outcome"]] += 1
    return outcomes, http


@pytest.mark.parametrize(("fault", "outcome"), [
    (ApiFault.TIMEOUT, "timeout"), (ApiFault.UNREACHABLE, "unreachable"),
    (ApiFault.HTML, "garbage"),
    (ApiFault.SERVER_ERROR, "500"), (ApiFault.REDIRECT, "redirected"),
    (ApiFault.GARBAGE, "garbage"), (ApiFault.HUGE, "garbage"),
    (ApiFault.HANGS, "timeout"), (ApiFault.BREAKS, "unreachable"), (ApiFault.OTHER, "timeout"),
])
def test_what_an_api_in_chaos_is_to_the_core(fault: ApiFault, outcome: str) -> None:
    outcomes, _ = _client(fault)
    assert set(outcomes) == {outcome}
    assert outcomes[outcome] >= 3


def test_a_line_that_is_held_is_never_asked() -> None:
    outcomes, http = _client(ApiFault.REFUSES)
    assert set(outcomes) == {"unreachable"}, "a line that is held for long is no line"
    http.fault = None
    assert http.start(ApiRequest(1, "weather", "http://a.invalid"), 0)


def test_the_watchdog_counts_the_time_that_devices_took() -> None:
    """Three stalls in a step are added up; beyond the limit nothing in the daemon can catch it."""
    clock = SimClock(0)
    watchdog = SimWatchdog(clock, limit_ms=30_000)
    for _ in range(3):
        watchdog.block(200)
    watchdog.pet()
    assert (watchdog.longest_wait_ms, watchdog.take_blocked_ms()) == (600, 600)
    assert watchdog.take_blocked_ms() == 0
    clock.now_ms = 20_000
    watchdog.block(10_000)
    with pytest.raises(WatchdogBite):
        watchdog.block(1_000)
    assert watchdog.bites == 1
    assert not issubclass(WatchdogBite, Exception)
    watchdog.start()
    watchdog.block(29_000)


_FAKE_WORKER = """
import os, signal, socket, sys
from payload.mind.protocol import Hello, MessageDecoder, encode
from payload.ports import MindFailed, MindReply
path = sys.argv[sys.argv.index("--socket") + 1]
listener = socket.socket(socket.AF_UNIX)
if os.path.exists(path):
    os.unlink(path)
listener.bind(path)
listener.listen(1)
client, _ = listener.accept()
client.sendall(encode(Hello(os.getpid(), "fake", 512)))
decoder = MessageDecoder()
while data := client.recv(65536):
    for request in decoder.feed(data):
        if "die" in request.suffix:
            os._exit(9)
        if "refuse" in request.suffix:
            client.sendall(encode(MindFailed(request.request_id, "garbage")))
        elif "hang" not in request.suffix:
            text = "Said about " + request.suffix
            client.sendall(encode(MindReply(request.request_id, [text], 100, 30, 40, 7)))
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """(clock, mind) on a small worker that speaks the real protocol."""
    monkeypatch.setattr(worker_mind, "_BOOTSTRAP", _FAKE_WORKER)
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    clock = SimClock(0)
    mind = WorkerMind(clock, tmp_path, bytes(32), tmp_path / "log", 1, real_wait_s=5.0)
    yield clock, mind
    mind.close()


def _think(clock: SimClock, mind: WorkerMind, about: str) -> MindReply | MindFailed:
    assert mind.start(MindRequest(clock.now_ms, "", about, "", 1, 10, 64, 0.7, 0.05, 1), 0)
    for _ in range(100):
        clock.now_ms += 200
        answer = mind.poll(0)
        if answer is not None:
            return answer
    raise AssertionError("no answer in 20 s of simulated time")


def test_the_worker_is_charged_a_pis_time(worker) -> None:
    """The reply exists at once, and is visible when 30 + 40 tokens would have been done."""
    clock, mind = worker
    reply = _think(clock, mind, "cold")
    assert isinstance(reply, MindReply)
    assert reply.drafts[0] == "Said about cold"
    assert reply.elapsed_ms == PI_ZERO_2W.thinking_ms(30, 40)
    assert PI_ZERO_2W.thinking_ms(30, 40) <= clock.now_ms < PI_ZERO_2W.thinking_ms(30, 40) + 200
    assert mind.model == "fake"


def test_a_dead_worker_is_started_again(worker) -> None:
    """It dies while thinking, then between thoughts: one failure, and the next thought works."""
    clock, mind = worker
    died = _think(clock, mind, "die")
    assert isinstance(died, MindFailed)
    assert died.reason == "crashed"
    assert isinstance(_think(clock, mind, "again"), MindReply)
    os.kill(mind.pid, signal.SIGKILL)
    answers = [_think(clock, mind, "after the kill") for _ in range(2)]
    assert isinstance(answers[-1], MindReply)
    assert isinstance(_think(clock, mind, "refuse"), MindFailed)
    assert mind.starts == 3


def test_a_hanging_worker_is_killed_by_cancel(worker) -> None:
    clock, mind = worker
    assert mind.start(MindRequest(1, "", "hang", "", 1, 10, 64, 0.7, 0.05, 1), 0)
    pid = mind.pid
    mind.cancel(0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not mind.is_busy
    assert isinstance(_think(clock, mind, "later"), MindReply)


@pytest.mark.skipif(
    importlib.util.find_spec("llama_cpp") is None, reason="llama-cpp-python is not installed")
def test_a_damaged_model_is_no_model(tmp_path: Path) -> None:
    """The real worker, with a file that only begins like a model, signed as it is."""
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + bytes(100))
    key = sign_bundle(tmp_path)
    clock = SimClock(0)
    mind = WorkerMind(clock, tmp_path, key, tmp_path / "log", 1)
    try:
        answer = _think(clock, mind, "cold")
    finally:
        mind.close()
    assert isinstance(answer, MindFailed)
    assert answer.reason == "no_model"
    assert "llama" in (tmp_path / "log").read_text()


def test_without_a_model_nothing_is_started(tmp_path: Path) -> None:
    clock = SimClock(0)
    mind = WorkerMind(clock, tmp_path / "absent", bytes(32), tmp_path / "log", 1)
    answer = _think(clock, mind, "cold")
    assert isinstance(answer, MindFailed)
    assert (answer.reason, mind.starts) == ("no_model", 0)
    mind.close()
