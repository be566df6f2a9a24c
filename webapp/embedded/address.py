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
#: Hosts that mean every address of this machine, and one at which it reaches itself.
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  told apart, not bound


def free_port(host: str, port: int, *, asked_for: bool, say: Callable[[str], None]) -> int:
    """The port to listen on: this one, or when nobody asked for it the next that is free.

    Raises `CasekeeperError` with what to set when one cannot listen there.
    """
    if not 0 < port <= LAST_PORT:
        raise CasekeeperError(f"PORT must be a number from 1 to {LAST_PORT}, not {port}.")
    others = 0 if asked_for else OTHER_PORTS
    for candidate in range(port, min(port + others, LAST_PORT) + 1):
        if _is_free(host, candidate):
            if candidate != port:
                say(f"Port {port} is taken, so this is port {candidate}.")
            return candidate
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


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        # As gunicorn does: the remains of closed connections do not count.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            if error.errno == errno.EACCES:
                raise CasekeeperError(
                    f"This account may not listen on port {port}. Set PORT to 1024 or more."
                ) from error
            raise CasekeeperError(
                f"HOST is “{host}”, which is no address of this machine. Set it to 127.0.0.1, or"
                " to 0.0.0.0 to be reached from other machines."
            ) from error
    return True
