"""Writing what was measured, with the machine, the date and the commit."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import apply, fair, match, preview, restore
from bench.apply import Applied
from bench.fair import Waited
from bench.history import Histories
from bench.load import Load
from bench.match import Matched
from bench.panel import Panel
from bench.preview import Previewed, Previews
from bench.receive import REACH, Found
from bench.restore import Restored

ROOT = Path(__file__).resolve().parent.parent


Figures = Found | Matched | Previews | Applied | Waited | Restored | Histories


def write_results(path: Path | None, found: Sequence[Figures]) -> str:
    """The results as Markdown, also written to `path` if there is one."""
    text = "\n".join([*_head(), *(line for one in found for line in _lines(one))]) + "\n"
    if path is not None:
        path.write_text(text, encoding="utf-8")
    return text


def _head() -> list[str]:
    return [
        "# Results of the benchmarks",
        "",
        (
            "Written by `python -m bench`. Ratios within one run are what counts; absolute figures"
            " are for orientation."
        ),
        "",
        (
            f"- machine: {cores()} cores, {_memory()} of memory, {platform.machine()},"
            f" {platform.system()} {platform.release()}"
        ),
        f"- Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        f"- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"- commit: {_commit()}",
        "",
    ]


def _lines(found: Figures) -> list[str]:
    if isinstance(found, Found):
        return _receive(found)
    if isinstance(found, Previews):
        return _preview(found)
    if isinstance(found, Waited):
        return _fair(found)
    if isinstance(found, Histories):
        return found.lines()
    if isinstance(found, Restored):
        return _restore(found)
    return _match(found) if isinstance(found, Matched) else _apply(found)


def _match(found: Matched) -> list[str]:
    ratio = found.rule / found.by_hand
    million = found.rule * 1_000_000 / found.cases
    return [
        f"## Matching {found.cases:,} open cases, on {found.database}",
        "",
        (
            f"A rule with three property conditions, {found.matched:,} of which match, without an"
            f" index on properties. To reach: {match.REACH_RATIO} × SQL by hand"
            f" ({_verdict(ratio <= match.REACH_RATIO)}), {match.REACH_SECONDS} s for a million"
            f" cases ({_verdict(million <= match.REACH_SECONDS)} by this size)."
        ),
        "",
        "| what | seconds | × SQL by hand |",
        "|---|---:|---:|",
        f"| the compiled rule | {found.rule:.3f} | {ratio:.2f} |",
        f"| SQL by hand | {found.by_hand:.3f} | 1.00 |",
        "",
    ]


def _preview(found: Previews) -> list[str]:
    return [
        f"## Previews over {found.cases:,} open cases, on {found.database}",
        "",
        (
            "All that a preview says: counts, funnel, unreadable values, what would change, the"
            " first cases. SQL by hand only counts those that match. Each hundred cases have a"
            f" parent. To reach: {preview.REACH_SECONDS} s for a million cases."
        ),
        "",
        "| rule | match | seconds | × SQL by hand | MB at its peak | by this size |",
        "|---|---:|---:|---:|---:|---|",
        *(_previewed(found, one) for one in found.found),
        "",
        f"To say that no case has a property, as when it is misspelled: {found.misspelled:.3f} s.",
        "",
        (
            "The panel in the form of a rule, as htmx asks for it, through the whole application;"
            " then while somebody else adds conditions to a form, without a pause and in the same"
            " process, and how long each of these takes."
        ),
        "",
        "| rule | seconds | by this size | kB | seconds meanwhile | adding, p50 ms | p95 ms |",
        "|---|---:|---|---:|---:|---:|---:|",
        *(_panel(found, one) for one in found.panels),
        "",
    ]


def _panel(found: Previews, one: Panel) -> str:
    reached = one.took * 1_000_000 / found.cases <= preview.REACH_SECONDS
    return (
        f"| {one.rule} | {one.took:.3f} | {_verdict(reached)} | {one.weight:.1f} |"
        f" {one.beside:.3f} | {one.others.p50:.0f} | {one.others.p95:.0f} |"
    )


def _previewed(found: Previews, one: Previewed) -> str:
    reached = one.took * 1_000_000 / found.cases <= preview.REACH_SECONDS
    memory = "" if one.memory is None else f"{one.memory:.0f}"
    return (
        f"| {one.rule} | {one.matched:,} | {one.took:.3f} | {one.took / one.by_hand:.1f} |"
        f" {memory} | {_verdict(reached)} |"
    )


def _apply(found: Applied) -> list[str]:
    over_bare, over_audited = found.run / found.bare, found.run / found.audited
    faster = found.orm / found.run
    return [
        f"## Closing {found.cases:,} cases with two properties each, on {found.database}",
        "",
        (
            f"To reach: {apply.REACH_BARE} × the bare update"
            f" ({_verdict(over_bare <= apply.REACH_BARE)}), {apply.REACH_AUDITED} × SQL by hand"
            f" with the same rows ({_verdict(over_audited <= apply.REACH_AUDITED)}),"
            f" {apply.REACH_ORM:.0f} times as fast as the ORM case by case"
            f" ({_verdict(faster >= apply.REACH_ORM)})."
        ),
        "",
        "| what | seconds | cases a second | × bare update |",
        "|---|---:|---:|---:|",
        _applied("the run of a rule, planned and in chunks", found, found.run),
        _applied("the undo of that run", found, found.undo),
        _applied("SQL by hand with the same audit rows, at once", found, found.audited),
        _applied("the bare update, no trace left, at once", found, found.bare),
        _applied("the ORM, case by case (from a sample)", found, found.orm),
        "",
    ]


def _applied(what: str, found: Applied, took: float) -> str:
    return f"| {what} | {took:.2f} | {found.cases / took:,.0f} | {took / found.bare:.1f} |"


def _fair(found: Waited) -> list[str]:
    small = f"the small run, asked for at {found.asked_at:,}"
    return [
        f"## Another project's rule during a run of {found.cases:,} cases, on {found.database}",
        "",
        (
            f"One worker. A rule of {fair.SMALL} cases in another project is run by hand as soon as"
            f" the large run changes cases. To reach: {fair.REACH_SECONDS:.0f} s"
            f" ({_verdict(found.small <= fair.REACH_SECONDS)})."
        ),
        "",
        "| what | seconds from asking to its end | cases of the large run done by then |",
        "|---|---:|---:|",
        f"| {small} | {found.small:.1f} | {found.ended_at:,} |",
        f"| the large run | {found.large:.1f} | {found.cases:,} |",
        "",
    ]


def _restore(found: Restored) -> list[str]:
    full = found.found[0]
    return [
        f"## Restoring one worker among {found.cases:,} cases, on {found.database}",
        "",
        (
            f"The worker's phone carries {full.cases:,} cases: {found.megabytes:.1f} MB of XML,"
            f" written into a file. To reach: {restore.REACH_SECONDS:.0f} s for 5,000"
            f" ({_verdict(full.took <= restore.REACH_SECONDS * max(1, full.cases / 5000))})."
        ),
        "",
        "| what | cases sent | seconds | × the bare SELECT | MB more at its peak |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {one.what} | {one.cases:,} | {one.took:.3f} | {one.took / found.bare.took:.1f} |"
            f" {'' if one.memory is None else f'{one.memory:.0f}'} |"
            for one in (found.bare, *found.found)
        ),
        "",
    ]


def _verdict(reached: bool) -> str:  # one word for the other
    return "reached" if reached else "not reached"


def _receive(found: Found) -> list[str]:
    many = f"{found.senders} at once"
    rows = [
        (f"open a case, {many}", found.create, found.bare_create, found.cpu_create),
        (f"update a case, {many}", found.update, found.bare_update, found.cpu_update),
        ("open a case, one sender", found.alone, None, None),
        (f"`/healthz`, {many}", found.healthz, None, None),
        ("bare insert of the opening forms' rows", found.bare_create, None, None),
        ("bare insert of the updating forms' rows", found.bare_update, None, None),
    ]
    reached = "reached" if found.create.rate >= REACH[found.database] else "not reached"
    return [
        f"## Receiving forms over HTTP with Basic, on {found.database}",
        "",
        (
            f"{found.forms} forms of each kind with one case each, gunicorn `-w 2 --threads 16`."
            f" To reach: {REACH[found.database]} a second ({reached})."
        ),
        "",
        "| what | a second | p50 ms | p95 ms | × bare insert | × `/healthz` | server CPU ms |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(_row(name, load, bare, found.healthz, cpu) for name, load, bare, cpu in rows),
        "",
        "× says how many times longer a form takes than the bare insert of its rows by hand-written"
        " SQL, one transaction for each form"
        + (" (one connection), " if found.database == "sqlite" else f" ({many}), ")
        + "and than an empty answer of the same server. CPU is what the web processes used for"
        " one form, without the database server.",
        "",
    ]


def _row(name: str, load: Load, bare: Load | None, healthz: Load, cpu: float | None) -> str:
    over_bare = f"{bare.rate / load.rate:.1f}" if bare else ""
    over_healthz = f"{healthz.rate / load.rate:.1f}" if bare else ""
    return (
        f"| {name} | {load.rate:,.0f} | {load.p50:.1f} | {load.p95:.1f} |"
        f" {over_bare} | {over_healthz} | {'' if cpu is None else f'{cpu:.1f}'} |"
    )


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB"
    except (ValueError, OSError):
        return "unknown size"


def _commit() -> str:
    def git(*command: str) -> str:
        done = subprocess.run(
            ["git", *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return "unknown"
    return commit + (" with changes" if git("status", "--porcelain", "-uno") else "")
