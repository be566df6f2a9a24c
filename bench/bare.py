"""The bare insert: what the server wrote, written once more by hand-written SQL.

The rows are read back from the database and written into a second project, one transaction for
each form, without parsing, locking, HTTP or an ORM. No server can be faster than this.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from typing import Any

from bench.load import Load, summary
from bench.server import Server

#: Columns that are copied as they are.
_SUBMISSION = (
    "submission_id, state, xmlns, name, app_id, app_version, device_id, time_start, time_end,"
    " user_id, username, user_kind, sent_by, own, received_on, indexed_on"
)
_CASE = (
    "case_id, type, name, owner_id, external_id, opened_on, opened_by, modified_on, modified_by,"
    " closed, closed_on, closed_by, deleted, server_modified_on, indexed_on, properties"
)
_PER_CASE = len(_CASE.split(","))

Rows = tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]


def bare_insert(server: Server, cases: list[str], *, senders: int) -> tuple[Load, Load]:
    """Time the writing of the same rows: those of the creating forms, those of the updating."""
    first = _Connection(server)
    project = first.second_project()
    rows = first.rows(cases)
    wanted = [(kind, rows[kind]) for kind in ("create", "update")]
    first.close()
    # SQLite has one writer at a time: more would only wait for each other.
    connections = [_Connection(server) for _ in range(1 if not server.database_url else senders)]
    create, update = (_write(connections, project, kind, some) for kind, some in wanted)
    for connection in connections:
        connection.close()
    return create, update


def _write(connections: list[_Connection], project: int, kind: str, rows: list[Rows]) -> Load:
    waiting: queue.SimpleQueue[Rows] = queue.SimpleQueue()
    for row in rows:
        waiting.put(row)
    times: list[float] = []
    problems: list[Exception] = []

    def work(connection: _Connection) -> None:
        while not problems:
            try:
                row = waiting.get_nowait()
            except queue.Empty:
                return
            start = time.perf_counter()
            try:
                connection.write(project, kind, row)
            except Exception as error:  # noqa: BLE001  # whoever waits raises it again  # raised again by the one who waits
                problems.append(error)
            times.append(time.perf_counter() - start)

    threads = [threading.Thread(target=work, args=(connection,)) for connection in connections]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - start
    if problems:
        raise problems[0]
    return summary(times, took)


class _Connection:
    """The driver's own connection, with the few differences between the two."""

    def __init__(self, server: Server) -> None:
        self._sqlite = not server.database_url
        self._connection: Any
        if self._sqlite:
            self._connection = sqlite3.connect(
                server.sqlite, isolation_level=None, check_same_thread=False
            )
            for pragma in ("synchronous = FULL", "foreign_keys = ON", "busy_timeout = 5000"):
                self._connection.execute(f"PRAGMA {pragma}")
        else:
            import psycopg

            url = server.database_url.replace("postgresql+psycopg://", "postgresql://")
            self._connection = psycopg.connect(url, autocommit=True)
        self._json = "?" if self._sqlite else "%s::jsonb"

    def run(self, statement: str, values: tuple[Any, ...] = ()) -> Any:
        return self._connection.execute(
            statement if self._sqlite else statement.replace("?", "%s"), values
        )

    def close(self) -> None:
        self._connection.close()

    def second_project(self) -> int:
        """A project to write into; returns its key."""
        key: int = self.run(
            "INSERT INTO project (name, title, created_on, timezone, anonymous_submissions,"
            " anonymous_quota) SELECT 'bare', title, created_on, timezone, anonymous_submissions,"
            " anonymous_quota FROM project WHERE name = 'bench' RETURNING id"
        ).fetchone()[0]
        self.run("INSERT INTO tick (project_id, last) VALUES (?, 0)", (key,))
        return key

    def rows(self, cases: list[str]) -> dict[str, list[Rows]]:
        """What the server wrote for each of the forms of these cases, in the order of arrival."""
        as_text = "" if self._sqlite else "::text"
        submission = ", ".join(f"s.{name.strip()}" for name in _SUBMISSION.split(","))
        case = ", ".join(f"c.{name.strip()}" for name in _CASE.split(","))
        found: dict[str, list[Rows]] = {"create": [], "update": []}
        wanted = set(cases)
        for row in self.run(
            f"SELECT {submission}, {case}{as_text}, x.sha256, x.content,"
            f" t.change{as_text}, t.before{as_text}"
            " FROM case_transaction t JOIN submission s ON s.id = t.submission"
            " JOIN submission_xml x ON x.submission = s.id JOIN cases c ON c.id = t.case"
            " ORDER BY s.received_on".replace("t.case", 't."case"')
        ):
            n = len(_SUBMISSION.split(","))
            one, two = tuple(row[:n]), tuple(row[n : n + _PER_CASE])
            if two[0] in wanted:
                kind = "create" if one[2].endswith("create") else "update"
                found[kind].append((one, two, tuple(row[-4:-2]), tuple(row[-2:])))
        return found

    def write(self, project: int, kind: str, rows: Rows) -> None:
        """One form in one transaction: submission, XML, case, case transaction, tick."""
        submission, case, xml, transaction = rows
        marks = ", ".join("?" for _ in submission)
        self.run("BEGIN IMMEDIATE" if self._sqlite else "BEGIN")
        key = self.run(
            f"INSERT INTO submission (project_id, {_SUBMISSION}) VALUES (?, {marks}) RETURNING id",
            (project, *submission),
        ).fetchone()[0]
        self.run(
            "INSERT INTO submission_xml (project_id, submission, sha256, content)"
            " VALUES (?, ?, ?, ?)",
            (project, key, *xml),
        )
        if kind == "create":
            marks = ", ".join("?" for _ in case[1:])
            case_key = self.run(
                f"INSERT INTO cases (project_id, {_CASE}) VALUES (?, {marks}, {self._json})"
                " RETURNING id",
                (project, *case),
            ).fetchone()[0]
        else:
            names = [name.strip() for name in _CASE.split(",")[1:]]
            sets = ", ".join(f"{name} = ?" for name in names[:-1])
            case_key = self.run(
                f"UPDATE cases SET {sets}, properties = {self._json}"
                " WHERE project_id = ? AND case_id = ? RETURNING id",
                (*case[1:], project, case[0]),
            ).fetchone()[0]
        self.run(
            'INSERT INTO case_transaction (project_id, "case", submission, change, before)'
            f" VALUES (?, ?, ?, {self._json}, {self._json})",
            (project, case_key, key, *transaction),
        )
        self.run(
            "UPDATE tick SET last = ? WHERE project_id = ?",
            (submission[-1], project),
        )
        self.run("COMMIT")
