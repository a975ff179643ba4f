"""Fault 75 at the station: nobody can read its log, and it hears and sends as ever."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from groundstation.archive import outbox
from groundstation.archive.archive import Archive
from tests.groundstation.far_end import MASTER_KEY, SIGNED_MISSION, START_MS, FarEnd, state_at
from tests.groundstation.test_ground_command import ENV, free_port
from wire import key_file
from wire.auth import Direction, derive_key
from wire.commands import Opcode
from wire.modems import kiss

WAIT_S = 60  # a bound for a hung test, never the measure of a passing one


def test_fault_75_a_full_log_does_not_stop_the_receiver(tmp_path: Path) -> None:
    """Method: both its outputs are /dev/full. A receiver that stumbles over a line that it cannot
    write drops the radio, and the question never goes up.
    """
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(WAIT_S)
    mission = tmp_path / "mission.toml"
    mission.write_text(
        '[payload]\nname = "EDDA"\ncallsign = "N0CALL"\nnode_id = 7\n'
        f'[radio]\nkind = "kiss-tcp"\nport = {server.getsockname()[1]}\nframing = "plain"\n'
        "[power]\ncapacity_mah = 3000\neco_mv = 3600\nlow_mv = 3400\ncritical_mv = 3200\n"
        f"[ground]\nweb_port = {free_port()}\n"
    )
    key_file.create(tmp_path / "mission.key", MASTER_KEY)
    key = derive_key(MASTER_KEY, 7, Direction.UPLINK)
    (tmp_path / "archive").mkdir()
    Archive(tmp_path / "archive" / "archive.sqlite").close()
    now_ms = time.time_ns() // 1_000_000  # a real station, by whose clock commands expire
    outbox.post(tmp_path / "archive" / "archive.sqlite", Opcode.ASK, "Is it cold?", now_ms)
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen(
            [sys.executable, "-m", "groundstation", "serve", "-m", str(mission)], env=ENV,
            stdout=full, stderr=full,
        )
    try:
        first, _ = server.accept()
        first.close()  # the radio is lost, which it cannot even say
        radio, _ = server.accept()
        radio.settimeout(WAIT_S)
        far, decoder = FarEnd(key, SIGNED_MISSION), kiss.Decoder()
        radio.sendall(kiss.encode(far.beacon(state_at(0), is_listening=True)))
        heard: list[bytes] = []
        while not heard:
            data = radio.recv(4096)
            assert data, "the station hung up"
            heard = decoder.feed(data)
        far.hear(heard[0], START_MS)
        assert list(far.questions.values()) == ["Is it cold?"]
        process.send_signal(signal.SIGTERM)
        process.wait(WAIT_S)
    finally:
        process.kill()
        process.wait(WAIT_S)
        server.close()
