"""The mind worker as a process: a musing costs its own tokens, and nothing makes it fall over."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from payload import mind_server
from payload.mind.prefix_cache import PrefixCache
from payload.mind.protocol import encode
from payload.mind.reranker import Reranker
from payload.mind_engine import DRAFT_CELLS, Engine
from payload.ports import MindFailed, MindReply, MindRequest
from tests.bundles import TRUSTED_KEY, sign_bundle
from tests.payload.worker_process import WAIT_S, Client, Worker, command
from wire import bundle as bundle_files
from wire.file_hashes import FileHashes

BundleMaker = Callable[[str], Path]
PREFIX = "<|im_start|>system\nYou are the voice of a balloon.<|im_end|>\n<|im_start|>user\n"
SUFFIX = "climbing, 12 km up.\nabout: wind<|im_end|>\n<|im_start|>assistant\n"
PLAIN_SUFFIX = "about: today<|im_end|>\n<|im_start|>assistant\n"
REQUEST = MindRequest(1, PREFIX, SUFFIX, PLAIN_SUFFIX, 1, 10, 24, 0.8, 0.05, 7)
# One token a byte, except the three control tokens and the merged "th".
SUFFIX_TOKENS = len(SUFFIX) - len("<|im_end|><|im_start|>") + 2
PLAIN_TOKENS = len(PLAIN_SUFFIX) - len("<|im_end|><|im_start|>") + 2
PREFIX_TOKENS = len(PREFIX) - len("<|im_start|><|im_end|><|im_start|>") + 3 - PREFIX.count("th")


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Worker]:
    """One worker for the tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("worker")
    bundle = folder / "nova"
    bundle.mkdir()
    (bundle / "model.gguf").write_bytes(tiny_model.read_bytes())
    sign_bundle(bundle)
    process = Worker(bundle, folder / "mind.sock")
    yield process
    process.end()


def reply(message: object) -> MindReply:
    assert isinstance(message, MindReply), message
    return message


def test_the_worker_holds_only_the_libraries_it_uses(worker: Worker) -> None:
    """Goal: the memory is the model's. Method: pydantic, asyncio (of structlog) and the chat half
    of llama-cpp-python each map a library of their own."""
    mapped = Path(f"/proc/{worker.process.pid}/maps").read_text()
    assert "libllama" in mapped
    for library in ("_pydantic_core", "/_ssl.", "_sqlite3"):
        assert library not in mapped


def test_second_request_evaluates_only_its_suffix(worker: Worker) -> None:
    """Goal: the prefix is paid once, and the costs are told truly. Method: ask three times."""
    client = worker.client()
    hello = client.hello()
    assert (hello.pid, hello.model, hello.n_ctx) == (worker.process.pid, "nova", 512)
    first = reply(client.ask(REQUEST))
    again = reply(client.ask(replace(REQUEST, request_id=2)))
    other = reply(client.ask(replace(REQUEST, request_id=3, seed=8)))
    assert first.prompt_tokens == PREFIX_TOKENS + SUFFIX_TOKENS
    assert first.evaluated_tokens == first.prompt_tokens
    assert again.evaluated_tokens == other.evaluated_tokens == SUFFIX_TOKENS
    assert again.drafts == first.drafts
    assert other.drafts != first.drafts
    assert 0 < first.reply_tokens <= REQUEST.max_tokens
    assert "\n" not in first.drafts
    client.close()


def test_drafts_are_drawn_at_once_and_ranked(worker: Worker) -> None:
    """Goal: the same drafts whatever their number, the best first; only the longest costs steps.

    Method: ask for one, for four, and again for four, when the plain prompt is known.
    """
    client = worker.client()
    hello = client.hello()
    one = reply(client.ask(replace(REQUEST, drafts=1)))
    four = reply(client.ask(replace(REQUEST, drafts=4)))
    again = reply(client.ask(replace(REQUEST, drafts=4)))
    assert len(four.drafts) == len(set(four.drafts)) == 4
    assert set(one.drafts) < set(four.drafts) and again.drafts == four.drafts
    assert four.evaluated_tokens - again.evaluated_tokens == PLAIN_TOKENS
    singly = [reply(client.ask(replace(REQUEST, seed=REQUEST.seed + number))).drafts[0]
              for number in range(4)]
    assert sorted(singly) == sorted(four.drafts)
    assert one.reply_tokens <= four.reply_tokens <= REQUEST.max_tokens
    wide = reply(client.ask(replace(REQUEST, drafts=8, max_tokens=200)))
    room = hello.n_ctx + DRAFT_CELLS - wide.prompt_tokens - PLAIN_TOKENS
    assert len(wide.drafts) == room // 200 == 3, "no more than its context has room for"
    client.close()


def test_another_prefix_and_back(worker: Worker) -> None:
    """Goal: a prefix seen before comes from the disk when another one was in between."""
    client = worker.client()
    client.hello()
    wanted = reply(client.ask(REQUEST)).drafts
    other = reply(client.ask(replace(REQUEST, prefix=PREFIX + "hm ")))
    assert other.evaluated_tokens == other.prompt_tokens
    back = reply(client.ask(REQUEST))
    assert (back.evaluated_tokens, back.drafts) == (SUFFIX_TOKENS, wanted)
    client.close()


def test_a_second_request_while_busy(worker: Worker) -> None:
    """Goal: one at a time. Method: two requests in one write."""
    client = worker.client()
    client.hello()
    client.socket.sendall(encode(REQUEST) + encode(replace(REQUEST, request_id=2)))
    answers = [client.read(), client.read()]
    assert MindFailed(2, "busy") in answers
    assert any(isinstance(answer, MindReply) and answer.request_id == 1 for answer in answers)
    client.close()


def test_clients_come_and_go(worker: Worker) -> None:
    """Goal: a client that leaves in the middle of a thought, and a second one, harm nobody."""
    first = worker.client()
    first.hello()
    second = worker.client()
    assert second.read() is None  # turned away while the first is served
    second.close()
    first.socket.sendall(encode(replace(REQUEST, max_tokens=800)))
    first.close()
    third = worker.client()
    third.hello()
    assert reply(third.ask(replace(REQUEST, request_id=9))).request_id == 9
    third.close()


@pytest.mark.parametrize("junk", [b"\xff" * 100, b"\x00\x00\x00\x02\xc1\xc1", b"\0\0\0\1\x90"])
def test_garbage_ends_the_connection_only(worker: Worker, junk: bytes) -> None:
    """Goal: bytes that are no message close that connection; the next one is served."""
    client = worker.client()
    client.hello()
    client.socket.sendall(junk)
    assert client.read() is None
    client.close()
    client = worker.client()
    client.hello()
    client.close()


def test_prompts_that_cannot_be_answered(worker: Worker) -> None:
    """Goal: no room for a reply, no suffix and no tokens wanted are said, not crashed over."""
    client = worker.client()
    client.hello()
    for bad in (
        replace(REQUEST, suffix="x" * 600), replace(REQUEST, suffix="", prefix=""),
        replace(REQUEST, max_tokens=0),
    ):
        assert client.ask(bad) == MindFailed(1, "garbage")
    tight = reply(client.ask(replace(REQUEST, prefix="", suffix="x" * 488, max_tokens=500)))
    assert tight.reply_tokens <= 24
    assert reply(client.ask(replace(REQUEST, temperature=0.0))).drafts == reply(
        client.ask(replace(REQUEST, temperature=0.0, seed=99))
    ).drafts
    client.close()


def test_killed_and_started_again(tmp_path: Path, tiny_bundle: BundleMaker) -> None:
    """Goal: after kill -9 the prefix comes from the disk; a damaged file there is no harm.

    Method: kill, restart on the stale socket, then flip a byte in the kept state and restart.
    """
    bundle, path = tiny_bundle("nova"), tmp_path / "mind.sock"
    answers: list[MindReply] = []
    for damage in (False, False, True):
        if damage:
            (kept,) = (tmp_path / "mind-cache").glob("*.state")
            data = bytearray(kept.read_bytes())
            data[len(data) // 2] ^= 1
            kept.write_bytes(data)
        worker = Worker(bundle, path)
        client = worker.client()
        assert client.hello().n_ctx == 512  # from the manifest
        answers.append(reply(client.ask(REQUEST)))
        client.close()
        worker.end()
    assert [answer.evaluated_tokens for answer in answers] == [
        PREFIX_TOKENS + SUFFIX_TOKENS, SUFFIX_TOKENS, PREFIX_TOKENS + SUFFIX_TOKENS,
    ]
    assert len({tuple(answer.drafts) for answer in answers}) == 1


def test_no_model_until_there_is_one(tmp_path: Path, tiny_bundle: BundleMaker) -> None:
    """Goal: missing, empty, cut and foreign files are ``no_model``; a good one is found later.

    Signed as they are, or in the place of the one that was signed.
    """
    bundle, path = tiny_bundle("nova"), tmp_path / "mind.sock"
    model = bundle / "model.gguf"
    good = model.read_bytes()
    model.unlink()
    worker = Worker(bundle, path, "no_model")
    client = worker.client()
    assert (client.hello().model, worker.event["level"]) == ("", "error")
    assert client.ask(REQUEST) == MindFailed(1, "no_model")
    for bad in (b"", b"\0" * 4096, b"JUNK" + good[4:], good[: len(good) // 2], good[:100]):
        model.write_bytes(bad)
        assert client.ask(REQUEST) == MindFailed(1, "no_model")
        sign_bundle(bundle)
        assert client.ask(REQUEST) == MindFailed(1, "no_model")
    model.write_bytes(good)
    sign_bundle(bundle)
    assert isinstance(client.ask(REQUEST), MindReply)
    client.close()
    worker.end()


def _other_weights(bundle: Path) -> None:
    data = bytearray((bundle / "model.gguf").read_bytes())
    data[-5000:] = bytes(5000)
    (bundle / "model.gguf").write_bytes(data)


def _strangers(bundle: Path) -> None:
    _other_weights(bundle)
    sign_bundle(bundle, private_key=b"\1" * 32)


def _unsigned(bundle: Path) -> None:
    (bundle / "manifest.sig").write_bytes(bytes(64))


def _other_manifest(bundle: Path) -> None:
    text = (bundle / "manifest.json").read_text()
    (bundle / "manifest.json").write_text(text.replace('"n_ctx":512', '"n_ctx":128'))


@pytest.mark.parametrize(("change", "why"), [
    (_other_weights, "model.gguf: its contents differ from what was signed"),
    (_strangers, "is signed by key"), (_unsigned, "does not match the manifest"),
    (_other_manifest, "does not match the manifest"),
])
def test_a_model_that_nobody_trusted_signed_is_never_opened(
    tmp_path: Path, tiny_bundle: BundleMaker, change: Callable[[Path], None], why: str
) -> None:
    """Goal: llama.cpp would take each of them; the worker itself looks who made it."""
    bundle = tiny_bundle("nova")
    change(bundle)
    worker = Worker(bundle, tmp_path / "mind.sock", "no_model")
    assert why in worker.event["why"]
    client = worker.client()
    client.hello()
    assert client.ask(REQUEST) == MindFailed(1, "no_model")
    client.close()
    worker.end()


def test_what_was_checked_is_what_is_loaded(
    tmp_path: Path, tiny_bundle: BundleMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: a file that takes the model's name after it was hashed is not the one that flies."""
    bundle = tiny_bundle("nova")

    def swapped(*arguments: Any) -> Any:
        opened = bundle_files.open_file(*arguments)
        (bundle / "other").write_bytes(b"another model")
        (bundle / "other").replace(bundle / "model.gguf")
        return opened

    monkeypatch.setattr(mind_server, "open_file", swapped)
    engine = mind_server.load_engine(
        bundle, [TRUSTED_KEY], PrefixCache(tmp_path), FileHashes(), threads=1)
    assert engine.answer(REQUEST, lambda: None).reply_tokens > 0


def test_the_drafts_are_tried_in_the_order_of_the_bundles_reranker(
    tmp_path: Path, tiny_bundle: BundleMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: what readers kept of this topic comes first, as the signed file says."""
    bundle = tiny_bundle("nova")
    drafts = ["I sing in the wind.", "The wind has gone on."]
    monkeypatch.setattr(
        Engine, "answer", lambda self, request, pulse: MindReply(1, drafts, 9, 9, 9, 9))

    def tried(request: MindRequest) -> list[str]:
        engine = mind_server.load_engine(
            bundle, [TRUSTED_KEY], PrefixCache(tmp_path), FileHashes(), threads=1)
        answer = engine.answer(request, lambda: None).drafts
        engine.model.close()
        return answer

    assert tried(REQUEST) == drafts
    (bundle / bundle_files.RERANKER).write_bytes(
        Reranker(-0.1, {"wind|sing": -0.5}).json_bytes())
    listed = json.loads((bundle / "manifest.json").read_bytes())
    listed["files"].append({
        "path": bundle_files.RERANKER,
        "bytes": (bundle / bundle_files.RERANKER).stat().st_size,
        "sha256": bundle_files.file_sha256(bundle / bundle_files.RERANKER)})
    sign_bundle(bundle, bundle_files.canonical_json(listed))
    assert tried(REQUEST) == drafts[::-1]
    assert tried(replace(REQUEST, suffix=REQUEST.suffix.replace("wind", "cold"))) == drafts


def test_fault_75_a_full_log_costs_no_thought(tmp_path: Path, tiny_bundle: BundleMaker) -> None:
    """Goal: a worker that cannot write a line loads its model, warns, and answers all the same."""
    bundle, path = tiny_bundle("nova"), tmp_path / "mind.sock"
    (tmp_path / "mind-cache").write_text("no folder, so every kept prefix is a warning")
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen(command(bundle, path), stderr=full)
    try:
        client = _client_of(process, path)
        assert client.hello().n_ctx == 512
        assert isinstance(client.ask(REQUEST), MindReply)
        client.close()
        assert process.poll() is None
    finally:
        process.kill()
        process.wait(WAIT_S)


def _client_of(process: subprocess.Popen[bytes], path: Path) -> Client:
    """Connect as soon as it listens; a worker that ended instead fails the test at once."""
    for _ in range(round(WAIT_S / 0.05)):
        with contextlib.suppress(OSError):
            return Client(path)
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"the worker ended with status {process.wait(0.05)}")
    raise AssertionError("the worker does not listen")


def test_one_worker_per_socket_and_an_orderly_end(
    tmp_path: Path, tiny_bundle: BundleMaker
) -> None:
    """Goal: a second worker says one sentence and leaves; SIGTERM ends the first cleanly."""
    bundle, path = tiny_bundle("nova"), tmp_path / "mind.sock"
    worker = Worker(bundle, path)
    second = subprocess.run(
        command(bundle, path), capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    assert second.returncode == 1
    assert second.stderr == f"Another mind worker is already listening on {path}.\n"
    client = worker.client()
    client.hello()
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(WAIT_S) == 0
    assert client.read() is None
    assert not path.exists()
    client.close()
    worker.end()
