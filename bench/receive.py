"""Receiving forms with one case each, over HTTP with Basic (DESIGN "Figures").

In one run, on one server: opening cases, updating them, the same server's `/healthz`, and the bare
insert of the same rows by hand-written SQL.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from sqlalchemy import make_url

from bench.bare import bare_insert
from bench.load import Load, Request, run_load
from bench.server import PROJECT, USERNAME, Server, cpu_seconds, serve

PATH = f"/a/{PROJECT}/receiver/"

#: What a second must bring at least (DESIGN "Figures").
REACH = {"sqlite": 200, "postgresql": 300}


@dataclass(frozen=True)
class Found:
    """The figures of one database."""

    database: str
    forms: int
    senders: int
    healthz: Load
    create: Load
    update: Load
    alone: Load
    bare_create: Load
    bare_update: Load
    #: Milliseconds of the server's processors for each form, where the system tells.
    cpu_create: float | None
    cpu_update: float | None


def measure(database: str, *, forms: int, senders: int) -> Found:
    """Start a server on an empty database and measure it. `forms` of each kind are sent by
    `senders` at once, and a tenth of them by one alone."""
    with serve(database) as server:
        cases = [str(uuid.uuid4()) for _ in range(forms)]
        few = max(1, forms // 10)
        first = min(senders * 20, forms)
        _send(server, [_form(str(uuid.uuid4()), "create") for _ in range(first)], senders)
        _let_it_count(server)
        healthz = run_load(
            server.port,
            [Request("GET", "/healthz") for _ in range(forms)],
            senders=senders,
            expect=200,
        )
        create, cpu_create = _send_timed(server, [_form(one, "create") for one in cases], senders)
        update, cpu_update = _send_timed(server, [_form(one, "update") for one in cases], senders)
        alone = _send(server, [_form(str(uuid.uuid4()), "create") for _ in range(few)], 1)
        bare_create, bare_update = bare_insert(server, cases, senders=senders)
        return Found(
            database,
            forms,
            senders,
            healthz,
            create,
            update,
            alone,
            bare_create,
            bare_update,
            cpu_create,
            cpu_update,
        )


def _let_it_count(server: Server) -> None:
    """Let PostgreSQL look at what it has, as it does by itself within a minute."""
    if server.database_url:
        dsn = make_url(server.database_url).set(drivername="postgresql")
        with psycopg.connect(dsn.render_as_string(hide_password=False)) as connection:
            connection.execute("ANALYZE")


def _send_timed(server: Server, forms: list[bytes], senders: int) -> tuple[Load, float | None]:
    before = cpu_seconds(server)
    load = _send(server, forms, senders)
    after = cpu_seconds(server)
    if before is None or after is None:
        return load, None
    return load, 1000 * (after - before) / len(forms)


def _send(server: Server, forms: list[bytes], senders: int) -> Load:
    return run_load(
        server.port,
        _requests(forms),
        senders=senders,
        expect=201,
        username=USERNAME,
        password=server.password,
    )


def _requests(forms: list[bytes]) -> Iterator[Request]:
    for form in forms:
        yield Request("POST", PATH, form)


def _form(case_id: str, kind: str) -> bytes:
    """A form like a phone's: some answers, one case with six properties, a meta block."""
    create = (
        "<create><case_type>patient</case_type><case_name>Amina Yusuf</case_name></create>"
        if kind == "create"
        else ""
    )
    village = "Kisumu" if kind == "create" else "Homa Bay"
    answers = (
        f"<village>{village}</village><dob>1994-03-17</dob><phone>+254 700 000000</phone>"
        "<status>open</status><risk>low</risk><note>seen at home, no complaints</note>"
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<data xmlns="http://casekeeper/bench/{kind}" name="Bench {kind}" version="7">{answers}'
        f'<case xmlns="http://commcarehq.org/case/transaction/v2" case_id="{case_id}"'
        f' date_modified="2025-03-01T10:00:00.000Z">{create}<update>{answers}</update></case>'
        '<meta xmlns="http://openrosa.org/jr/xforms"><deviceID>bench</deviceID>'
        "<timeStart>2025-03-01T09:55:00.000Z</timeStart>"
        "<timeEnd>2025-03-01T10:00:00.000Z</timeEnd>"
        f"<instanceID>{uuid.uuid4()}</instanceID></meta></data>"
    ).encode()
