"""Horus as sound: bit for bit what the peer's encoder makes, and heard by its demodulator in noise.

Beside it is a plain modulator of the peer's own symbols, so that what is measured is ours and not
the noise's.
"""

from __future__ import annotations

import itertools
import random
from array import array
from typing import Any

import pytest

from payload.link import horus_fsk
from wire import horus
from wire.beacon import Beacon
from wire.horus import Packet

pytest.importorskip("horusdemodlib")
np = pytest.importorskip("numpy")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # audioop, asn1tools
HERE = Beacon(time_of_day_s=45_000, latitude_deg=52.1, longitude_deg=-3.2, altitude_m=9000)
STATE = Packet("N0CALL-11", 7, HERE, "", None, 1)
MUSING = Packet("N0CALL-11", 8, HERE, "The cold is honest up here.", None, 1)
BITS_PER_S = 200
SPACING_HZ = 270


def frames() -> list[bytes]:
    return [horus.encode(STATE, 64), horus.encode(MUSING, 64)]


def encoder() -> Any:
    from horusdemodlib.encoder import Encoder
    return Encoder()


@pytest.mark.parametrize("size", horus.FRAME_SIZES)
def test_every_bit_is_the_peers(size: int) -> None:
    for seed in range(20):
        frame = random.Random(seed).randbytes(size)
        assert horus_fsk.coded(frame) == encoder().horus_l2_encode_packet(frame)[0]


@pytest.mark.parametrize("size", horus.FRAME_SIZES)
def test_it_sounds_as_long_as_it_says(size: int) -> None:
    sound = horus_fsk.samples(bytes(size))
    assert len(sound) / 2 / horus_fsk.RATE_HZ == horus_fsk.duration_ms(size) / 1000


def test_no_step_between_two_samples_is_larger_than_a_tone_makes() -> None:
    """Goal: continuous phase, or it splashes over the band. Method: the steepest sine there is."""
    sound = array("h", horus_fsk.samples(frames()[0], level_percent=100))
    top_hz = horus_fsk.BASE_HZ + 3 * horus_fsk.SPACING_HZ
    steepest = 32_000 * 2 * 3.1416 * top_hz / horus_fsk.RATE_HZ
    assert max(abs(b - a) for a, b in itertools.pairwise(sound)) <= steepest
    assert max(sound) <= 32_000 and max(array("h", horus_fsk.samples(frames()[0], 10))) <= 3_200


def peers(frame: bytes) -> Any:
    """The peer's symbols as sines, one after the other."""
    symbols = encoder().bytes_to_4fsk_symbols(encoder().horus_l2_encode_packet(frame)[0])
    tones = np.repeat([1_000 + 270 * symbol for symbol in symbols], horus_fsk.SAMPLES_PER_SYMBOL)
    return np.sin(2 * np.pi * np.cumsum(tones) / horus_fsk.RATE_HZ) * 16_000


def heard(sound: Any, eb_n0_db: float, seed: int) -> bytes:
    """What the peer's demodulator makes of it, with half a second of noise before and after.

    ``eb_n0_db`` is of one of the 200 bits a second; in 3 kHz of noise it is 11.8 dB less.
    """
    from horusdemodlib.demod import HorusLib, Mode
    rate_hz = horus_fsk.RATE_HZ
    quiet = np.zeros(rate_hz // 2)
    level = 16_000 / 4  # so that the noise is not clipped
    noise_power = level**2 / 2 / BITS_PER_S * rate_hz / 2 / 10 ** (eb_n0_db / 10)
    noisy = np.concatenate((quiet, sound / 4, quiet))
    noisy += np.random.default_rng(seed).normal(0, noise_power**0.5, len(noisy))
    data = noisy.clip(-32_768, 32_767).astype("<i2").tobytes()
    found = b""
    with HorusLib(mode=Mode.BINARY, tone_spacing=SPACING_HZ, sample_rate=rate_hz) as modem:
        def take(frame: Any) -> None:
            nonlocal found
            found = frame.data if frame.crc_pass else found

        modem.callback = take
        for at in range(0, len(data), 1_600):
            modem.add_samples(data[at : at + 1_600])
    return found


def ours(frame: bytes) -> Any:
    return np.frombuffer(horus_fsk.samples(frame), dtype="<i2").astype(float)


@pytest.mark.parametrize("frame", frames(), ids=["state", "musing"])
def test_the_peers_demodulator_hears_it(frame: bytes) -> None:
    found = heard(ours(frame), 20.0, 1)
    assert found == frame
    assert horus.decode(found) == horus.decode(frame) is not None


@pytest.mark.thorough
@pytest.mark.parametrize(("eb_n0_db", "least"), [(20.0, 12), (10.0, 8), (8.0, 5), (6.0, 1)])
def test_at_falling_snr_it_is_heard_as_the_peers_own(eb_n0_db: float, least: int) -> None:
    """Goal: nothing is lost in our sound. Method: twelve noises, the peer's symbols beside ours.

    Of 40 noises at 8 dB, 31 frames of ours were heard and 30 of the peer's.
    """
    frame = frames()[1]
    own, other = ours(frame), peers(frame)
    counts = [sum(heard(sound, eb_n0_db, seed) == frame for seed in range(12))
              for sound in (own, other)]
    assert min(counts) >= least and abs(counts[0] - counts[1]) <= 6, counts


@pytest.mark.thorough
def test_in_nothing_but_noise_nothing_is_heard() -> None:
    assert heard(np.zeros(5 * horus_fsk.RATE_HZ), 0.0, 1) == b""
