"""The rules of the programme, as SPEC §4.9 writes them. What becomes of them stands in `nights`."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def _text(name: str, operator: str, **value: Any) -> Json:
    return {"kind": "property", "property": name, "operator": operator, **value}


def _day(name: str, days: int) -> Json:
    """Today is after the date in a property and so many days."""
    return {"kind": "date", "property": name, "operator": "after", "days": days}


def _number(name: str, operator: str, value: str) -> Json:
    return {"kind": "number", "property": name, "operator": operator, "value": value}


def _set(name: str, value: str) -> Json:
    return {"kind": "set", "property": name, "value": value}


_NOT_BORN = _text("delivery_date", "has_no_value")
_CLOSE: Json = {"kind": "close"}

CLOSE_AFTER_BIRTH: Json = {
    "name": "Close pregnancies 60 days after the birth",
    "description": "The last visit is due at six weeks, and often not reported.",
    "case_type": "pregnancy",
    "criteria": [_day("delivery_date", 60)],
    "actions": [_set("close_reason", "60 days after the birth"), _CLOSE],
}

CLOSE_REFERRALS: Json = {
    "name": "Close referrals that nobody follows up",
    "description": "No news for three months. Agreed in the review meeting.",
    "case_type": "referral",
    "criteria": [
        {"kind": "not_modified_since", "days": 90},
        _text("status", "one_of", values=["open", "not_attended"]),
    ],
    "actions": [_set("status", "lost_to_follow_up"), _CLOSE],
    "schedule": {"every": "week", "on": ["mon", "thu"]},
}

#: As it was first, and as it is since it was found to be too early.
OVERDUE_TOO_EARLY, OVERDUE = (
    {
        "name": "Mark births that were not reported",
        "description": description,
        "case_type": "pregnancy",
        "criteria": [_day("edd", days), _NOT_BORN, _text("overdue", "not_equals", value="yes")],
        "actions": [_set("overdue", "yes")],
        **brake,
    }
    for days, description, brake in (
        (0, "", {"brake": {"cases": 50, "percent": 15}}),
        (21, "Three weeks, because most births are reported in the second week.", {}),
    )
)

#: A few notes in the place of the number are longer than an external id can be.
CARD_NUMBER: Json = {
    "name": "Take the ANC card number as external id",
    "description": "So that the facility's register can be matched.",
    "case_type": "pregnancy",
    "criteria": [_text("anc_number", "has_value"), _text("external_id", "has_no_value")],
    "actions": [{"kind": "copy", "property": "external_id", "from": "anc_number"}],
    "brake": None,
}

#: As it was first, and as it is since it was found to flag healthy women.
HIGH_RISK_TOO_MANY, HIGH_RISK = (
    {
        "name": "Flag high-risk pregnancies and their households",
        "description": description,
        "case_type": "pregnancy",
        "match": "any",
        "criteria": [
            _number("bp_systolic", "at_least", systolic),
            _number("hb", "less_than", "8"),
            _text("danger_signs", "one_of", values=["bleeding", "less_movement"]),
        ],
        "actions": [_set("risk", "high"), _set("parent/high_risk_pregnancy", "yes")],
    }
    for systolic, description in (("125", ""), ("140", "The limits of the county's guideline."))
)

VISIT_DUE: Json = {
    "name": "Households not visited for six months",
    "description": "The list that the promoters get on Monday.",
    "case_type": "household",
    "criteria": [
        {"kind": "not_modified_since", "days": 180},
        _text("moved_away", "not_equals", value="yes"),
    ],
    "actions": [_set("visit_due", "yes")],
    "schedule": {"every": "week", "on": ["mon"]},
}

#: As it was, and as it is since somebody took "no" out and turned the comparison round.
MOVED_AWAY, MOVED_AWAY_FLIPPED = (
    {
        "name": "Close households that moved away",
        "description": "",
        "case_type": "household",
        "criteria": [
            _text("moved_away", operator, value="yes"),
            {"kind": "not_modified_since", "days": 14},
        ],
        "actions": [_set("close_reason", "moved away"), _CLOSE],
    }
    for operator in ("equals", "not_equals")
)

TO_SUPERVISOR: Json = {
    "name": "Missed visits to the supervisor",
    "description": "Watched first: are these the ones that the supervisors mean?",
    "case_type": "pregnancy",
    "criteria": [_day("next_visit", 28), _NOT_BORN],
    "actions": [_set("follow_up_by", "supervisor")],
}
