"""A real PostgreSQL on a free port of this machine, in a folder of its own, which can be killed,
stopped and started again. It never runs as root: PostgreSQL refuses that."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from threading import Event
from time import monotonic

import psycopg
import pytest

READY_S = 30
OWNER = "postgres"  # made by Debian's package, where the tests run as root
PASSWORD = "geheim"


def find(program: str) -> str:
    """The path of one of PostgreSQL's programs; skips the test by name where it is absent."""
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in (*map(str, newest), None):
        if found := shutil.which(program, path=folder):
            return found
    if os.environ.get("SPACEPI_REQUIRE_ALL") == "1":
        pytest.fail("PostgreSQL is not installed and SPACEPI_REQUIRE_ALL is set")
    pytest.skip("PostgreSQL is not installed")


class PostgreSql:
    """Database ``flight`` of user ``room``, over TCP with a password. What it commits it keeps,
    also when it is killed."""

    def __init__(self, *settings: str) -> None:
        self._bin = Path(find("initdb")).parent
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._user: dict[str, object] = {}
        if os.geteuid() == 0:
            owner = pwd.getpwnam(OWNER)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self._user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._run("initdb", "--pgdata", self.data, "--username", "room", "--pwfile", password,
                  "--auth", "scram-sha-256", "--no-sync", "--encoding", "UTF8", "--locale", "C")
        self.start()
        self.ask("CREATE DATABASE flight", database="postgres")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        """Without the password, as a mission file has it."""
        return f"postgresql://room@127.0.0.1:{self.port}/flight"

    def start(self) -> None:
        settings = ("fsync=off", "shared_buffers=8MB", "max_connections=20",
                    "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}",
                    f"port={self.port}", *self._settings)
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", self.data,
             *(part for setting in settings for part in ("-c", setting))],
            stdout=subprocess.DEVNULL, stderr=(self.folder / "log").open("ab"), cwd=self.folder,
            **self._user)
        until_s = monotonic() + READY_S
        while monotonic() < until_s:
            try:
                self.ask("SELECT 1", database="postgres")
            except AssertionError:
                Event().wait(0.05)
            else:
                return
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def kill(self) -> None:
        """As when its machine loses power, but for the disk's cache."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """Every connection is ended."""
        self._end(signal.SIGINT)

    def pause(self, *, is_paused: bool) -> None:
        """It hangs: connections stay, and nothing is answered."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        for pid in (self._process.pid, *map(int, children.read_text().split())):
            os.kill(pid, signal.SIGSTOP if is_paused else signal.SIGCONT)

    def ask(self, statement: str, database: str = "flight") -> list[tuple[object, ...]]:
        """The answer of a superuser's statement."""
        try:
            with self.connect(database) as connection:
                answer = connection.execute(statement)
                return answer.fetchall() if answer.description else []
        except psycopg.OperationalError as error:
            raise AssertionError(str(error)) from error

    def connect(self, database: str = "flight") -> psycopg.Connection:
        """A superuser's connection."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="room", password=PASSWORD, dbname=database,
            autocommit=True, connect_timeout=5, options="-c default_transaction_read_only=off")

    def remove(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(READY_S)

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [self._bin / program, *map(str, arguments)], capture_output=True, text=True,
            cwd=self.folder, check=False, **self._user)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr
