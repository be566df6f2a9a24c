"""What the page of a rule's form says of the rule: names for its template (SPEC U9, R15)."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import url_for

from webapp.history.filters import forms_of_run, query_string
from webapp.history.why import Why
from webapp.rules.describe import criterion_words
from webapp.web.submission_words import day_words


def why_words(why: Why | None) -> dict[str, Any]:
    """The variables of `submissions/_why.html` and `_rule.html`; only `why_rule`, which is None,
    for a form that no rule wrote."""
    if why is None:
        return {"why_rule": None}
    rule_id, run = why.rule.rule_id, why.run
    return {
        "why_rule": why,
        "why_today": day_words(date.fromisoformat(run.today)) if run.today else "",
        "why_urls": {
            "rule": url_for("rules.show", rule_id=rule_id),
            "version": url_for("rules.version", rule_id=rule_id, number=run.rule_version),
            "run": url_for("runs.show", run_id=run.id),
            "forms": f"{url_for('submissions.index')}?{query_string(forms_of_run(run.id))}",
        },
        "criterion_words": criterion_words,
    }
