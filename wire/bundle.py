"""The persona bundle: the files in its directory, and the proof that they are unchanged.

    manifest.json   what is in the bundle, canonical JSON
    manifest.sig    64 bytes: Ed25519 over b"spacepi-bundle-1\\n" + manifest.json
    manifest.pub    32 bytes: the public key
    the files the manifest lists, side by side, nothing else

A bundle is *whole* and holds the model that flies (``model.gguf``), or it is an *adapter* on a base
named by its hash (``adapter.gguf``, ``importance.npz``); then the model is assembled where it is
installed, and lies beside the signed files with a record of its hash (``assembled.json``). The
record is no signature: it tells a damaged model, and one of another bundle, from the one that was
made here.

Checked in this order, each before anything is parsed that a stranger may have written: signature,
whose key it is, the set of files, their sizes, their SHA-256, the version. Nothing in a bundle is
ever run.

Covers: a changed, missing, added, cut or swapped file; a manifest without a trusted signature.
Does not cover: a bundle signed by a stolen key; an older bundle put back, where the caller
names no version that it must at least have; a file written to after ``open_file`` gave it away;
someone who can write into the folder of an assembled bundle and replaces model and record.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Collection
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from wire import ed25519
from wire.base_file import BaseFile
from wire.file_hashes import FileHashes
from wire.sampling import Sampling, sampling_of
from wire.text_tables import FILE_BYTES_MAX

SCHEMA = 1
SIGNED_PREFIX = b"spacepi-bundle-1\n"
MANIFEST, SIGNATURE, PUBLIC_KEY = "manifest.json", "manifest.sig", "manifest.pub"
MANIFEST_BYTES_MAX = 1 << 20
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
MODEL = "model.gguf"
PERSONA = "persona.json"
TEXT_CODEC = "text.codec"  # see wire.text_codec
REQUIRED_FILES = frozenset(
    {MODEL, PERSONA, "memory.sqlite", TEXT_CODEC, "MODEL_CARD.md"}
)
ADAPTER = "adapter.gguf"
IMPORTANCE = "importance.npz"  # of each column of each weight, for the quantising
ADAPTER_FILES = REQUIRED_FILES - {MODEL} | {ADAPTER, IMPORTANCE}
ASSEMBLED = "assembled.json"
ASSEMBLED_BYTES_MAX = 4096
ON_A_PI = "/opt/spacepi"  # the environment that systemd/install.sh makes
RERANKER = "reranker.json"  # of a bundle whose drafts were graded; see payload.mind.reranker
ADAPTER_BYTES_MAX = 10_000_000  # what a repository and a slow link still like to carry

_BYTES_MAX = {  # of what is read as a whole, or must stay small
    TEXT_CODEC: FILE_BYTES_MAX, PERSONA: 1 << 20, RERANKER: 1 << 20,
    ADAPTER: ADAPTER_BYTES_MAX, IMPORTANCE: ADAPTER_BYTES_MAX}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


class BundleError(Exception):
    """The bundle must not be flown; the text is one clear sentence."""


class UntrustedKeyError(BundleError):
    """The bundle is signed by a key that is not trusted here; ``public_key`` is its 32 bytes."""

    def __init__(self, path: Path, public_key: bytes) -> None:
        super().__init__(
            f"{path}: is signed by key {public_key.hex()}, which is not trusted here; to trust it, "
            "add it to mind.trusted_keys of the mission file, or pass it to spacepi-train with "
            "--trust.")
        self.public_key = public_key


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file of a bundle."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A checked manifest. ``runtime`` has n_ctx and what ``sampling`` shows."""

    name: str
    version: int
    created_utc: str
    base: dict[str, Any]
    training: dict[str, Any]
    files: tuple[BundleFile, ...]
    runtime: dict[str, Any]
    disclosure: str
    public_key: bytes  # that signed it

    @property
    def is_adapter(self) -> bool:
        """True where the model has to be assembled first."""
        return any(file.path == ADAPTER for file in self.files)

    @property
    def base_file(self) -> BaseFile:
        """What an adapter is added to, and how it is had."""
        return BaseFile(**self.base["file"])

    @property
    def sampling(self) -> Sampling:
        """How the persona was examined, and flies unless the mission file says otherwise."""
        return sampling_of(self.runtime)

    @property
    def key_id(self) -> str:
        """The short name of ``public_key``."""
        return key_id(self.public_key)


def key_id(public_key: bytes) -> str:
    """First 16 hex digits of the SHA-256 of the 32 raw bytes of the key."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no blanks, UTF-8: the same value gives the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False,
                      allow_nan=False).encode()


def file_sha256(path: Path) -> str:
    """Hex digest, read in pieces so that a large model does not fill the memory."""
    with open(path, "rb") as file:
        return FileHashes().sha256(file)


def verify_bundle(
    path: Path, trusted_keys: Collection[bytes] | None, version_min: int = 1,
    hashes: FileHashes | None = None, unread: Collection[str] = (),
) -> Manifest:
    """The manifest of a bundle that is whole and signed.

    Args:    path: the bundle directory.
             trusted_keys: raw 32-byte public keys. None accepts the key in the bundle, which
             shows that it is undamaged, but not who made it.
             version_min: an older version is refused, which prevents a rollback.
             hashes: left out, every file is read.
             unread: names of files that the caller never opens; only their sizes are checked.
    Raises:  BundleError, naming the file and what is wrong with it; UntrustedKeyError.
    """
    manifest = read_manifest(path, trusted_keys)
    try:
        _check_files(path, manifest, hashes or FileHashes(), unread)
    except OSError as error:
        raise BundleError(
            f"{error.filename or path}: cannot be read ({error.strerror}).") from error
    if manifest.version < version_min:
        raise BundleError(f"{path}: is version {manifest.version}, at least version {version_min} "
                          "is required; an older bundle was restored.")
    return manifest


def read_manifest(path: Path, trusted_keys: Collection[bytes] | None) -> Manifest:
    """The signed manifest of the bundle at ``path``; nothing is said of its files yet.

    Args and errors are those of ``verify_bundle``.
    """
    if not path.is_dir():
        raise BundleError(f"{path}: no such bundle directory.")
    manifest_bytes = _small_file(path / MANIFEST, 2, MANIFEST_BYTES_MAX)
    signature = _small_file(path / SIGNATURE, SIGNATURE_BYTES, SIGNATURE_BYTES)
    public_key = _small_file(path / PUBLIC_KEY, PUBLIC_KEY_BYTES, PUBLIC_KEY_BYTES)
    _check_signature(path, public_key, signature, manifest_bytes)
    if trusted_keys is not None and public_key not in trusted_keys:
        raise UntrustedKeyError(path, public_key)
    return _parse(path / MANIFEST, manifest_bytes, public_key)


def model_file(path: Path, manifest: Manifest) -> BundleFile:
    """The model that flies: that of the manifest, or the one assembled beside it.

    Raises:  BundleError where nothing was assembled yet, or from another manifest.
    """
    if not manifest.is_adapter:
        return next(file for file in manifest.files if file.path == MODEL)
    record = path / ASSEMBLED
    advice = _how_to_assemble(path)
    if not record.exists():
        raise BundleError(f"{path}: the model of this adapter bundle is not assembled; {advice}.")
    try:
        table = json.loads(_small_file(record, 2, ASSEMBLED_BYTES_MAX))
        made = BundleFile(MODEL, int(table["bytes"]), str(table["sha256"]))
        of_manifest = table["manifest_sha256"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BundleError(f"{record}: not a record of a model ({error!r}); {advice}.") from error
    if of_manifest != file_sha256(path / MANIFEST):
        raise BundleError(f"{path / MODEL}: was assembled from another adapter or base; {advice}.")
    return made


def _how_to_assemble(path: Path) -> str:
    """What to run on this machine. On a Pi that systemd/install.sh set up no command is on the
    path, and the files must be the payload's user's afterwards."""
    if sys.prefix == ON_A_PI:
        return (f"run sudo {ON_A_PI}/bin/spacepi-payload assemble --mission "
                "/var/lib/spacepi/mission.toml, then sudo sh systemd/install.sh")
    return f"run spacepi-payload assemble {path}"


def write_assembled(path: Path, model: Path) -> None:
    """Put ``model`` into the adapter bundle at ``path``, and on record."""
    record = canonical_json({
        "manifest_sha256": file_sha256(path / MANIFEST), "bytes": model.stat().st_size,
        "sha256": file_sha256(model)})
    (path / ASSEMBLED).unlink(missing_ok=True)  # a power cut now leaves a bundle without a model
    os.replace(model, path / MODEL)
    half = path / (ASSEMBLED + ".half")
    half.write_bytes(record)
    os.replace(half, path / ASSEMBLED)


def open_file(path: Path, file: BundleFile, hashes: FileHashes | None) -> BufferedReader:
    """The file of the bundle at ``path``, open, its size and digest those of the manifest.

    What was checked is what is open, whatever takes its name afterwards. Without ``hashes`` its
    size alone is checked. Raises BundleError and OSError.
    """
    place = path / file.path
    if not stat.S_ISREG(place.lstat().st_mode):
        raise BundleError(f"{place}: not an ordinary file.")
    # Of a link or a pipe that has taken its place since, neither is followed nor waited for.
    descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    opened = os.fdopen(descriptor, "rb")
    try:
        n_bytes = os.fstat(descriptor).st_size
        if n_bytes != file.bytes:
            raise BundleError(
                f"{place}: has {n_bytes} bytes, the manifest says {file.bytes}.")
        if hashes is not None and hashes.sha256(opened) != file.sha256:
            raise BundleError(f"{place}: its contents differ from what was signed.")
    except BaseException:
        opened.close()
        raise
    return opened


def _small_file(path: Path, bytes_min: int, bytes_max: int) -> bytes:
    try:
        info = path.lstat()
        if not stat.S_ISREG(info.st_mode):
            raise BundleError(f"{path}: not an ordinary file.")
        if not bytes_min <= info.st_size <= bytes_max:
            raise BundleError(f"{path}: has {info.st_size} bytes, expected"
                              f" {bytes_min}..{bytes_max}.")
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}).") from error


def _check_signature(path: Path, public_key: bytes, signature: bytes, manifest: bytes) -> None:
    if not ed25519.is_signed(SIGNED_PREFIX + manifest, signature, public_key):
        raise BundleError(f"{path / SIGNATURE}: the signature does not match the manifest; the "
                          "bundle was changed after it was signed.")


def _parse(path: Path, manifest_bytes: bytes, public_key: bytes) -> Manifest:
    try:
        table = json.loads(manifest_bytes)
        if table["schema"] != SCHEMA:
            raise BundleError(f"{path}: schema {table['schema']!r}; this version supports "
                              f"{SCHEMA}.")
        files = tuple(BundleFile(f["path"], f["bytes"], f["sha256"]) for f in table["files"])
        manifest = Manifest(
            table["name"], table["version"], table["created_utc"], table["base"],
            table["training"], files, table["runtime"], table["disclosure"], public_key)
        named = table["key_id"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BundleError(f"{path}: not a manifest of schema {SCHEMA} ({error!r}).") from error
    _check_types(path, manifest)
    if named != manifest.key_id:
        raise BundleError(f"{path}: names key {named}, but {manifest.key_id} signed it.")
    return manifest


def _check_types(path: Path, manifest: Manifest) -> None:
    """A signed manifest may still come from a program with a bug."""
    texts = (manifest.name, manifest.created_utc, manifest.disclosure)
    tables = (manifest.base, manifest.training, manifest.runtime)
    if not all(isinstance(t, str) and t for t in texts):
        raise BundleError(f"{path}: name, created_utc and disclosure must be text.")
    if not all(isinstance(t, dict) for t in tables):
        raise BundleError(f"{path}: base, training and runtime must be tables.")
    if type(manifest.version) is not int or manifest.version < 1:
        raise BundleError(f"{path}: version must be a whole number from 1.")
    try:
        _ = manifest.sampling
    except ValueError as error:
        raise BundleError(f"{path}: runtime.{error}.") from error
    for file in manifest.files:
        if not isinstance(file.path, str) or not _SAFE_NAME.fullmatch(file.path):
            raise BundleError(f"{path}: file name {file.path!r} is not allowed; names are letters,"
                              " digits, dot, dash and underscore, without folders.")
        if type(file.bytes) is not int or file.bytes < 0 or not isinstance(file.sha256, str):
            raise BundleError(f"{path}: size or hash of {file.path} is invalid.")
        if file.bytes > _BYTES_MAX.get(file.path, file.bytes):
            raise BundleError(f"{path}: {file.path} has {file.bytes} bytes, at most"
                              f" {_BYTES_MAX[file.path]} are allowed.")
    names = [file.path for file in manifest.files]
    if len(set(names)) != len(names) or {MANIFEST, SIGNATURE, PUBLIC_KEY} & set(names):
        raise BundleError(f"{path}: a file is listed twice, or is part of the manifest itself.")
    required = ADAPTER_FILES if manifest.is_adapter else REQUIRED_FILES
    if missing := required - set(names):
        raise BundleError(f"{path}: does not list {', '.join(sorted(missing))}.")
    if manifest.is_adapter:
        _check_base(path, manifest)
        if made := {MODEL, ASSEMBLED} & set(names):
            raise BundleError(f"{path}: lists {min(made)}, which is made where an adapter is"
                              " installed.")


def _check_base(path: Path, manifest: Manifest) -> None:
    try:
        base = manifest.base_file
        for size in (base.bytes, base.wheel_bytes):
            if type(size) is not int or size < 1:
                raise ValueError(f"{size!r} is no size")
        for digest in (base.sha256, base.wheel_sha256):
            if not _SHA256.fullmatch(digest):
                raise ValueError(f"{digest!r} is no SHA-256")
        for name in (base.package, base.version):  # pip would take a path for something else
            if not _SAFE_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name")
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{path}: base.file does not name the base of an adapter"
                          f" ({error!r}).") from error


def _check_files(
    path: Path, manifest: Manifest, hashes: FileHashes, unread: Collection[str]
) -> None:
    present = {item.name for item in path.iterdir()} - {MANIFEST, SIGNATURE, PUBLIC_KEY}
    listed = {file.path for file in manifest.files}
    made: set[str] = present & {MODEL, ASSEMBLED} if manifest.is_adapter else set()
    present -= made
    if extra := present - listed:
        raise BundleError(f"{path / min(extra)}: is not in the manifest.")
    if missing := listed - present:
        raise BundleError(f"{path / min(missing)}: is in the manifest but missing.")
    assembled = [model_file(path, manifest)] if ASSEMBLED in made else []
    for file in (*manifest.files, *assembled):
        open_file(path, file, None if file.path in unread else hashes).close()
