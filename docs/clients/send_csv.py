#!/usr/bin/env python3
"""Send the rows of a CSV file to a Casekeeper project: one form, and one case, for each row.

Wants Python 3.10 or newer and nothing else. For example:

    python3 send_csv.py patients.csv --url http://127.0.0.1:5000/a/demo \\
        --user fatima --password-file secret.txt \\
        --case-type patient --id-column id --name-column name

What a row becomes
  A form with one case block that opens the case and sets one property for each column. Values are
  sent exactly as they stand in the file: nothing is trimmed, translated or left out, and an empty
  cell becomes the empty text.

Names
  A column's name becomes the name of its property. What XML allows in a name stays as it is
  (date.onset, größe); every other character becomes "_" (a space, a colon, a bracket); a name that
  begins with a digit, "." or "-" gets "_" in front; a column without a name is column_<number>.
  A column that is called like a word of the format itself (name, case_name, case_type, case_id,
  owner_id, user_id, external_id, date_opened, date_modified) gets "_column" at its end, so that it
  is a property like the others. Two columns that end up with one name are refused.

Sending again
  Case and form ids follow from the project's URL, the case type and the value of --id-column
  (without that option: the number of the row). So the same file sent again changes nothing: the
  server says of each form that it has it. A row that was corrected is an edit of its form, and the
  case follows. A row that is changed back to what was sent before is not: the server has that form
  already, so it is a duplicate, and the case keeps the correction. To change it back, edit the case
  on its page, or send the file with another --xmlns, which makes other forms of all its rows.
  Two rows with the same id are an error of the second.

The password is read from --password-file (its first line), else from CASEKEEPER_PASSWORD.
Exit status: 0 when all rows are on the server, 1 when some are not, 2 when nothing could be sent.
"""

from __future__ import annotations

import argparse
import base64
import csv
import email.utils
import http.client
import os
import re
import socket
import ssl
import sys
import time
import urllib.parse
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

CASE_XMLNS = "http://commcarehq.org/case/transaction/v2"
META_XMLNS = "http://openrosa.org/jr/xforms"
FORM_XMLNS = "http://casekeeper/clients/send_csv"

RESERVED = {
    "name",
    "case_name",
    "case_type",
    "case_id",
    "owner_id",
    "user_id",
    "external_id",
    "date_opened",
    "date_modified",
}

#: What may begin an XML name, and what may follow (without the colon, which means a prefix).
_STARTS = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NOT_IN_NAMES = re.compile(f"[^-.0-9\u00b7\u0300-\u036f\u203f\u2040{_STARTS}]")
_NOT_FIRST = re.compile(f"[^{_STARTS}]")
#: What no XML document can carry, however it is written.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

ATTEMPTS = 6
LONGEST_WAIT = 60.0


class Stop(Exception):
    """Nothing more can be sent; the message says why."""


class Options(NamedTuple):
    """What the forms need to know."""

    project_url: str
    case_type: str
    id_column: str | None
    name_column: str | None
    owner: str
    xmlns: str


class Answer(NamedTuple):
    """What became of a form: `processed`, `duplicate` or `error`, and the server's words."""

    outcome: str
    words: str


def element_name(column: str, number: int) -> str:
    """The XML name for a column (see "Names" above); `number` counts from 1."""
    name = _NOT_IN_NAMES.sub("_", column) or f"column_{number}"
    if _NOT_FIRST.match(name):
        name = "_" + name
    return name + "_column" if name in RESERVED else name


def element_names(header: list[str]) -> list[str]:
    """The names for all columns. Raises Stop when two would be one."""
    names = [element_name(column, number) for number, column in enumerate(header, start=1)]
    for name, count in Counter(names).items():
        if count > 1:
            columns = [
                f"“{column}”" for column, made in zip(header, names, strict=True) if made == name
            ]
            raise Stop(f"The columns {' and '.join(columns)} would both be the property {name}.")
    return names


def ids_for(options: Options, row_id: str) -> tuple[str, str]:
    """The case's id and the form's, always the same for the same row."""
    project = uuid.uuid5(uuid.NAMESPACE_URL, options.project_url)
    case = uuid.uuid5(project, f"{options.case_type}\n{row_id}")
    return str(case), str(uuid.uuid5(case, options.xmlns))


def form_for(
    options: Options, names: list[str], header: list[str], row: list[str], row_id: str
) -> bytes:
    """The form of one row, always the same bytes for the same row.

    It carries no time of its own: the server takes the time of its arrival.
    """
    case_id, instance_id = ids_for(options, row_id)
    cells = dict(zip(header, row, strict=True))
    case_name = cells[options.name_column] if options.name_column else row_id
    owner = f"<owner_id>{_text(options.owner)}</owner_id>" if options.owner else ""
    properties = "".join(
        f"<{name}>{_text(cell)}</{name}>" for name, cell in zip(names, row, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<data xmlns={quoteattr(options.xmlns)} name="Row of a CSV file">'
        f'<case xmlns="{CASE_XMLNS}" case_id="{case_id}">'
        f"<create><case_type>{_text(options.case_type)}</case_type>"
        f"<case_name>{_text(case_name)}</case_name>{owner}</create>"
        f"<update>{properties}</update></case>"
        f'<meta xmlns="{META_XMLNS}"><deviceID>send_csv.py</deviceID>'
        f"<instanceID>{instance_id}</instanceID></meta></data>\n"
    ).encode()


def _text(value: str) -> str:
    found = _NOT_IN_XML.search(value)
    if found:
        raise ValueError(f"it has the character U+{ord(found.group()):04X}, which XML cannot carry")
    return escape(value, {"\r": "&#13;"})  # a bare CR would arrive as LF


class Receiver:
    """The project's receiver, over one connection that is kept open."""

    def __init__(self, project_url: str, user: str, password: str, multipart: bool) -> None:
        parts = urllib.parse.urlsplit(project_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Stop("--url must look like http://127.0.0.1:5000/a/demo")
        self._path = parts.path.rstrip("/") + "/receiver/"
        if parts.scheme == "https":
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=60, context=ssl.create_default_context()
            )
        else:
            self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        credentials = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        self._headers = {"Authorization": f"Basic {credentials}", "X-OpenRosa-Version": "3.0"}
        self._multipart = multipart

    def send(self, form: bytes) -> Answer:
        """Send a form until it is answered: again after 429, 503 and a lost connection.

        That is safe: a form that had arrived after all is a duplicate then. Raises Stop when there
        is no sense in going on.
        """
        wait = 1.0
        for attempt in range(ATTEMPTS):
            try:
                status, headers, body = self._post(form)
            except (OSError, http.client.HTTPException) as error:
                problem = f"The server cannot be reached: {error or type(error).__name__}"
                self._connection.close()
            else:
                if status not in (429, 503):
                    return _answer(status, headers, body)
                problem = f"The server is busy (status {status})."
                wait = max(wait, _retry_after(headers.get("Retry-After")))
            if attempt + 1 < ATTEMPTS:
                time.sleep(min(wait, LONGEST_WAIT))
                wait = min(wait * 2, LONGEST_WAIT)
        raise Stop(problem)

    def _post(self, form: bytes) -> tuple[int, http.client.HTTPMessage, bytes]:
        body, content_type = (
            _multipart(form) if self._multipart else (form, "text/xml; charset=utf-8")
        )
        headers = {**self._headers, "Content-Type": content_type}
        self._connection.request("POST", self._path, body, headers)
        if self._connection.sock is not None:
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        response = self._connection.getresponse()
        return response.status, response.headers, response.read()


def _multipart(form: bytes) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    head = (
        f"--{boundary}\r\nContent-Disposition: form-data;"
        ' name="xml_submission_file"; filename="form.xml"\r\nContent-Type: text/xml\r\n\r\n'
    )
    body = head.encode("ascii") + form + f"\r\n--{boundary}--\r\n".encode("ascii")
    return body, f"multipart/form-data; boundary={boundary}"


def _answer(status: int, headers: http.client.HTTPMessage, body: bytes) -> Answer:
    if status == 401:
        raise Stop(
            "The server does not accept this user and password, or there is no such project."
        )
    if status in (403, 404):
        raise Stop(
            f"The server refuses (status {status}): {_words(body) or 'see --url and --user'}"
        )
    try:
        message = ET.fromstring(body).find("{*}message")  # noqa: S314  # our server's
    except ET.ParseError:
        message = None
    if message is None:
        return Answer("error", f"status {status}: {_words(body)}")
    words = (message.text or "").strip()
    if status == 201 and message.get("nature") == "submit_success":
        again = headers.get("X-Casekeeper-Outcome") == "duplicate"
        return Answer("duplicate" if again else "processed", words)
    return Answer("error", words or f"status {status}")


def _words(body: bytes) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", body.decode("utf-8", "replace")).split())[:200]


def _retry_after(value: str | None) -> float:
    """Seconds to wait, from a Retry-After header in either of its two forms."""
    if not value:
        return 0.0
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def read_rows(path: str, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with the line each ends on, header first; blank lines are left out."""
    csv.field_size_limit(sys.maxsize)
    # newline="": the csv module must see line ends as they are, for those inside a cell to be kept.
    with Path(path).open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        for row in reader:
            if row:
                yield reader.line_num, row


class File:
    """The rows of a file, made into forms."""

    def __init__(self, options: Options, header: list[str]) -> None:
        """Raises Stop when the columns are not as they must be."""
        if not header:
            raise Stop("The file is empty: its first line must name the columns.")
        for column in (options.id_column, options.name_column):
            if column is not None and column not in header:
                raise Stop(f"There is no column “{column}”. There are: {', '.join(header)}.")
        self._options = options
        self._header = header
        self._names = element_names(header)
        self._lines: dict[str, int] = {}

    def form(self, row: list[str], number: int, line: int) -> bytes:
        """The form of a row. Raises ValueError, with the reason, when it cannot be one."""
        if len(row) != len(self._header):
            raise ValueError(f"it has {len(row)} cells, and there are {len(self._header)} columns")
        column = self._options.id_column
        row_id = row[self._header.index(column)] if column is not None else str(number)
        if not row_id:
            raise ValueError(f"“{column}” is empty")
        if row_id in self._lines:
            raise ValueError(f"the id “{row_id}” stands in line {self._lines[row_id]} already")
        self._lines[row_id] = line
        return form_for(self._options, self._names, self._header, row, row_id)


def send_file(arguments: argparse.Namespace, password: str) -> int:
    """Send all rows and print the counts; returns the exit status."""
    options = Options(
        arguments.url.rstrip("/"),
        arguments.case_type,
        arguments.id_column,
        arguments.name_column,
        arguments.owner,
        arguments.xmlns,
    )
    multipart = arguments.send_as == "multipart"
    receiver = Receiver(options.project_url, arguments.user, password, multipart)
    rows = read_rows(arguments.file, arguments.encoding, arguments.delimiter)
    _, header = next(rows, (0, []))
    file = File(options, header)
    counts: Counter[str] = Counter()
    on_terminal = sys.stderr.isatty()
    stopped = None
    try:
        for number, (line, row) in enumerate(rows, start=1):
            try:
                answer = receiver.send(file.form(row, number, line))
            except ValueError as error:
                answer = Answer("error", str(error))
            counts[answer.outcome] += 1
            if answer.outcome == "error":
                print(f"Line {line}: {answer.words}", file=sys.stderr)
            if on_terminal:
                _progress(counts)
    except (Stop, csv.Error, UnicodeError) as error:
        stopped = f"Stopped after {sum(counts.values())} rows. {error}"
    if on_terminal:
        print(file=sys.stderr)
    if counts["duplicate"]:
        print(
            "Duplicates changed nothing: the server has had these forms before, also where another"
            " version has replaced one since.",
            file=sys.stderr,
        )
    print(
        f"{sum(counts.values())} rows: {counts['processed']} processed,"
        f" {counts['duplicate']} duplicates, {counts['error']} errors"
    )
    if stopped:
        print(stopped, file=sys.stderr)
        return 1 if counts else 2
    return 1 if counts["error"] else 0


def _progress(counts: Counter[str]) -> None:
    print(
        f"\r{sum(counts.values())} rows: {counts['processed']} processed,"
        f" {counts['duplicate']} duplicates, {counts['error']} errors",
        end="",
        file=sys.stderr,
        flush=True,
    )


def read_password(path: str | None) -> str:
    """The password from the file's first line, else from the environment. Raises Stop."""
    if path:
        try:
            with Path(path).open(encoding="utf-8") as file:
                return file.readline().rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            raise Stop(f"The password file cannot be read. {path}: {error}") from error
    password = os.environ.get("CASEKEEPER_PASSWORD")
    if password is None:
        raise Stop("Give --password-file, or set CASEKEEPER_PASSWORD.")
    return password


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "file", metavar="FILE", help="the CSV file; its first line names the columns"
    )
    parser.add_argument("--url", required=True, help="the project, as http://127.0.0.1:5000/a/demo")
    parser.add_argument("--user", required=True, help="a mobile worker, or a web user's address")
    parser.add_argument("--password-file", help="a file with the password in its first line")
    parser.add_argument("--case-type", required=True, help="the type of the cases")
    parser.add_argument("--id-column", help="the column that tells rows apart (else: their number)")
    parser.add_argument("--name-column", help="the column to name the cases by (else: the id)")
    parser.add_argument("--owner", default="", help="the owner's id (else: the user)")
    parser.add_argument("--as", dest="send_as", choices=("multipart", "raw"), default="multipart")
    parser.add_argument("--xmlns", default=FORM_XMLNS, help="the forms' xmlns (%(default)s)")
    parser.add_argument("--encoding", default="utf-8-sig", help="of the file (UTF-8)")
    parser.add_argument("--delimiter", default=",", help="between cells (a comma)")
    arguments = parser.parse_args()
    try:
        return send_file(arguments, read_password(arguments.password_file))
    except Stop as error:
        print(error, file=sys.stderr)
    except (OSError, LookupError, csv.Error, UnicodeError) as error:
        print(f"{arguments.file}: {error}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
