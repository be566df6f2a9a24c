"""The screens of rules and of runs with all their routes, which stand in several files."""

from __future__ import annotations

from webapp.web.views import (
    rule,
    rule_cases,
    rule_check,
    rule_check_unsaved,
    rule_form,
    rule_names,
    rule_rows,
    rule_state,
    rules_import,
    rules_several,
    rules_several_run,
    run,
    run_decision,
    run_undo,
)
from webapp.web.views.rules import rules
from webapp.web.views.runs import runs

__all__ = [
    "rule",
    "rule_cases",
    "rule_check",
    "rule_check_unsaved",
    "rule_form",
    "rule_names",
    "rule_rows",
    "rule_state",
    "rules",
    "rules_import",
    "rules_several",
    "rules_several_run",
    "run",
    "run_decision",
    "run_undo",
    "runs",
]
