"""Households: registered once, then visited every few months."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random

from webapp.demo import app_forms, names
from webapp.demo.pen import Pen
from webapp.demo.places import SUB_COUNTY
from webapp.demo.staff import Promoter
from webapp.demo.xform import Block, Filled, uuid_of

WATER = ("borehole", "protected_spring", "unprotected_spring", "river", "piped", "rain_water")
_WATER_SHARES = (34, 27, 9, 12, 10, 8)


@dataclass(slots=True)
class Household:
    """What its promoter knows of a household."""

    case_id: str
    head: str
    people: int
    under_5: int
    nets: int
    moved: bool = False
    pregnant: bool = False
    visits: int = 0


def register(
    random: Random, pen: Pen, by: Promoter, day: date, number: int
) -> tuple[Household, Filled]:
    """A new household, and the form that opens its case."""
    family = names.family(random)
    head = f"{names.man(random) if random.random() < 0.7 else names.woman(random)} {family}"
    people = min(14, max(2, round(random.gauss(5.2, 1.9))))
    household = Household(
        case_id=uuid_of(random),
        head=head,
        people=people,
        under_5=min(people - 1, random.choice((0, 0, 1, 1, 1, 2, 2, 3))),
        nets=min(people, random.choice((0, 1, 1, 2, 2, 3))),
    )
    latitude, longitude = by.village.middle
    gps = (
        f"{random.gauss(latitude, 0.006):.6f} {random.gauss(longitude, 0.006):.6f}"
        f" {random.gauss(1390, 25):.1f} {random.choice((4, 5, 8, 12, 20))}.0"
    )
    place = {
        "sub_county": SUB_COUNTY,
        "ward": by.village.ward,
        "village": pen.village(by.village),
        "gps": "" if pen.slip(2) else gps,
    }
    home = {
        "people": pen.number(people),
        "children_under_5": str(household.under_5),
        "women_15_49": str(max(1, round(people / 4))),
        "bed_nets": str(household.nets),
        "water_source": random.choices(WATER, _WATER_SHARES)[0],
        "latrine": random.choices(("yes", "shared", "no"), (71, 17, 12))[0],
        "insured": random.choices(("yes", "no", ""), (31, 64, 5))[0],
    }
    head_of_household = {"head_of_household": pen.name(head), "phone": pen.phone()}
    block = Block(
        household.case_id,
        create={
            "case_type": "household",
            "case_name": f"{family} household",
            "owner_id": by.user_id,
            "external_id": f"{by.village.number:02}-{number:04}",
        },
        update={
            **place,
            **head_of_household,
            **home,
            "registered_on": day.isoformat(),
            "last_visit": day.isoformat(),
            "visits": "0",
            "moved_away": "no",
        },
    )
    answers = {"place": place, "head": head_of_household, "home": home}
    return household, Filled(app_forms.REGISTER_HOUSEHOLD, answers, [block])


def visit(random: Random, pen: Pen, household: Household, day: date) -> Filled:
    """A visit: what has changed, and whether the family is still there."""
    household.visits += 1
    moved = random.random() < 0.018
    seen = {
        "last_visit": day.isoformat(),
        "visits": str(household.visits),
        "anyone_at_home": "no" if moved or random.random() < 0.06 else "yes",
    }
    news: dict[str, str] = {}
    if moved:
        household.moved = True
        news["moved_away"] = "yes"
    elif seen["anyone_at_home"] == "yes":
        if random.random() < 0.15:
            household.people += random.choice((-1, 1, 1))
            news["people"] = pen.number(household.people)
        if random.random() < 0.25:
            household.nets = max(0, household.nets + random.choice((-1, 1, 2)))
        news |= {
            "bed_nets": str(household.nets),
            "slept_under_net": str(min(household.people, household.nets * 2)),
            "visit_due": "no",
        }
        if random.random() < 0.04:
            news["phone"] = pen.phone()
    block = Block(household.case_id, update={**seen, **news})
    return Filled(app_forms.VISIT_HOUSEHOLD, {"visit": seen, "household": news}, [block])
