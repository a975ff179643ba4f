"""The page on the local network: the addresses of this machine, and the links for other devices.

The token of a link comes after its ``#``: a browser sends that to nobody, so it is in no log and no
Referer. The page exchanges it for a cookie.
"""

from __future__ import annotations

import fcntl
import io
import ipaddress
import socket
import struct
from contextlib import suppress

from groundstation.web.access import Tokens

EVERY_ADDRESS = "0.0.0.0"
_SIOCGIFADDR = 0x8915  # netdevice(7); another system refuses it, and the route's address remains
_ADDRESS_AT = 20  # in the answer: behind the name, the family and the port


def is_open(host: str) -> bool:
    """Does a server on ``host`` answer other machines?"""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def addresses() -> list[str]:
    """The IPv4 addresses at which other machines may find this one, the default route's first."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        with suppress(OSError):  # no way out: a network in a field
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 of RFC 5737; nothing is sent
            found.append(str(probe.getsockname()[0]))
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with suppress(OSError):  # it has no such address
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
                found.append(socket.inet_ntoa(answer[_ADDRESS_AT : _ADDRESS_AT + 4]))
    return [address for address in dict.fromkeys(found) if is_open(address)]


def links(tokens: Tokens, hosts: list[str], port: int) -> str:
    """The links for the terminal, each with a code for a phone's camera; it shows the tokens.

    ``hosts`` are the addresses of this machine; the codes lead to the first.
    """
    if not hosts:
        return ("This machine has no address on a network: connect it, then `spacepi-ground links` "
                "prints the links for other devices.")
    host, *others = hosts
    words = [
        "To read, for everybody:", *_link(host, port, tokens.viewer),
        "To ask and to command, for the operator alone:", *_link(host, port, tokens.operator),
    ]
    if others:
        words.append(f"This machine also has the address {', '.join(others)}.")
    return "\n".join(words)


def _link(host: str, port: int, token: str) -> list[str]:
    import segno  # here, because a station that stays on its own machine needs none

    link, code = f"http://{host}:{port}/#token={token}", io.StringIO()
    segno.make(link, micro=False).terminal(code, border=2, compact=True)
    return [link, code.getvalue()]
