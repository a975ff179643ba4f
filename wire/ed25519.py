"""Ed25519 signatures (RFC 8032), verified by the OpenSSL that Python itself has loaded.

The package ``cryptography`` brings an OpenSSL of its own, of which flight core and mind worker
would keep 8 MB to the landing for the one signature that they verify at their start. It is asked
where there is no such library, as with a Python that has its OpenSSL inside. Sources:
EVP_PKEY_new_raw_public_key(3), EVP_DigestVerify(3).
"""

from __future__ import annotations

from ctypes import CDLL, c_char_p, c_int, c_size_t, c_void_p

_LIBRARY = "libcrypto.so.3"
_ED25519 = 1087  # NID_ED25519, openssl/obj_mac.h
_PROTOTYPES = {
    "EVP_PKEY_new_raw_public_key": (c_void_p, [c_int, c_void_p, c_char_p, c_size_t]),
    "EVP_PKEY_free": (None, [c_void_p]),
    "EVP_MD_CTX_new": (c_void_p, []),
    "EVP_MD_CTX_free": (None, [c_void_p]),
    "EVP_DigestVerifyInit": (c_int, [c_void_p] * 5),
    "EVP_DigestVerify": (c_int, [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t]),
    "ERR_clear_error": (None, []),
}


def is_signed(message: bytes, signature: bytes, public_key: bytes) -> bool:
    """Whether the owner of ``public_key`` (32 bytes) signed exactly this (64 bytes).

    False for a key or a signature of another length, or that is none.
    """
    try:
        openssl = _openssl()
    except (OSError, AttributeError):
        return _is_signed_for_cryptography(message, signature, public_key)
    key = openssl.EVP_PKEY_new_raw_public_key(_ED25519, None, public_key, len(public_key))
    context = openssl.EVP_MD_CTX_new()
    try:
        return bool(
            key and context
            and openssl.EVP_DigestVerifyInit(context, None, None, None, key) == 1
            and openssl.EVP_DigestVerify(
                context, signature, len(signature), message, len(message)) == 1)
    finally:
        openssl.EVP_MD_CTX_free(context)
        openssl.EVP_PKEY_free(key)
        openssl.ERR_clear_error()  # what it said of a bad signature is not for Python's TLS


def _openssl() -> CDLL:
    """Raises OSError without the library, AttributeError with one too old for Ed25519."""
    library = CDLL(_LIBRARY)
    for name, (result, arguments) in _PROTOTYPES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _is_signed_for_cryptography(message: bytes, signature: bytes, public_key: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
