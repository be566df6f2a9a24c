"""The parts of a `multipart/form-data` body, every byte of them as it came (SPEC S1, S5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import (
    BLANK_LINE_RE,
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
    State,
)

#: How much is read at a time.
CHUNK = 1 << 16
#: What is larger lies in a temporary file and not in memory.
IN_MEMORY = 500_000
#: No form has more parts.
MAX_PARTS = 1_000
#: What a part says about itself in bytes, and all of them together: half a kilobyte is usual. To
#: read it takes twenty times its length in memory, and half a second for each megabyte.
MAX_HEADERS = 16_000
MAX_ALL_HEADERS = 1_000_000


class NotMultipart(ValueError):
    """The body is not what its content type says it is, or its parts say too much."""


@dataclass(slots=True)
class Part:
    """One part: its field, its file name ("" where none was given), its type, and its bytes.

    A part without a file name is nothing less than one with it: some tools send forms so.
    """

    field: str
    filename: str
    content_type: str
    stream: IO[bytes]


@contextmanager
def opened(body: IO[bytes], boundary: str) -> Iterator[list[Part]]:
    """The parts of a body, whose streams are closed with the block.

    Raises `NotMultipart`, and `RequestEntityTooLarge` over `MAX_PARTS`. Memory: `IN_MEMORY` for
    each part at most. We do not leave it to the framework: that answers what it cannot read with
    "there are no parts", and reads a part without a file name as text, with what is no UTF-8 in it
    replaced.
    """
    with ExitStack() as stack:

        def spool() -> IO[bytes]:
            return stack.enter_context(temporary())

        try:
            parts = _parts(body, boundary.encode("ascii"), spool)
        except NotMultipart:
            raise
        except ValueError as error:  # the decoder's own word for all that it cannot read
            raise NotMultipart(
                "The multipart body cannot be taken apart: it has no end, or not the boundary that"
                " its type names, or a part without its name."
            ) from error
        yield parts


def temporary() -> IO[bytes]:
    """A nameless file, in memory while it is small."""
    return SpooledTemporaryFile(max_size=IN_MEMORY)


class _Decoder(MultipartDecoder):
    """The framework's, which reads headers of any length."""

    _all_headers = 0

    def next_event(self) -> Event:
        """What comes next."""
        if self.state is State.PART:
            self._measure_headers()
        return super().next_event()

    def _measure_headers(self) -> None:
        end = BLANK_LINE_RE.search(self.buffer, 0, MAX_HEADERS)
        if end is not None:
            self._all_headers += end.start()
        elif len(self.buffer) > MAX_HEADERS:
            raise NotMultipart(f"The headers of a part are longer than {MAX_HEADERS:,} bytes.")
        if self._all_headers > MAX_ALL_HEADERS:
            raise NotMultipart(
                f"The headers of all parts are longer than {MAX_ALL_HEADERS:,} bytes."
            )


def _parts(body: IO[bytes], boundary: bytes, spool: Callable[[], IO[bytes]]) -> list[Part]:
    decoder = _Decoder(boundary)
    parts: list[Part] = []
    while True:
        chunk = body.read(CHUNK)
        decoder.receive_data(chunk or None)  # None: this was all
        while not isinstance(event := decoder.next_event(), (NeedData, Epilogue)):
            if isinstance(event, (Field, File)):
                if len(parts) == MAX_PARTS:
                    raise RequestEntityTooLarge(f"The form has more than {MAX_PARTS:,} parts.")
                parts.append(_part(event, spool()))
            elif isinstance(event, Data):
                parts[-1].stream.write(event.data)
        if not chunk:
            break
    for part in parts:
        part.stream.seek(0)
    return parts


def _part(event: Field | File, stream: IO[bytes]) -> Part:
    return Part(
        event.name or "",  # the type says that there is one; the sender may not have given it
        event.filename if isinstance(event, File) else "",
        parse_options_header(event.headers.get("content-type"))[0],
        stream,
    )
