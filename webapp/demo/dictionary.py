"""What the programme's office has said about its case types and properties."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.exchange.dictionary_table import carry_out, plan_import

FILE = Path(__file__).with_suffix(".csv")


def describe_data(session: Session, project_id: int, *, by: Actor) -> None:
    """Fill in the dictionary, but for what nobody thought of: that is learned from the forms."""
    plan = plan_import(session, project_id, FILE.read_text("utf-8"))
    assert not plan.faults, plan.faults
    carry_out(session, project_id, plan, by=by)
