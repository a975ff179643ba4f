"""Goal: chat programs get answers of the persona, or one sentence.

Method: an in-process client; a voice that records for what is refused, the shipped Edda for the
rest.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from host_training import __main__ as cli
from host_training.bundle import endpoint
from host_training.bundle.chat import BundleVoice
from host_training.bundle.conversation import ON_THE_GROUND, Utterance
from payload.prompt import Moment
from tests.host_training.conftest import need
from wire.bundle import verify_bundle

EDDA = Path(__file__).resolve().parents[3] / "host_training" / "examples" / "edda.bundle"
ASKED = {"messages": [{"role": "user", "content": "Are you cold?"}]}
CHAT = "/v1/chat/completions"


class Recorder:
    """Says one line; keeps what it was asked."""

    line: str | None = "I am a box of foam."

    def __init__(self) -> None:
        self.asked: list[tuple[Moment, list[Utterance]]] = []

    def speak(self, moment: Moment, turns: Sequence[Utterance] = ()) -> str | None:
        self.asked.append((moment, list(turns)))
        return self.line


def client_of(voice: Any) -> TestClient:
    app = endpoint.create_app(voice, "edda", "Edda is an AI persona.", 1_700_000_000)
    return TestClient(app, base_url="http://127.0.0.1:8010", raise_server_exceptions=False)


@pytest.fixture
def voice() -> Recorder:
    return Recorder()


@pytest.fixture
def client(voice: Recorder) -> TestClient:
    return client_of(voice)


@pytest.fixture(scope="module")
def edda() -> Iterator[TestClient]:
    need("llama_cpp")
    voice = BundleVoice(EDDA, verify_bundle(EDDA, None), threads=1, seed=1)
    yield client_of(voice)
    voice.close()


def events(text: str) -> list[dict[str, Any]]:
    blocks = text.removesuffix("\n\n").split("\n\n")
    assert blocks.pop() == "data: [DONE]"
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


def test_the_one_model_is_the_persona(client: TestClient) -> None:
    data = client.get("/v1/models").json()
    assert data["object"] == "list" and [model["id"] for model in data["data"]] == ["edda"]
    assert data["data"][0]["description"] == "Edda is an AI persona."
    assert client.get("/v1/models/edda").json() == data["data"][0]


def test_edda_completes_a_conversation(edda: TestClient) -> None:
    answer = edda.post(CHAT, json=ASKED | {"model": "edda", "temperature": 2}).json()
    assert answer["object"] == "chat.completion" and answer["id"].startswith("chatcmpl-")
    choice, = answer["choices"]
    assert choice["finish_reason"] == "stop" and choice["message"]["role"] == "assistant"
    first = choice["message"]["content"]
    assert len(first) > 10 and "\n" not in first
    second = edda.post(CHAT, json={"messages": [
        {"role": "system", "content": "You are a pirate."}, *ASKED["messages"],
        choice["message"], {"role": "user", "content": "How is the wind?"}]}).json()
    assert second["choices"][0]["message"]["content"] != first


def test_edda_streams_the_same_kind_of_line(edda: TestClient) -> None:
    with edda.stream("POST", CHAT, json=ASKED | {"stream": True}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        chunks = events(response.read().decode())
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    choices = [chunk["choices"][0] for chunk in chunks]
    assert choices[0]["delta"] == {"role": "assistant", "content": ""}
    assert [choice["finish_reason"] for choice in choices[-2:]] == [None, "stop"]
    assert len("".join(choice["delta"].get("content", "") for choice in choices)) > 10


def test_a_stream_is_the_line(client: TestClient, voice: Recorder) -> None:
    for voice.line in ("I am a box of foam.", "月亮 。", None):
        chunks = events(client.post(CHAT, json=ASKED | {"stream": True}).text)
        said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
        assert said == (voice.line or "")
        assert client.post(CHAT, json=ASKED).json()["choices"][0]["message"]["content"] == said


def test_the_persona_is_asked_as_in_a_chat(client: TestClient, voice: Recorder) -> None:
    """A client's system message does not replace who speaks; parts of text are one text."""
    client.post(CHAT, json={"messages": [
        {"role": "system", "content": "You are a pirate."}, {"role": "user", "content": "One."},
        {"role": "assistant", "content": None}, {"role": "assistant", "content": "Two."},
        {"role": "user", "content": [{"type": "text", "text": "Three"},
                                     {"type": "text", "text": "and four?"}]}]})
    assert voice.asked == [(replace(ON_THE_GROUND, question="Three\nand four?"), [
        Utterance("user", "One."), Utterance("assistant", ""), Utterance("assistant", "Two.")])]


@pytest.mark.parametrize(("body", "status", "says"), [
    (b"", 400, "not valid JSON"), (b"{", 400, "not valid JSON"), (b"\xff", 400, "not valid JSON"),
    (b"[" * 100_000, 400, "not valid JSON"), (b"[]", 400, "not a JSON object"),
    (b" " * (endpoint.BODY_BYTES_MAX + 1), 413, "longer than 1048576 bytes"),
    ({}, 400, "messages must be a list of 1 to 1000 messages"),
    ({"messages": []}, 400, "messages must be a list"),
    ({"messages": ASKED["messages"] * 1001}, 400, "messages must be a list"),
    ({"messages": ["hello"]}, 400, "messages[0].role is None; allowed are system, developer, user"),
    ({"messages": [{"role": "tool", "content": "x"}]}, 400, "messages[0].role is 'tool'"),
    ({"messages": [{"role": "user", "content": 5}]}, 400, "messages[0].content must be text"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400,
     "messages[0].content must be text"),
    ({"messages": [{"role": "system", "content": "x"}]}, 400, "the last message must be the user"),
    ({"messages": [{"role": "user", "content": "\x00 \u202e"}]}, 400, "the last message must be"),
    (ASKED | {"model": "gpt"}, 404, "unknown model 'gpt'; available: edda"),
    (ASKED | {"model": None}, 404, "unknown model None; available: edda"),
    (ASKED | {"n": 2}, 400, "n is 2; allowed is 1"),
    (ASKED | {"stream": "yes"}, 400, "stream is 'yes'; allowed are true and false"),
    (ASKED | {"tools": [{}]}, 400, "tools is not supported"),
    (ASKED | {"response_format": {"type": "json_object"}}, 400, "response_format is not supported"),
])
def test_bad_input_is_one_sentence(client: TestClient, voice: Recorder, body: Any, status: int,
                                   says: str) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = client.post(CHAT, content=data, headers={"content-type": "application/json"})
    message = response.json()["error"]["message"]
    assert (response.status_code, says in message, voice.asked) == (status, True, []), message
    assert message.endswith(".") and "\n" not in message


def test_harmless_settings_of_clients_are_taken(client: TestClient, voice: Recorder) -> None:
    response = client.post(CHAT, json=ASKED | {
        "n": 1, "stream": False, "tools": [], "response_format": {"type": "text"}, "top_p": 0.1,
        "stop": ["x"], "user": "me", "max_tokens": 5})
    assert response.status_code == 200 and len(voice.asked) == 1


def test_what_is_not_there_is_one_sentence(client: TestClient) -> None:
    for method, path, status in (("GET", "/", 404), ("POST", "/v1/completions", 404),
                                 ("GET", CHAT, 405), ("POST", "/v1/models", 405)):
        response = client.request(method, path)
        assert response.status_code == status
        assert response.json()["error"]["message"] == (
            f"unknown request {method} {path}; available: GET /v1/models,"
            " POST /v1/chat/completions.")
    assert "unknown model 'x'" in client.get("/v1/models/x").json()["error"]["message"]


def test_web_pages_and_other_names_are_refused(client: TestClient, voice: Recorder) -> None:
    """A page can post text without asking first, and have its own name point to this machine."""
    response = client.post(CHAT, content=json.dumps(ASKED), headers={"content-type": "text/plain"})
    assert response.status_code == 415
    response = client.post(CHAT, json=ASKED, headers={"host": "evil.example:8010"})
    assert response.status_code == 400 and voice.asked == []
    assert client.post(CHAT, json=ASKED, headers={"host": "localhost:8010"}).status_code == 200
    preflight = client.options(CHAT, headers={"origin": "http://evil.example",
                                              "access-control-request-method": "POST"})
    assert "access-control-allow-origin" not in preflight.headers


def test_one_is_answered_and_a_few_wait(client: TestClient, voice: Recorder) -> None:
    line = client.app.state.line  # type: ignore[attr-defined]
    with ExitStack() as places:
        for _ in range(endpoint.WAITING_MAX):
            places.enter_context(line.place())
        assert client.post(CHAT, json=ASKED).status_code == 200  # the last place there is
        places.enter_context(line.place())
        response = client.post(CHAT, json=ASKED)
        assert response.status_code == 429 and response.headers["retry-after"] == "5"
        assert response.json()["error"]["message"] == (
            "4 requests are already waiting; try again in 5 s.")
    assert client.post(CHAT, json=ASKED).status_code == 200 and len(voice.asked) == 2


def test_a_voice_that_fails_gives_its_place_back(client: TestClient, voice: Recorder) -> None:
    def fail(moment: Moment, turns: Sequence[Utterance] = ()) -> str | None:
        raise RuntimeError("no")

    spoken, voice.speak = voice.speak, fail  # type: ignore[method-assign]
    for _ in range(endpoint.WAITING_MAX + 2):
        assert client.post(CHAT, json=ASKED).status_code == 500
    voice.speak = spoken  # type: ignore[method-assign]
    assert client.post(CHAT, json=ASKED).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org", ""])
def test_only_loopback_is_served(host: str) -> None:
    result = CliRunner().invoke(cli.app, ["serve", str(EDDA), "--host", host])
    assert str(result.exception) == (f"--host {host}: a persona is served to this machine only;"
                                     " allowed are 127.0.0.1, localhost.")


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(cli.app, ["serve", str(EDDA), "--port", str(port)])
    assert str(result.exception) == (f"127.0.0.1:{port}: cannot listen (Address already in use);"
                                     " choose another --port.")
