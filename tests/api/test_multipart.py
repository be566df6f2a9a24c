"""Taking a multipart body apart costs what it weighs, whatever its parts say about themselves
(SPEC S11, X5)."""

from __future__ import annotations

import io
import time
import tracemalloc

import pytest

from webapp.api import multipart

DISPOSITION = b'Content-Disposition: form-data; name="a"; filename="b"'


def body_of(headers: bytes, parts: int = 1) -> bytes:
    return b"--b\r\n%s\r\n\r\nzz\r\n" % headers * parts + b"--b--\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        DISPOSITION + b"\r\nX: y" * 500_000,
        b"X: y\r\n" * 500_000 + DISPOSITION,
        DISPOSITION + b"; a=b" * 500_000,
        DISPOSITION + b";" * 3_000_000,
        DISPOSITION + b"; x=" + b"y" * 16_000,
    ],
    ids=["many", "many before", "parameters", "semicolons", "just too long"],
)
def test_long_headers_are_not_read(headers: bytes):
    body = io.BytesIO(body_of(headers))
    began = time.process_time()
    tracemalloc.start()
    try:
        with (
            pytest.raises(multipart.NotMultipart, match="headers of a part are longer than 16,000"),
            multipart.opened(body, "b"),
        ):
            pass
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000_000
    assert time.process_time() - began < 1


def test_nor_are_those_of_very_many_parts():
    headers = DISPOSITION + b";" * 15_000
    began = time.process_time()
    with (
        pytest.raises(multipart.NotMultipart, match="headers of all parts"),
        multipart.opened(io.BytesIO(body_of(headers, 900)), "b"),
    ):
        pass
    assert time.process_time() - began < 2


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\r\r"])
def test_headers_may_be_as_long_as_that(end: bytes):
    headers = DISPOSITION + b"; x=" + b"y" * (15_990 - len(DISPOSITION))
    body = b"--b\r\n%s%szz\r\n--b--\r\n" % (headers, end)
    with multipart.opened(io.BytesIO(body), "b") as (part,):
        assert (part.field, part.filename, part.stream.read()) == ("a", "b", b"zz")


def test_a_thousand_parts_may_say_what_phones_say():
    headers = (
        b'Content-Disposition: form-data; name="%s"; filename="%s.jpg"\r\n'
        b"Content-Type: image/jpeg\r\nContent-Transfer-Encoding: binary"
    ) % (b"n" * 100, b"f" * 250)
    with multipart.opened(io.BytesIO(body_of(headers, 1_000)), "b") as parts:
        assert len(parts) == 1_000
