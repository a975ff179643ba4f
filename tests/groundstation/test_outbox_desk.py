"""The outbox as the page uses it: what is called back, and one truth for page and terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from groundstation.archive.outbox import QUESTIONS_WAITING_EACH_MAX
from groundstation.ground import Ground
from groundstation.web.access import Tokens
from groundstation.web.routes import create_app
from tests.groundstation.far_end import MASTER_KEY, SIGNED_MISSION
from tests.groundstation.uplink.outbox_station import Station
from wire import key_file
from wire.commands import Opcode

HOST = "http://127.0.0.1:8080"
HERE, VISITOR = "127.0.0.1", "192.168.4.17"
TOKENS = Tokens("viewer-" + "v" * 22, "operator-" + "o" * 22)
ARM, FIRE, ABORT = Opcode.CUTDOWN_ARM, Opcode.CUTDOWN_FIRE, Opcode.CUTDOWN_ABORT
Page = Callable[..., Any]


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    (tmp_path / "archive").mkdir()
    made = Station(tmp_path / "archive")
    yield made
    made.archive.close()


@pytest.fixture
def post(station: Station) -> Page:
    """``post(path, body, who, headers)``, of an operator at this address."""
    app = create_app(
        station.archive.path, SIGNED_MISSION, now=lambda: station.now_ms, tokens=TOKENS)

    def send(
        path: str, body: object, who: str = HERE, headers: dict[str, str] | None = None
    ) -> Any:
        client = TestClient(
            app, base_url=HOST, raise_server_exceptions=False, client=(who, 5000))
        proof = {"authorization": f"Bearer {TOKENS.operator}"} if who != HERE else {}
        return client.post(path, json=body, headers=proof | (headers or {}))

    return send


def shown(station: Station) -> dict[str, Any]:
    app = create_app(station.archive.path, SIGNED_MISSION, now=lambda: station.now_ms)
    client = TestClient(app, base_url=HOST, client=(HERE, 5000))
    found: dict[str, Any] = client.get("/api/flight").json()
    return found


def test_a_question_is_withdrawn_by_any_operator(station: Station, post: Page) -> None:
    ids = [post("/api/ask", {"text": f"{n}?"}, VISITOR).json()["id"] for n in range(2)]
    refused = post("/api/withdraw", {"id": ids[0]}, VISITOR,
                   {"authorization": f"Bearer {TOKENS.viewer}"})
    assert refused.status_code == 403 and station.state(ids[0]) == "queued"
    for command_id, who in zip(ids, (VISITOR, HERE), strict=True):
        answer = post("/api/withdraw", {"id": command_id}, who)
        assert answer.status_code == 200 and answer.json()["state"] == "withdrawn"
        assert answer.json()["told"] == "withdrawn before it was sent"
    again = post("/api/withdraw", {"id": ids[0]}, VISITOR)
    assert again.status_code == 409
    assert again.json() == {
        "error": f"Too late: command {ids[0]} is already withdrawn.", "needs_abort": False}


@pytest.mark.parametrize(("who", "headers", "status"), [
    (HERE, {}, 200), (VISITOR, {}, 200), (VISITOR, {"authorization": ""}, 401),
    (VISITOR, {"authorization": f"Bearer {TOKENS.viewer}"}, 403),
    (HERE, {"x-forwarded-for": VISITOR}, 401), (HERE, {"origin": "http://evil.example"}, 403),
])
def test_commands_are_withdrawn_and_aborted_by_an_operator_only(
    station: Station, post: Page, who: str, headers: dict[str, str], status: int
) -> None:
    command_id = station.queue(ARM)
    assert post("/api/withdraw", {"id": command_id}, who, headers).status_code == status
    answer = post("/api/abort", {}, who, headers)
    assert answer.status_code == (201 if status == 200 else status)
    assert (station.window() is ABORT) is (status == 200)


@pytest.mark.parametrize(("body", "status"), [
    ({}, 422), ({"id": "5"}, 422), ({"id": -1}, 422), ({"id": 1 << 40}, 422), ({"id": 5}, 404),
    ([5], 422), ({"id": None}, 422),
])
def test_a_wrong_withdrawal_is_refused_with_a_sentence(
    post: Page, body: object, status: int
) -> None:
    answer = post("/api/withdraw", body)
    assert answer.status_code == status and answer.json()["error"].endswith(".")


def test_a_withdrawal_after_the_sending_says_so_and_offers_the_abort(
    station: Station, post: Page
) -> None:
    command_id = station.queue(ARM)
    station.window()
    answer = post("/api/withdraw", {"id": command_id}).json()
    assert answer["needs_abort"] is True
    assert answer["told"] == (
        "withdrawn; it was sent once, EDDA may have received it; send cutdown_abort to be sure")
    late = station.queue(ARM)
    station.window(is_heard=True)
    station.beacon()
    refused = post("/api/withdraw", {"id": late})
    assert refused.status_code == 409 and refused.json()["needs_abort"] is True
    assert post("/api/abort", {}).status_code == 201
    assert station.window() is ABORT


@pytest.mark.parametrize(("name", "arguments", "opcode"), [
    ("ping", "", Opcode.PING), ("TX-OFF", "10", Opcode.TX_OFF),
    ("setting_set", "beacon_flight_s 20", Opcode.SETTING_SET), ("cutdown_arm", "", ARM),
])
def test_an_operator_commands_from_the_page(
    station: Station, post: Page, name: str, arguments: str, opcode: Opcode
) -> None:
    answer = post("/api/command", {"name": name, "arguments": arguments}, VISITOR)
    assert answer.status_code == 201 and answer.json()["command"] == opcode.name
    assert station.window() is opcode


@pytest.mark.parametrize(("body", "words"), [
    ({"name": "launch"}, "Unknown command 'launch'; available: ping, "),
    ({"name": "tx_off", "arguments": "31"}, "The silence in minutes must be 1..30."),
    ({"name": "tx_off", "arguments": "1,5"}, "is not a whole number"),
    ({"name": "ping", "arguments": "now"}, "Ping requires no argument."),
    ({"name": "setting_set", "arguments": "mind 5"}, "Unknown setting 'mind'"),
    ({"name": "setting_set", "arguments": "listen_s 31"},
     "Setting radio.listen_s must be 1..30 s, not 31."),
    ({"name": "cutdown_fire"}, "requires a cutdown_arm before it"),
    ({"name": "ask", "arguments": "Cold?"}, "is not sent from this page as a command."),
    ({"name": "plain_text", "arguments": "5"}, "is not sent from this page as a command."),
    ({"name": 5}, "The body must contain the name of the command"),
    ({}, "The body must contain the name of the command"),
    ({"name": "ping", "arguments": ["x"]}, "as one text."),
])
def test_a_wrong_command_is_refused_with_a_sentence_and_queues_nothing(
    station: Station, post: Page, body: object, words: str
) -> None:
    answer = post("/api/command", body)
    assert answer.status_code == 422 and words in answer.json()["error"]
    assert answer.json()["error"].endswith(".") and shown(station)["waiting"]["count"] == 0


def test_without_a_key_nothing_is_commanded(station: Station, post: Page) -> None:
    Ground(SIGNED_MISSION, station.archive, None)
    answer = post("/api/command", {"name": "ping"})
    assert answer.status_code == 409 and "receives only" in answer.json()["error"]


def test_the_command_stack_forgets_nothing(station: Station) -> None:
    ids = [station.queue(Opcode.PING) for _ in range(25)]
    app = create_app(station.archive.path, SIGNED_MISSION, now=lambda: station.now_ms)
    client = TestClient(app, base_url=HOST, client=(HERE, 5000))
    found = client.get("/api/commands?limit=20").json()
    assert [entry["id"] for entry in found["commands"]] == ids[:4:-1]
    rest = client.get(f"/api/commands?before={found['commands'][-1]['id']}").json()
    assert [entry["id"] for entry in rest["commands"]] == ids[4::-1]
    forms = {form["name"]: form for form in found["available"]}
    assert forms["setting_set"]["arguments"] == "the name of a setting, a whole number"
    assert forms["cutdown_fire"]["is_hazardous"] and not forms["ping"]["is_hazardous"]
    assert not {"ask", "plain_text"} & forms.keys()


def test_one_address_does_not_fill_the_queue_for_the_others(station: Station, post: Page) -> None:
    answers = []
    for number in range(QUESTIONS_WAITING_EACH_MAX + 1):
        station.now_ms += 30_000  # slower than the limit of a minute
        answers.append(post("/api/ask", {"text": f"{number}?"}, VISITOR))
    assert [a.status_code for a in answers] == [201] * 8 + [429]
    assert answers[-1].json()["error"] == (
        "8 of your questions are already waiting; ask again when one of them has been sent.")
    assert post("/api/ask", {"text": "And I?"}, "192.168.4.18").status_code == 201


def test_without_a_key_or_after_the_flight_nothing_is_aborted(
    station: Station, post: Page
) -> None:
    Ground(SIGNED_MISSION, station.archive, None)
    answer = post("/api/abort", {})
    assert answer.status_code == 409 and "receives only" in answer.json()["error"]


def test_nobody_is_told_who_asked(station: Station, post: Page) -> None:
    assert VISITOR not in post("/api/ask", {"text": "Cold?"}, VISITOR).text
    assert VISITOR not in str(shown(station))


def test_what_waits_is_shown_in_the_order_in_which_it_goes_up(
    station: Station, post: Page
) -> None:
    for number in range(3):
        post("/api/ask", {"text": f"{number}?"}, VISITOR)
    station.queue(Opcode.PING)
    station.queue(ARM)
    waiting = shown(station)["waiting"]
    assert waiting["count"] == 5
    assert [entry["command"] for entry in waiting["letters"]] == [
        "CUTDOWN_ARM", "PING", "ASK", "ASK", "ASK"]
    station.window(is_heard=True)
    assert shown(station)["waiting"]["count"] == 5, "sent, not heard"
    station.beacon()
    assert shown(station)["waiting"]["count"] == 4


@pytest.fixture
def terminal(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    ground: Callable[..., tuple[int, str, str]],
) -> Callable[..., tuple[int, str]]:
    """The command beside the running station: (exit status, what it says)."""
    path = tmp_path / "mission.toml"
    path.write_text(
        '[payload]\nname = "EDDA"\ncallsign = "N0CALL"\nnode_id = 7\n[radio]\nkind = "none"\n'
        "[power]\ncapacity_mah = 3000\neco_mv = 3600\nlow_mv = 3400\ncritical_mv = 3200\n"
        "[ground]\nhazardous_lifetime_s = 240\n"
    )
    key_file.create(tmp_path / "mission.key", MASTER_KEY)
    monkeypatch.setattr("groundstation.__main__.time.time_ns", lambda: station.now_ms * 1_000_000)

    def run(*arguments: str) -> tuple[int, str]:
        status, out, err = ground(*arguments, "-m", path)
        return status, out + err

    return run


def test_page_and_terminal_say_the_same_of_every_command(
    station: Station, terminal: Callable[..., tuple[int, str]]
) -> None:
    ids = {name: station.queue(Opcode.PING) for name in ("answered", "refused", "withdrawn")}
    assert station.window(is_heard=True) is Opcode.PING
    station.result()
    assert station.window(is_heard=True) is Opcode.PING
    station.result("the mind is switched off")
    terminal("withdraw", str(ids["withdrawn"]))
    ids["expired"] = station.queue(Opcode.REBOOT)
    station.now_ms += 300_000
    station.window()
    ids["confirmed"] = station.queue(Opcode.TX_OFF, "5")
    station.window(is_heard=True)
    ids["sent"], ids["queued"] = station.queue(Opcode.PING), station.queue(Opcode.ASK, "Cold?")
    station.window()
    status, listed = terminal("commands")
    outbox = shown(station)["outbox"]
    assert status == 0 and len(outbox) == len(ids)
    for entry, line in zip(reversed(outbox), listed.splitlines(), strict=True):
        assert line.startswith(f"{entry['id']}  ") and line.endswith(f": {entry['fate']}")
    fates = {name: next(x["fate"] for x in outbox if x["id"] == i) for name, i in ids.items()}
    assert fates == {
        "answered": "done, EDDA answered ok",
        "refused": "refused by EDDA: the mind is switched off",
        "withdrawn": "withdrawn before it was sent",
        "expired": "expired, never sent",
        "confirmed": "received by EDDA, not answered yet",
        "sent": "sent once, not confirmed by EDDA yet",
        "queued": "queued, will be sent when EDDA listens",
    }


def test_the_terminal_queues_with_a_lifetime_and_withdraws(
    station: Station, terminal: Callable[..., tuple[int, str]]
) -> None:
    status, said = terminal("command", "cutdown_arm")
    number = said.split()[1]
    assert (status, said) == (
        0, f"Command {number} is queued: cutdown_arm. It expires in 4 min.\n")
    assert terminal("command", "cutdown_fire", "--lifetime", "90")[1].endswith(
        "It expires in 1 min 30 s.\n")
    station.window()
    assert terminal("withdraw", number) == (0, (
        f"Command {number}: withdrawn; it was sent once, EDDA may have received it; "
        "send cutdown_abort to be sure.\n"))
    assert terminal("withdraw", number) == (
        1, f"spacepi-ground: command {number} is already withdrawn\n")
    assert terminal("withdraw", "3") == (1, "spacepi-ground: no queued command has the number 3\n")
    assert terminal("command", "ping", "--lifetime", "5") == (
        1, "spacepi-ground: the lifetime of ping must be 10..86400 s\n")


def test_the_terminal_says_what_has_expired_where_no_station_runs(
    station: Station, terminal: Callable[..., tuple[int, str]]
) -> None:
    terminal("command", "cutdown_arm")
    station.now_ms += 240_000
    assert terminal("commands")[1].endswith("cutdown_arm: expired, never sent\n")
    status, said = terminal("command", "cutdown_fire")
    assert status == 1 and "queue that first" in said


def test_ten_questions_of_the_terminal_are_no_more_than_those_of_one_asker(
    station: Station, terminal: Callable[..., tuple[int, str]]
) -> None:
    said = [terminal("ask", f"{number}?") for number in range(10)]
    assert [status for status, _ in said] == [0] * 8 + [1, 1]
    assert said[-1][1].startswith("spacepi-ground: 8 of your questions are already waiting")
