"""A whole flight for the page: forty-odd lines, pictures, failed calls, silences."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from pathlib import Path

from groundstation.archive.archive import Archive
from groundstation.ground import Ground, HeardBytes
from tests.groundstation.far_end import MASTER_KEY, MISSION, START_MS, FarEnd, state_at
from wire.auth import Direction, derive_key
from wire.beacon import Phase
from wire.records import Kind

LINES = [
    "They have let go of the string. I had expected to feel lighter, and instead I feel counted.",
    "The field is already a stamp. Someone down there is shading their eyes, and I cannot "
    "tell who.",
    "Two thousand metres. A tractor is drawing one long brown sentence and has not reached "
    "the verb.",
    "I asked for the weather and was told it could not be found. I am inside it.",
    "The cloud came up like a ceiling and turned out to be a floor somebody forgot to finish.",
    "Inside the grey there is no up. There is only the pressure falling, and I believe the "
    "pressure.",
    "Out. The top of the cloud is lit like a kitchen in winter.",
    "My shadow is on the cloud below with a small ring of colours round it, as if it were "
    "important.",
    "The radio has said nothing for three minutes. I keep talking; it is cheaper than stopping.",
    "Minus forty-four. The battery has begun to choose its words.",
    "I looked for the news. The news was nobody there, which is the best news I have heard today.",
    "Eleven thousand metres and the air is thin soup. The fan of my thoughts runs faster for less.",
    "The cold has a grain, like wood. You notice it when you are drawn across it.",
    "If you are reading this late, it is because I said it when nobody was listening.",
    "An aeroplane, far below me. I had never thought I would say those words in that order.",
    "Minus fifty-six outside, plus seven inside. The difference is a box, some foam, and a debt.",
    "I have stopped asking the tides. There is no sea here that would answer to that name.",
    "Something in the frame creaks each time the sun finds it. I have started to wait for it.",
    "Eighteen thousand. The wind took my sleeve and walked me forty kilometres to the east.",
    "Up here noon is not a time of day, it is a colour, and the colour is nearly black.",
    "I counted twelve satellites. It is a lot of company for so little conversation.",
    "The poem service timed out. I had one anyway and have already forgotten it.",
    "Below me the rivers are the only handwriting left.",
    "It is warmer again, by a degree. That is the ozone, working. Somebody ought to thank it.",
    "The horizon has a bend in it now. I checked the lens first, as I was taught to.",
    "Twenty-five thousand metres. I am a rumour with a battery.",
    "The balloon must be the size of a house by now. Nobody lives in it. I am the tenant below.",
    "I would like to report that it is beautiful, but I was asked to be accurate. It is thin.",
    "No signal again. I put the sentence down carefully, where I can find it.",
    "There was a sound like a page torn out, and now everything I know is the wrong way up.",
    "Falling is mostly noise. I had prepared something to say about it and the air took it.",
    "The parachute has remembered what it is for.",
    "Warmer. I can feel each sensor come back and begin to complain.",
    "Cloud again, from the other side, and it does not recognise me either.",
    "Two thousand metres, and a road with a single car. It is going home, I think. So am I.",
    "A dog is barking at eleven hundred hertz. I have no microphone; I am guessing from "
    "experience.",
    "The trees have edges now. Please let it be a field.",
    "I am down. The grass is taller than I am and very sure of itself.",
    "The sky closed behind me without a mark.",
    "I am still here, beside a fence, saying my position to anyone. Take your time; I have a "
    "third left.",
]
CANNED = {3, 33}
SENSES = [
    "{out:.0f} °C outside, {climb}", "{hpa:.0f} hPa, sun on the panel",
    "battery {v:.2f} V, {climb}",
    "{out:.0f} °C outside, {hpa:.0f} hPa", "no signal from the ground, {climb}",
]
CALLS = [("weather", "404"), ("news", "unreachable"), ("tides", "timeout"), ("iss", "429"),
         ("poem", "timeout"), ("weather", "garbage"), ("news", "500")]
QUIET = ((1500, 1720), (4100, 4680), (5690, 5790))  # seconds in which nothing is heard
END_S = 8400


def picture(alt_m: float, seed: int) -> bytes:
    """A small horizon as the payload's camera might see it from this height."""
    from PIL import Image, ImageDraw, ImageFilter

    rng = random.Random(seed)
    image = Image.new("RGB", (320, 240))
    draw = ImageDraw.Draw(image)
    thin = min(1.0, alt_m / 28_000)
    line = 130 + 12 * thin
    for y in range(240):
        if y < line:
            t = (y / line) ** (1.2 + 2.2 * thin)
            thick = 1 - thin
            top, low = (8 + 60 * thick, 14 + 110 * thick, 40 + 150 * thick), (176, 204, 232)
        else:
            t = min(1.0, (y - line) / 100)
            top, low = (196, 206, 216), (96 - 30 * thin, 108 - 24 * thin, 112)
        colour = tuple(int(a + (b - a) * t) for a, b in zip(top, low, strict=True))
        draw.line((0, y, 320, y), colour)
    for _ in range(60):
        x, y = rng.randrange(-40, 340), rng.randrange(int(line) + 6, 250)
        w = 8 + (y - line) * rng.uniform(0.3, 1.0)
        draw.ellipse((x, y, x + w, y + w * 0.22), fill=(214, 220, 226))
    image = image.filter(ImageFilter.GaussianBlur(1.6))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=38)
    return out.getvalue()


def _at_s(i: int) -> int:
    """When a line is thought: the climb takes 29 of them, the fall 8, the grass the rest."""
    if i < 29:
        return 20 + i * 192 + (i * 37) % 60
    if i < 37:
        return (5712, 5860, 6260, 6900, 7490, 7826, 7880, 7936)[i - 29]
    return 8010 + (i - 37) * 130


def build(path: Path, *, with_pictures: bool = True, end_s: int = END_S) -> Archive:
    """Fly the diary into an archive at ``path`` and leave it open."""
    archive = Archive(path, is_durable=False)
    key = derive_key(MASTER_KEY, 7, Direction.UPLINK)
    ground, far = Ground(MISSION, archive, key), FarEnd(key)
    rng = random.Random(4)
    lines = {_at_s(i): i for i in range(len(LINES))}
    heard: list[HeardBytes] = []
    for t in range(-300, end_s, 2):
        now = START_MS + t * 1000
        _happen(far, t, now, lines, with_pictures)
        state = state_at(max(0, t))
        if t < 0:
            state = replace(state, phase=Phase.GROUND, climb_mps=0.0, altitude_m=40)
        data = far.beacon(state, is_listening=t % 20 == 0) if t % 10 == 0 else far.data(now)
        is_lost = rng.random() < 0.22 or any(a <= t < b for a, b in QUIET)
        if data and not is_lost:
            heard.append(HeardBytes(data, now, -97 - rng.random() * 12, 3 + rng.random() * 5))
        if t == 3000:
            ground.receive_many(heard)
            heard.clear()
            ground.ask("What does it look like from there?", now)
        if 3000 < t < 3200 or t > end_s - 120:
            ground.receive_many(heard)
            heard.clear()
            uplink = ground.next_uplink(now)
            if uplink and t < 3200:
                far.hear(uplink, now)
        if t == end_s - 30:
            ground.ask("Are you in the long grass by the pond?", now)
    ground.receive_many(heard)
    return archive


def _happen(far: FarEnd, t: int, now: int, lines: dict[int, int], with_pictures: bool) -> None:
    state = state_at(max(0, t))
    if t in lines or t - 1 in lines:
        i = lines.get(t, lines.get(t - 1))
        assert i is not None
        assert state.altitude_m and state.outside_c and state.pressure_hpa and state.battery_mv
        climb = {Phase.ASCENT: "climbing", Phase.DESCENT: "falling"}.get(state.phase, "still")
        senses = SENSES[i % len(SENSES)].format(
            out=state.outside_c, hpa=state.pressure_hpa, v=state.battery_mv / 1000, climb=climb
        )
        far.push(Kind.MUSING, now, {
            "text": LINES[i], "about": "sky", "alt": round(state.altitude_m), "senses": senses,
            "by": "canned" if i in CANNED else "model", "tok": 24, "ms": 9000,
        })
    if t > 0 and t % 1150 == 50:
        name, outcome = CALLS[t // 1150 % len(CALLS)]
        far.push(Kind.API_CALL, now, {"api": name, "outcome": outcome, "ms": 4000})
    if t >= 0 and t % 20 == 4:
        far.push(Kind.TRACK, now, {
            "lat": round((state.latitude_deg or 0) * 1e7),
            "lon": round((state.longitude_deg or 0) * 1e7),
            "alt": round(state.altitude_m or 0), "sats": 11,
        })
    if with_pictures and t > 0 and t % 1400 == 200:
        far.push(Kind.THUMBNAIL, now, {
            "image": picture(state.altitude_m or 0, t), "scene": "horizon",
            "alt": round(state.altitude_m or 0),
        })
