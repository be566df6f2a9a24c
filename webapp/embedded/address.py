"""Where the web server of an embedded installation listens."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from ipaddress import ip_address

from webapp.errors import CasekeeperError

#: How many ports after the usual one are tried when that is busy.
OTHER_PORTS = 20
LAST_PORT = 65535
#: So many wait to be answered, as with gunicorn.
BACKLOG = 2048
#: Hosts that mean every address of this machine, and one at which it reaches itself.
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  told apart, not bound


def listen(host: str, port: int, *, asked_for: bool, say: Callable[[str], None]) -> socket.socket:
    """A socket that listens at this port, or when nobody asked for it at the next that is free.

    It is taken at once and kept: between a look whether a port is free and the start of the web
    server somebody else could take it, and would then be announced as this one. Raises
    `CasekeeperError` with what to set when one cannot listen there.
    """
    if not 0 < port <= LAST_PORT:
        raise CasekeeperError(f"PORT must be a number from 1 to {LAST_PORT}, not {port}.")
    others = 0 if asked_for else OTHER_PORTS
    for candidate in range(port, min(port + others, LAST_PORT) + 1):
        listener = _listener(host, candidate)
        if listener is not None:
            if candidate != port:
                say(f"Port {port} is taken, so this is port {candidate}.")
            return listener
    if asked_for:
        raise CasekeeperError(
            f"Port {port} is taken by another program. Stop that one, or set PORT to another"
            " number."
        )
    raise CasekeeperError("No port is free. Set PORT to a number that is.")


def location(host: str, port: int) -> str:
    """Host and port as in an address; IPv6 stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def page_address(host: str, port: int) -> str:
    """The address to open on this machine."""
    return f"http://{location(EVERYWHERE.get(host, host), port)}/"


def is_loopback(host: str) -> bool:
    """Whether a host, as in the Host header, is this machine itself."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _listener(host: str, port: int) -> socket.socket | None:
    """None when somebody else has it."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        # As gunicorn does: the remains of closed connections do not count.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            return None
        if error.errno == errno.EACCES:
            raise CasekeeperError(
                f"This account may not listen on port {port}. Set PORT to 1024 or more."
            ) from error
        raise CasekeeperError(
            f"HOST is “{host}”, which is no address of this machine. Set it to 127.0.0.1, or"
            " to 0.0.0.0 to be reached from other machines."
        ) from error
    return listener
