"""Topics of musings: those that are true now, weighted by what is new or notable.

Pure. The topics are the words ``about=`` that the persona is trained on
(``host_training/examples/*/notebook``); one that is not true at the moment is never chosen, so that
a thought about the dark comes in the dark. ``moment`` puts the same facts into the prompt.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from payload.navigation.fix_age import NEAR_MS
from payload.prompt import Moment
from payload.situation import Situation
from wire.beacon import Phase

RECENT_TOPICS = 3
NEW_PHASE_S = 180  # how long a launch, a burst or a landing is news
OUTSIDE_WORLD_SHARE = 1 / 3  # of the musings, when an answer or the silence is there to tell of
SILENCE_MIN = 5.0
API_FRESH_S = 600
PICTURE_FRESH_S = 180
SCENE_FRESH_S = 900
BATTERY_NEWS_S = 300
LANDING_M = 1_000.0
HEIGHT_M = 1_500.0
BURST_M_MIN = 3_000.0  # a fall that begins lower is a reboot on the way down
THIN_AIR_HPA = 300.0
THIN_AIR_M = 9_000.0  # where the barometer has ended
HORIZON_M = 15_000.0
CLOUD_TOP_M = 12_000.0
CLOUD_BELOW_M = 3_000.0
CLOUD_HUMIDITY_PCT = 92.0
COLD_C = -20.0
WIND_MPS = 12.0
WIND_M_MAX = 60_000.0
TURNING_DPS, TURNING_FAST_DPS = 6.0, 60.0  # once a minute, and once in six seconds
PANEL_FEEDS_W = 0.1
PANEL_DARK_MV = 1_000.0

PHASE_WORDS: MappingProxyType[Phase, str] = MappingProxyType({
    Phase.GROUND: "ground", Phase.ASCENT: "ascent", Phase.FLOAT: "float",
    Phase.DESCENT: "descent", Phase.LANDED: "landed",
})
_AIRBORNE = frozenset((Phase.ASCENT, Phase.FLOAT, Phase.DESCENT, Phase.INFLIGHT_UNKNOWN))
_RISEN = frozenset((Phase.ASCENT, Phase.FLOAT))

ANSWER = "answer"  # of a source, and what a neighbour's musing is answered under
# outcome of ``payload.api_client`` -> (topic, outcome as prompts say it). Others have no words.
API_TOPICS: MappingProxyType[str, tuple[str, str]] = MappingProxyType({
    "404": ("notfound", "404"),
    "429": ("refused", "429"),
    "500": ("refused", "500"),
    "timeout": ("timeout", "timeout"),
    "unreachable": ("timeout", "timeout"),  # either way no answer came
    "garbage": ("garbage", "garbage"),
    "ok": (ANSWER, "ok"),
})


@dataclass(frozen=True, slots=True)
class Facts:
    """What choosing and prompting look at. None is unknown or not fresh."""

    situation: Situation
    ground_altitude_m: float | None = None
    sun: str | None = None  # high | low | down
    cloud: str | None = None  # below | inside | above
    battery: str | None = None  # good | fair | low
    battery_changed_ms: int | None = None
    api: tuple[str, str] | None = None  # (name, outcome) not yet mused about
    picture_ms: int | None = None

    @property
    def height_m(self) -> float | None:
        """Metres above the ground it left, or above the sea where that is not known."""
        altitude_m = self.situation.altitude_m
        age_s = self.situation.fix_age_s
        if altitude_m is None or (age_s is not None and age_s * 1000 > NEAR_MS):
            return None
        return max(0.0, altitude_m - (self.ground_altitude_m or 0.0))

    @property
    def wind_mps(self) -> float | None:
        """A balloon goes with the air, so its ground speed is the wind; on the ground it is not,
        nor in orbit."""
        height_m = self.height_m
        if self.situation.phase not in _AIRBORNE or height_m is None or height_m > WIND_M_MAX:
            return None
        return self.situation.speed_mps

    @property
    def silence_min(self) -> float:
        """Minutes since the ground was heard, or since boot when it never was."""
        heard_s = self.situation.heard_ground_age_s
        return (self.situation.uptime_s if heard_s is None else heard_s) / 60

    @property
    def phase_age_s(self) -> float:
        return (self.situation.now_ms - self.situation.phase_since_ms) / 1000

    def is_within(self, since_ms: int | None, limit_s: float) -> bool:
        """True when ``since_ms`` is known and at most ``limit_s`` ago."""
        return since_ms is not None and self.situation.now_ms - since_ms <= limit_s * 1000


def cloud_word(
    situation: Situation, scene: str | None, ground_altitude_m: float | None
) -> str | None:
    """Where the cloud is: ``inside`` by humidity, else by the last picture, else None.

    ``scene`` is of a picture not older than SCENE_FRESH_S. Above 12 km humidity says nothing.
    """
    height_m = Facts(situation, ground_altitude_m).height_m
    is_flying = situation.phase in _AIRBORNE
    is_low = height_m is not None and height_m <= CLOUD_TOP_M
    if is_flying and is_low and (situation.humidity_pct or 0) > CLOUD_HUMIDITY_PCT:
        return "inside"
    sights = () if situation.sight is None else situation.sight.seen
    if is_flying and "clouds" in sights and (height_m or 0) > CLOUD_BELOW_M:
        return "below"
    if scene != "cloud" or (is_flying and height_m is None):
        return None
    return "below" if is_flying and (height_m or 0) > CLOUD_BELOW_M else "above"


def spin_word(spin_dps: float | None) -> str | None:
    """How it turns, as prompts say it; None where it hangs still or nobody knows."""
    if spin_dps is None or abs(spin_dps) < TURNING_DPS:
        return None
    return "slow" if abs(spin_dps) < TURNING_FAST_DPS else "fast"


def panel_word(panel_mv: float | None, panel_ma: float | None) -> str | None:
    """What the solar panel does. Lit without a current, as beside a full battery, is neither."""
    if panel_mv is None:
        return None
    if panel_ma is not None and panel_mv * panel_ma / 1e6 >= PANEL_FEEDS_W:
        return "feeding"
    return "dark" if panel_mv < PANEL_DARK_MV else None


def _when(condition: bool, weight: float) -> float:
    return weight if condition else 0.0


def _above(facts: Facts, height_m: float) -> bool:
    return facts.height_m is not None and facts.height_m > height_m


def _battery(facts: Facts) -> float:
    if facts.battery is None:
        return 0.0
    is_news = facts.is_within(facts.battery_changed_ms, BATTERY_NEWS_S)
    return 3.0 if is_news else _when(facts.battery in ("fair", "low"), 1.5)


def _thin_air(facts: Facts) -> float:
    hpa = facts.situation.pressure_hpa
    is_thin = _above(facts, THIN_AIR_M) if hpa is None else hpa < THIN_AIR_HPA
    return _when(facts.situation.phase in _AIRBORNE and is_thin, 2.0)


def _phase_weight(phase: Phase, weight: float) -> Callable[[Facts], float]:
    return lambda facts: _when(facts.situation.phase is phase, weight)


# Chosen at once when true and not just mused about.
_URGENT: tuple[tuple[str, Callable[[Facts], bool]], ...] = (
    ("launch", lambda f: f.situation.phase is Phase.ASCENT and f.phase_age_s < NEW_PHASE_S
     and not _above(f, 2 * HEIGHT_M)),
    ("burst", lambda f: f.situation.phase is Phase.DESCENT and f.phase_age_s < NEW_PHASE_S
     and _above(f, BURST_M_MIN)),
    ("landing", lambda f: f.situation.phase is Phase.DESCENT and f.height_m is not None
     and f.height_m < LANDING_M),
    ("landed", lambda f: f.situation.phase is Phase.LANDED and f.phase_age_s < NEW_PHASE_S),
)
URGENT = frozenset(topic for topic, _ in _URGENT)
# Weights of what is simply true; 0 is not true now.
_SEEN: tuple[tuple[str, Callable[[Facts], float]], ...] = (
    ("ground", _phase_weight(Phase.GROUND, 4.0)),
    ("height", lambda f: _when(f.situation.phase in _RISEN and _above(f, HEIGHT_M), 3.0)),
    ("cold", lambda f: _when((f.situation.outside_c or 0.0) < COLD_C, 2.5)),
    ("thin-air", _thin_air),
    ("horizon", lambda f: _when(
        f.situation.phase in _RISEN and _above(f, HORIZON_M) and f.sun in ("high", "low"), 2.0)),
    ("inside", lambda f: _when(f.situation.phase in _RISEN and _above(f, 1_000), 1.0)),
    ("float", _phase_weight(Phase.FLOAT, 3.0)),
    ("sun", lambda f: _when(f.sun in ("high", "low"), 2.0 if f.sun == "low" else 0.8)),
    ("dark", lambda f: _when(f.sun == "down", 2.0)),
    ("cloud", lambda f: _when(f.cloud is not None, 3.0 if f.cloud == "inside" else 1.5)),
    ("wind", lambda f: _when((f.wind_mps or 0.0) > WIND_MPS, 2.0)),
    ("battery", _battery),
    ("falling", _phase_weight(Phase.DESCENT, 3.0)),
    ("landed", _phase_weight(Phase.LANDED, 4.0)),
    ("picture", lambda f: _when(f.is_within(f.picture_ms, PICTURE_FRESH_S), 2.0)),
    ("self", lambda f: 0.5),
)


def weights(facts: Facts) -> dict[str, float]:
    """Every topic that is true now with its weight; those of the outside world share a third."""
    seen = {topic: weight(facts) for topic, weight in _SEEN}
    seen = {topic: weight for topic, weight in seen.items() if weight > 0}
    outside: list[str] = []
    if facts.api is not None and facts.api[1] in API_TOPICS:
        outside.append(API_TOPICS[facts.api[1]][0])
    if facts.silence_min > SILENCE_MIN:
        outside.append("silence")
    share = sum(seen.values()) * OUTSIDE_WORLD_SHARE / (1 - OUTSIDE_WORLD_SHARE)
    return {**seen, **{topic: share / len(outside) for topic in outside}}


def choose(facts: Facts, recent: list[str], rng: random.Random) -> str:
    """The topic of the next musing.

    ``recent`` are the topics before it, oldest first: the last RECENT_TOPICS are not taken again
    while anything else is true, else the one that was longest ago is.
    """
    last = recent[-RECENT_TOPICS:]
    for topic, is_true in _URGENT:
        if topic not in last and is_true(facts):
            return topic
    candidates = weights(facts)
    fresh = [topic for topic in candidates if topic not in last]
    if not fresh:
        return min(candidates, key=lambda topic: _last_index(last, topic))
    # A third for the outside world, also when some of what is seen was just mused about.
    seen_names = {topic for topic, _ in _SEEN}
    outside = [topic for topic in fresh if topic not in seen_names]
    seen = [topic for topic in fresh if topic in seen_names]
    pool = outside if outside and (not seen or rng.random() < OUTSIDE_WORLD_SHARE) else seen
    return rng.choices(pool, [candidates[topic] for topic in pool])[0]


def moment(facts: Facts, about: str, question: str | None = None) -> Moment:
    """The prompt's view of the facts. An API is mentioned only where the thought is about it."""
    situation = facts.situation
    api = None
    if facts.api is not None:
        topic, outcome = API_TOPICS.get(facts.api[1], (None, ""))
        api = (facts.api[0], outcome) if topic == about else None
    return Moment(
        about=about,
        phase=PHASE_WORDS.get(situation.phase),
        altitude_m=facts.height_m,
        climb_mps=situation.climb_mps,
        outside_c=situation.outside_c,
        inside_c=situation.inside_c,
        pressure_hpa=situation.pressure_hpa,
        humidity_pct=situation.humidity_pct,
        wind_mps=facts.wind_mps,
        sun=facts.sun,
        cloud=facts.cloud,
        battery=facts.battery,
        panel=panel_word(situation.panel_mv, situation.panel_ma),
        spin=spin_word(situation.spin_dps),
        sights=() if situation.sight is None else situation.sight.seen,
        sounds=() if situation.sound is None else situation.sound.heard,
        silence_min=facts.silence_min,
        api=api,
        question=question,
    )


def _last_index(items: list[str], item: str) -> int:
    """Where ``item`` was last, -1 when nowhere."""
    return max((index for index, other in enumerate(items) if other == item), default=-1)
