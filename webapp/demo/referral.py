"""Referrals to a facility, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from webapp.demo import app_forms
from webapp.demo.pen import Pen
from webapp.demo.staff import Promoter
from webapp.demo.xform import Block, Filled, uuid_of

_URGENT = {"bleeding", "high_blood_pressure", "less_movement", "fever"}
HOSPITAL = "Yala Sub-County Hospital"


@dataclass(slots=True)
class Referral:
    """A referral that has not ended."""

    case_id: str
    slip: str
    asked: int = 0


def refer(
    random: Random, pen: Pen, by: Promoter, day: date, *, pregnancy: str, mother: str, why: str
) -> tuple[Referral, Block]:
    """Send a mother to a facility: a case that belongs to that of her pregnancy, and is shared with
    all who work for the promoter's facility."""
    sent = Referral(uuid_of(random), f"{by.village.number:02}/{random.randrange(1, 9999):04}")
    urgent = why in _URGENT
    opens = Block(
        sent.case_id,
        create={
            "case_type": "referral",
            "case_name": f"{mother}: {why.replace('_', ' ')}",
            "owner_id": by.shares_with,
        },
        update={
            "reason": why,
            "urgency": "today" if urgent else "this_week",
            "facility": HOSPITAL if urgent else by.village.facility,
            "slip_number": sent.slip,
            "referred_on": day.isoformat(),
            "expected_by": pen.day(day + timedelta(days=1 if urgent else 7)),
            "status": "open",
        },
        index={"host": ("pregnancy", pregnancy, "extension")},
    )
    return sent, opens


def follow_up(random: Random, pen: Pen, sent: Referral, day: date) -> tuple[Filled, bool]:
    """Ask whether she went; whether it is settled."""
    sent.asked += 1
    went = random.random() < 0.72
    said = {
        "status": "attended" if went else "not_attended",
        "attended_on": pen.day(pen.remembered(day - timedelta(days=4))) if went else "",
        "advice": random.choice(("", "", "come_again", "admitted", "medicine_given"))
        if went
        else "",
        "why_not": ""
        if went
        else random.choice(("distance", "money", "husband_refused", "felt_better", "queue")),
        "asked_times": str(sent.asked),
    }
    settled = went or sent.asked >= 3
    return Filled(
        app_forms.FOLLOW_UP, {"follow_up": said}, [Block(sent.case_id, update=said, close=settled)]
    ), settled
