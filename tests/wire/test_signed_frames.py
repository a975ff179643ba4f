"""Signed downlink frames: the plain bytes and a proof; nothing that was touched comes out."""

import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.test_frames import DOWNLINK, KEY
from tests.wire.test_frames import GOLDEN as PLAIN
from wire import auth, frames, mission
from wire.auth import Authenticity, Direction
from wire.frames import BeaconFrame, DataFrame, FrameCounter, IdentFrame, ImpostorFrame
from wire.incoming import Receiver
from wire.records import Kind, Record, TimeQuality
from wire.transfer import Sender

GOLDEN_DIR = Path(__file__).parent.parent / "golden"
GOLDEN = json.loads((GOLDEN_DIR / "signed_frames.json").read_text())
EXAMPLE = (Path(__file__).resolve().parents[2] / "mission.toml").read_text()
KEYS = {7: KEY}
FRAMES = st.one_of(
    st.builds(
        BeaconFrame, st.just(7), st.builds(FrameCounter, st.integers(0, 15), st.integers(0, 4095)),
        st.binary(min_size=24, max_size=24), st.booleans(), st.just(Authenticity.GENUINE),
    ),
    st.builds(
        DataFrame, st.just(7), st.builds(FrameCounter, st.integers(0, 15), st.integers(0, 4095)),
        st.integers(0, 3), st.integers(0, 65535), st.integers(1, 256), st.integers(0, 65535),
        st.binary(min_size=1, max_size=209), st.booleans(), st.just(Authenticity.GENUINE),
        st.none(),
    ),
    st.builds(IdentFrame, st.just(7), st.text(max_size=40), st.just(Authenticity.GENUINE)),
)


def with_crc(data: bytes) -> bytes:
    """What an impostor who knows the format makes of ``data``, a frame without its CRC."""
    return data + zlib.crc32(data).to_bytes(4, "big")


@pytest.mark.parametrize("name", DOWNLINK)
def test_signed_golden(name: str) -> None:
    data, frame = bytes.fromhex(GOLDEN[name]), DOWNLINK[name]
    assert frames.encode_downlink(frame, KEY) == data
    genuine = frame._replace(authenticity=Authenticity.GENUINE)
    assert frames.decode_downlink(data, KEYS) == genuine
    assert frames.encode_downlink(genuine, KEY) == data


@pytest.mark.parametrize("name", DOWNLINK)
def test_a_signed_frame_is_the_plain_one_with_a_bit_a_mac_and_a_crc(name: str) -> None:
    plain, signed = bytes.fromhex(PLAIN[name]), bytes.fromhex(GOLDEN[name])
    assert len(signed) == len(plain) + auth.DOWNLINK_MAC_BYTES
    assert signed[0] == plain[0] | 0b00100000 and signed[1:-8] == plain[1:-4]
    assert with_crc(signed[:-4]) == signed
    assert len(bytes.fromhex(GOLDEN["beacon"])) == 36


def test_the_downlink_key_is_golden() -> None:
    key = auth.derive_key(bytes(range(32)), 7, Direction.DOWNLINK)
    assert key.hex() == (GOLDEN_DIR / "downlink_key.hex").read_text().strip()
    assert auth.key_name(key) != auth.key_name(KEY) and len(auth.key_name(key)) == 8


@pytest.mark.parametrize("name", DOWNLINK)
def test_without_the_key_it_is_read_and_not_verified(name: str) -> None:
    data = bytes.fromhex(GOLDEN[name])
    for keys in (None, {}, {9: KEY}):
        read = frames.decode_downlink(data, keys)
        assert read == DOWNLINK[name]._replace(authenticity=Authenticity.UNVERIFIED)


@pytest.mark.parametrize("name", DOWNLINK)
def test_every_bit_flip_is_noise_and_with_a_new_crc_it_is_an_impostor(name: str) -> None:
    data = bytes.fromhex(GOLDEN[name])
    seen = set()
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert frames.decode_downlink(bytes(flipped), KEYS) is None
        if bit < (len(data) - 4) * 8:
            heard = frames.decode_downlink(with_crc(bytes(flipped[:-4])), KEYS)
            if flipped[1] == 7:
                assert heard is None or isinstance(heard, ImpostorFrame), (bit, heard)
            else:  # now it speaks for another payload, of whom nothing is known here
                assert heard is None or heard.authenticity is Authenticity.UNVERIFIED
            seen.add(heard and heard.authenticity)
    assert Authenticity.FORGED in seen and Authenticity.GENUINE not in seen


@pytest.mark.parametrize("name", DOWNLINK)
def test_every_cut_is_noise_and_with_a_new_crc_it_is_no_frame_of_ours(name: str) -> None:
    data = bytes.fromhex(GOLDEN[name])
    for end in range(len(data)):
        assert frames.decode_downlink(data[:end], KEYS) is None
        heard = frames.decode_downlink(with_crc(data[:end]), KEYS)
        if end != len(data) - 4:
            assert heard is None or isinstance(heard, ImpostorFrame), (end, heard)


@pytest.mark.parametrize("name", DOWNLINK)
def test_a_frame_without_a_mac_in_a_signers_name_is_an_impostor(name: str) -> None:
    data = bytes.fromhex(PLAIN[name])
    assert frames.decode_downlink(data, KEYS) == ImpostorFrame(7, Authenticity.UNSIGNED)
    assert frames.decode_downlink(data, {9: KEY}) == DOWNLINK[name]


@pytest.mark.parametrize("name", DOWNLINK)
@pytest.mark.parametrize("which", ["other node", "uplink", "other master", "nearly"])
def test_only_the_right_key_signs(name: str, which: str) -> None:
    master = bytes(range(32))
    key = auth.derive_key(master, 7, Direction.DOWNLINK)
    wrong = {
        "other node": auth.derive_key(master, 8, Direction.DOWNLINK),
        "uplink": auth.derive_key(master, 7, Direction.UPLINK),
        "other master": auth.derive_key(bytes(32), 7, Direction.DOWNLINK),
        "nearly": key[:-1] + bytes((key[-1] ^ 1,)),
    }[which]
    data = frames.encode_downlink(DOWNLINK[name], wrong)
    assert frames.decode_downlink(data, {7: key}) == ImpostorFrame(7, Authenticity.FORGED)
    right = frames.encode_downlink(DOWNLINK[name], key)
    assert not isinstance(frames.decode_downlink(right, {7: key}), ImpostorFrame)


def test_a_mac_of_another_kind_of_message_does_not_fit() -> None:
    """The same key and bytes, signed as the uplink signs: the label keeps the two apart."""
    body = bytes.fromhex(GOLDEN["beacon"])[:-8]
    data = with_crc(body + auth.mac(KEY, body)[: auth.DOWNLINK_MAC_BYTES])
    assert frames.decode_downlink(data, KEYS) == ImpostorFrame(7, Authenticity.FORGED)


@pytest.mark.parametrize("size", [0, 1, 3, 5, 8])
def test_a_tag_of_another_length_is_not_genuine(size: int) -> None:
    tag = auth.mac(KEY, b"x")[:size]
    assert not auth.is_genuine_downlink(KEY, b"x", tag)
    assert auth.is_genuine_downlink(KEY, b"x", auth.downlink_mac(KEY, b"x"))


@given(FRAMES)
def test_any_signed_frame_comes_back(frame: frames.Downlink) -> None:
    assert frames.decode_downlink(frames.encode_downlink(frame, KEY), KEYS) == frame


@given(st.binary(max_size=300))
def test_any_bytes_are_never_genuine(data: bytes) -> None:
    for whole in (data, with_crc(data)):
        heard = frames.decode_downlink(whole, KEYS)
        assert heard is None or heard.authenticity is not Authenticity.GENUINE


@given(st.binary(min_size=2, max_size=300))
def test_any_rightly_signed_bytes_are_a_frame_or_noise(body: bytes) -> None:
    """Even what is rightly signed may be malformed."""
    body = bytes((0b01_1000_00 | body[0] & 0x1F, 7)) + body[2:]
    frames.decode_downlink(with_crc(body + auth.downlink_mac(KEY, body)), KEYS)


@pytest.mark.parametrize("mtu_bytes", [64, 222, 255])
def test_both_ends_of_the_transfer_leave_room_for_the_mac(mtu_bytes: int) -> None:
    """Records longer than a symbol, at full width, signed: within the MTU, and they come back."""
    for is_signed in (True, False):
        text = EXAMPLE.replace("mtu_bytes = 222", f"mtu_bytes = {mtu_bytes}")
        text = text.replace("downlink_mac = true", f"downlink_mac = {str(is_signed).lower()}")
        plan = mission.parse(text, "m.toml")
        key = plan.downlink_key(bytes(32))
        assert (key is not None) == is_signed
        sender = Sender(7, plan.symbol_mtu_bytes)
        receiver, found, longest = Receiver(plan.symbol_mtu_bytes), [], 0
        for i in range(3):
            body = {"text": "".join(chr(33 + (i + j) % 90) for j in range(700))}
            sender.push(Record(i, Kind.MUSING, 1, 10_000, TimeQuality.NONE, body), 0)
        for i in range(160):
            frame = sender.next_frame(FrameCounter(1, i), i, 5_000 * i)
            assert frame is not None
            data = frames.encode_downlink(frame, key)
            longest = max(longest, len(data))
            if i % 3 == 0:
                continue  # lost: some symbols come coded
            heard = frames.decode_downlink(data, {} if key is None else {7: key})
            assert isinstance(heard, DataFrame)
            found += receiver.on_data(heard)
        assert sorted(record.record_id for record in found) == [0, 1, 2]
        assert longest == mtu_bytes


def test_a_mission_signs_unless_it_says_otherwise() -> None:
    plan = mission.parse(EXAMPLE.replace("downlink_mac = true", ""), "m.toml")
    assert plan.downlink_key(bytes(32)) is not None
    assert plan.symbol_mtu_bytes == plan.radio.mtu_bytes - auth.DOWNLINK_MAC_BYTES
    plan = mission.parse(EXAMPLE.replace("downlink_mac = true", "downlink_mac = false"), "m.toml")
    assert plan.downlink_key(bytes(32)) is None
    assert plan.symbol_mtu_bytes == plan.radio.mtu_bytes
    with pytest.raises(mission.MissionError, match=r"keys\.downlink_mac = 'yes'"):
        mission.parse(EXAMPLE.replace("downlink_mac = true", 'downlink_mac = "yes"'), "m.toml")
