"""Ed25519: both ways to verify agree, and neither accepts what was not signed."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wire import ed25519

# RFC 8032, section 7.1, TEST 3.
PUBLIC = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
MESSAGE = bytes.fromhex("af82")
SIGNATURE = bytes.fromhex(
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the group: S is below it
Verify = Callable[[bytes, bytes, bytes], bool]


@pytest.fixture(params=["openssl", "cryptography"])
def verify(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Verify:
    """``is_signed`` with the library, and without."""
    if request.param == "cryptography":
        monkeypatch.setattr(ed25519, "_LIBRARY", "libcrypto-is-not-here.so")
    else:
        ctypes.CDLL(ed25519._LIBRARY)  # or the other way would be examined twice
    return ed25519.is_signed


def test_the_vector_of_the_rfc(verify: Verify) -> None:
    assert verify(MESSAGE, SIGNATURE, PUBLIC)


def test_every_flipped_bit_is_found(verify: Verify) -> None:
    """Goal: nothing near the truth passes. Method: each bit of message, signature and key."""
    for place, whole in enumerate((MESSAGE, SIGNATURE, PUBLIC)):
        for bit in range(8 * len(whole)):
            parts = [MESSAGE, SIGNATURE, PUBLIC]
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            parts[place] = bytes(flipped)
            assert not verify(*parts), (place, bit)


@pytest.mark.parametrize("n_bytes", [0, 1, 31, 33, 63, 65, 1000])
def test_another_length_is_no_signature_and_no_key(verify: Verify, n_bytes: int) -> None:
    assert not verify(MESSAGE, bytes(n_bytes), PUBLIC)
    assert not verify(MESSAGE, (SIGNATURE * 16)[:n_bytes], PUBLIC)
    assert not verify(MESSAGE, SIGNATURE, (PUBLIC * 32)[:n_bytes])


def test_a_signature_has_one_form(verify: Verify) -> None:
    """Goal: no second signature is made of a first. Source: RFC 8032, 5.1.7, S below the order."""
    malleable = int.from_bytes(SIGNATURE[32:], "little") + ORDER
    assert not verify(MESSAGE, SIGNATURE[:32] + malleable.to_bytes(32, "little"), PUBLIC)


@pytest.mark.parametrize("n_bytes", [0, 1, 1 << 20])
def test_what_the_signer_signs_is_signed(verify: Verify, n_bytes: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    message = bytes(n_bytes)
    public = key.public_key().public_bytes_raw()
    assert verify(message, key.sign(message), public)
    assert not verify(message + b"\0", key.sign(message), public)
