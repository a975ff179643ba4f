"""Shared by all TCP connections of the station: ownership, and detection of a lost peer."""

from __future__ import annotations

import ipaddress
import socket

VANISHED_S = 20  # without a sign of life while something is under way to it, or after IDLE_S
IDLE_S = 60
PROBES = 3
_NETWORK_BITS = 64  # an IPv6 network gives each host as many addresses as it likes


def origin(host: str) -> str:
    """Whose connection it is, for bounds per address: an IPv4 address or an IPv6 network."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))


def notice_vanished(sock: socket.socket) -> None:
    """End the connection within seconds of losing the peer, not after a quarter of an hour.

    Source: tcp(7), TCP_USER_TIMEOUT; macOS lacks it and keeps its own time.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", IDLE_S), ("TCP_KEEPINTVL", VANISHED_S // PROBES),
        ("TCP_KEEPCNT", PROBES), ("TCP_USER_TIMEOUT", VANISHED_S * 1000),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
