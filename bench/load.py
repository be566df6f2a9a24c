"""Sending requests from several senders at once, each over a connection that it keeps."""

from __future__ import annotations

import base64
import http.client
import queue
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """One request to be sent."""

    method: str
    path: str
    body: bytes = b""


@dataclass(frozen=True)
class Load:
    """What a load came to: requests a second, and the times of single ones in milliseconds."""

    rate: float
    p50: float
    p95: float


def run_load(
    port: int,
    requests: Iterable[Request],
    *,
    senders: int,
    expect: int,
    username: str = "",
    password: str = "",
) -> Load:
    """Send all requests and time them. Raises when one is answered otherwise than `expect`."""
    waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
    for request in requests:
        waiting.put(request)
    headers = {"Content-Type": "text/xml"}
    if username:
        credentials = base64.b64encode(f"{username}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {credentials}"
    times: list[float] = []
    problems: list[str] = []

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not problems:
                times.append(_send_one(connection, waiting.get_nowait(), headers, expect))
        except queue.Empty:
            pass
        except (OSError, http.client.HTTPException, UnexpectedError) as error:
            problems.append(str(error) or repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(senders)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - start
    if problems:
        raise RuntimeError(problems[0])
    return summary(times, took)


class UnexpectedError(Exception):  # it is an answer
    """An answer that was not expected."""


def _send_one(
    connection: http.client.HTTPConnection, request: Request, headers: dict[str, str], expect: int
) -> float:
    """Send a request and return the seconds to the end of its answer."""
    start = time.perf_counter()
    connection.request(request.method, request.path, request.body or None, headers)
    response = connection.getresponse()
    body = response.read()
    took = time.perf_counter() - start
    if response.status != expect:
        raise UnexpectedError(f"{request.path}: status {response.status}: {body[:300]!r}")
    return took


def summary(times: list[float], took: float) -> Load:
    """The figures of a load from the seconds of its requests and of the whole."""
    ordered = sorted(times)
    return Load(
        rate=len(times) / took,
        p50=1000 * ordered[len(ordered) // 2],
        p95=1000 * ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))],
    )
