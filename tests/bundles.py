"""A persona bundle that is signed and whole, around whatever files a test has put there."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wire import bundle
from wire.bundle import canonical_json

PRIVATE_KEY = bytes(32)
TRUSTED_KEY = Ed25519PrivateKey.from_private_bytes(PRIVATE_KEY).public_key().public_bytes_raw()


def sign_bundle(
    place: Path, manifest: bytes | None = None, private_key: bytes = PRIVATE_KEY
) -> bytes:
    """Sign ``manifest`` over the files in ``place``, or one that fits them; the public key."""
    key = Ed25519PrivateKey.from_private_bytes(private_key)
    public = key.public_key().public_bytes_raw()
    for name in bundle.REQUIRED_FILES:
        if not (place / name).exists():
            (place / name).write_bytes(b"x")
    if manifest is None:
        files = [
            {"path": name, "bytes": (place / name).stat().st_size,
             "sha256": bundle.file_sha256(place / name)}
            for name in sorted(bundle.REQUIRED_FILES)
        ]
        manifest = canonical_json({
            "schema": bundle.SCHEMA, "name": "edda", "version": 1, "created_utc": "2026-01-01",
            "base": {"name": "b"}, "training": {"epochs": 1}, "files": files,
            "runtime": {"n_ctx": 512}, "disclosure": "an AI persona",
            "key_id": bundle.key_id(public),
        })
    (place / bundle.MANIFEST).write_bytes(manifest)
    (place / bundle.SIGNATURE).write_bytes(key.sign(bundle.SIGNED_PREFIX + manifest))
    (place / bundle.PUBLIC_KEY).write_bytes(public)
    return public
