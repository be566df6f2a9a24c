"""Writing what was measured, with the machine, the date and the commit."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.load import Load
from bench.receive import REACH, Found

ROOT = Path(__file__).resolve().parent.parent


def write_results(path: Path | None, found: Sequence[Found]) -> str:
    """The results as Markdown, also written to `path` if there is one."""
    text = "\n".join([*_head(), *(line for one in found for line in _receive(one))]) + "\n"
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
