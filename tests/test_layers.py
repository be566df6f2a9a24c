"""Imports run one way (see CONTRIBUTING): a room may use those below it, never those above."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WEBAPP = ROOT / "webapp"

#: From the bottom up; the rooms of one row do not import each other.
FLOORS: tuple[frozenset[str], ...] = (
    frozenset(
        {
            "errors",
            "extensions",
            "columns",
            "joins",
            "sqlite_lock",
            "sqlite_memory",
            "mail_settings",
        }
    ),
    frozenset({"time_limit", "ending", "redis_socket", "database_faults"}),
    frozenset({"clock", "database", "config", "readers", "strict_json"}),
    frozenset({"projects", "audit"}),
    frozenset({"dictionary"}),
    frozenset({"people"}),
    frozenset({"mail"}),
    frozenset({"cases"}),
    frozenset({"submissions"}),
    frozenset({"jobs"}),
    frozenset({"sharing"}),
    frozenset({"rules"}),
    frozenset({"history"}),
    frozenset({"exchange"}),
    frozenset({"models", "database_upgrade", "embedded", "demo"}),
    frozenset({"web", "api", "cli"}),
    frozenset({"__init__"}),
)
#: Audit is written by operations of every room, so it stands below all of them but the tables'
#: ground; and projects use it.
ALSO = {("projects", "audit")}
#: Only these may know a request.
HTTP = {"web", "api", "__init__"}


def modules() -> Iterator[Path]:
    for path in sorted(WEBAPP.rglob("*.py")):
        if "migrations" not in path.parts:
            yield path


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def floor_of(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ""


@pytest.mark.parametrize("path", list(modules()), ids=name_of)
def test_a_module_imports_only_from_below(path: Path):
    module = name_of(path)
    here = room_of(module)
    for imported, _ in imports_of(path):
        if not imported.startswith("webapp."):
            continue
        there = room_of(imported)
        if here == there or (here, there) in ALSO:
            continue
        assert floor_of(there) < floor_of(here), f"{module} imports {imported}"


@pytest.mark.parametrize("path", list(modules()), ids=name_of)
def test_only_the_edges_know_a_request(path: Path):
    if room_of(name_of(path)) in HTTP:
        return
    assert ("flask", "request") not in set(imports_of(path))


def test_every_room_has_its_floor():
    rooms = {room_of(name_of(path)) for path in modules()}
    assert rooms == set().union(*FLOORS)
