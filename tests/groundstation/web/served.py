"""The page of an archive, served to a browser on this machine."""

from __future__ import annotations

import socket
import threading

from groundstation.web.routes import create_app
from groundstation.web.server import make_server
from tests.groundstation.far_end import MISSION, START_MS
from tests.groundstation.web import diary

NOW_MS = START_MS + diary.END_S * 1000


class Served:
    """An app on a port of its own, on a thread."""

    def __init__(
        self, archive_path, now=lambda: NOW_MS, mission=MISSION, **options
    ) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self.app = create_app(archive_path, mission, now=now, **options)
        self._server = make_server(self.app)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self.app.state.pool.close()


# When what each room asks the station for by itself has come: until then its parts still move.
ARRIVED = {
    "read": "true",
    "chase": "true",
    "control": "document.getElementById('link-now').innerText !== ''",
}


def go(browser, room):
    """Open another room of the page, as a link does, and wait for all of it."""
    browser.value(f"document.querySelector('.rooms [href=\"#{room}\"]').click()")
    arrived(browser, room)


def arrived(browser, room):
    """Wait until this room is open and its own answers of the station have come."""
    browser.wait(f"document.getElementById('room-{room}').checkVisibility()")
    browser.wait(ARRIVED[room])


def looked_at(browser, served, width, height, room="read"):
    """The page from the beginning, in this room, once all of it is there."""
    browser.open("about:blank", until="location.href === 'about:blank'")
    browser.complaints.clear()
    browser.requests.clear()
    browser.size(width, height)
    browser.open(f"{served.url}#{room}")
