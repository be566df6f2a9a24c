"""A run in a terminal: as lines, and whether it went well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from webapp.cli.command import printable
from webapp.rules.models import RunState

NOBODY_CAME = (
    "No worker came. What was asked for is queued, and will be done as soon as one is at work."
)

_COUNTS = (
    "open_cases", "matched", "changed", "closed", "related_updates", "submissions", "unchanged",
    "skipped", "errors", "left",
)  # fmt: skip
_TIMES = ("slot", "queued_on", "held_on", "started_on", "finished_on")


def went_well(run: dict[str, Any]) -> bool:
    """Whether a run that is over did all that it should: finished, and no case at fault."""
    return run["state"] == RunState.FINISHED and not run["errors"]


def line_of(run: dict[str, Any]) -> str:
    """A run in one line."""
    as_of = f"  as of {run['as_of']}" if run["as_of"] else ""
    errors = f", {run['errors']:,} errors" if run["errors"] else ""
    would = "" if run["would_change"] is None else f" of {run['would_change']:,} that would"
    return (
        f"{run['id']}  {run['queued_on']}  {run['state']}  {printable(run['rule_name'])}"
        f"  {run['matched']:,} matched, {run['changed']:,} changed{would}{errors}{as_of}"
    )


def lines_of(run: dict[str, Any]) -> Iterator[str]:
    """All of a run."""
    yield f"run {run['id']}: {run['state']}"
    yield f"rule: {printable(run['rule_name'])} ({run['rule_id']}, version {run['rule_version']})"
    yield f"trigger: {run['trigger']}"
    for name in ("as_of", *_TIMES, "problem"):
        if run[name] is not None:
            yield f"{name}: {printable(run[name])}"
    for name in _COUNTS:
        yield f"{name}: {run[name]:,}"
    if run["would_change"] is not None:
        yield f"would_change: {run['would_change']:,}"
    if run["decision"] is not None:
        decided = run["decision"]
        why = f": {printable(decided['reason'])}" if decided["reason"] else ""
        yield f"decided: {decided['on']} by {printable(decided['by'])}{why}"
    if run["superseded_by"] is not None:
        yield f"superseded_by: {run['superseded_by']}"
    if run["undo"] is not None:
        undo = run["undo"]
        yield f"{undo['kind']}: {undo['state']}, {undo['succeeded']:,} forms"
        yield f"undone: {run['undone']:,} of {run['submissions']:,} forms"
    for case in run["error_cases"]:
        yield f"  {case['case_id']}: {printable(case['message'])}"
    unnamed = run["errors"] - len(run["error_cases"])
    if run["error_cases"] and unnamed > 0:
        yield f"  … and {unnamed:,} more"
