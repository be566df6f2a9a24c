"""Pregnancies: registered at home, visited every month, followed for six weeks after the birth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from webapp.demo import app_forms, names, referral
from webapp.demo.household import Household
from webapp.demo.pen import Pen
from webapp.demo.referral import Referral
from webapp.demo.staff import Promoter
from webapp.demo.xform import Block, Filled, uuid_of

_BLOOD_GROUPS = ("O+", "A+", "B+", "AB+", "O-", "")
_BLOOD_SHARES = (42, 22, 18, 4, 3, 11)


@dataclass(slots=True)
class Pregnancy:
    """What there is to know of a pregnancy; its promoter knows less."""

    case_id: str
    household: Household
    name: str
    edd: date
    born_on: date
    facility: str
    weight: float
    haemoglobin: float
    systolic: float
    visits: int = 0
    pnc_visits: int = 0
    doses: int = 0
    #: Until when somebody follows it: miscarriages and those who move away end early.
    over: bool = False


def register(
    random: Random, pen: Pen, by: Promoter, household: Household, day: date
) -> tuple[Pregnancy, Filled]:
    """A new pregnancy, and the form that opens its case in the household's."""
    weeks = min(37, max(6, round(random.gauss(19, 6.5))))
    lmp = day - timedelta(days=weeks * 7 + random.randrange(7))
    edd = lmp + timedelta(days=280)
    pregnancy = Pregnancy(
        case_id=uuid_of(random),
        household=household,
        name=names.woman(random),
        edd=edd,
        born_on=max(edd + timedelta(days=round(random.gauss(-3, 9))), day + timedelta(days=3)),
        facility=by.village.facility,
        weight=random.gauss(62, 8),
        haemoglobin=random.gauss(11.1, 1.35),
        systolic=random.gauss(133, 9) if random.random() < 0.05 else random.gauss(111, 8),
    )
    age = min(44, max(15, random.gauss(25.5, 6)))
    gravida = 1 + min(8, max(0, round((age - 18) / 3.7 + random.gauss(0, 0.9))))
    began = random.random() < 0.55
    mother = {
        "mother": pen.name(pregnancy.name),
        "age": pen.number(age),
        "phone": pen.phone() if random.random() < 0.7 else "",
        "gravida": str(gravida),
        "parity": str(max(0, gravida - 1 - (random.random() < 0.1))),
    }
    booklet = {
        "lmp": lmp.isoformat() if random.random() < 0.8 else "",
        "edd": pen.day(edd),
        "anc_number": _anc_number(random, pen, day) if began else "",
        "blood_group": random.choices(_BLOOD_GROUPS, _BLOOD_SHARES)[0] if began else "",
        "hiv_test": random.choices(("negative", "positive", "declined"), (88, 8, 4))[0]
        if began
        else "not_yet",
        "facility": pregnancy.facility,
    }
    update = mother | booklet
    del update["mother"]
    block = Block(
        pregnancy.case_id,
        create={
            "case_type": "pregnancy",
            "case_name": mother["mother"],
            "owner_id": by.user_id,
        },
        update={
            **update,
            "registered_on": day.isoformat(),
            "anc_visits": "0",
            "risk": "low",
            "next_visit": (day + timedelta(days=28)).isoformat(),
        },
        index={"parent": ("household", household.case_id, "child")},
    )
    home = Block(household.case_id, update={"pregnant_woman": "yes"})
    return pregnancy, Filled(
        app_forms.REGISTER_PREGNANCY, {"mother": mother, "booklet": booklet}, [block, home]
    )


#: What somebody once wrote into the field for the number of the card.
_NOTE = (
    "mama lost the card when the roof was leaking, the nurse at the facility said she must come on"
    " a Tuesday with the old booklet and the ID of the husband before they can write another one,"
    " I have told her twice and the mother in law also, I will go again with the assistant chief"
    " next week, old number maybe 0"
)


def _anc_number(random: Random, pen: Pen, day: date) -> str:
    number = f"{random.randrange(1, 1900):04}/{day:%y}"
    if pen.slip(0.25):
        return f"{_NOTE}{number}"
    return number.replace("/", "-") if pen.slip() else number


def anc_visit(
    random: Random, pen: Pen, by: Promoter, pregnancy: Pregnancy, day: date
) -> tuple[Filled, Referral | None]:
    """A visit before the birth, which may end in a referral."""
    pregnancy.visits += 1
    pregnancy.weight += random.gauss(1.6, 0.7)
    pregnancy.haemoglobin += random.gauss(0.1, 0.5)
    pregnancy.systolic += random.gauss(0.8, 4)
    pregnancy.doses += random.random() < 0.6
    diastolic = pregnancy.systolic * 0.62 + random.gauss(0, 4)
    danger = random.choices(
        ("none", "headache", "swelling", "bleeding", "fever", "less_movement"),
        (90, 3, 3, 1.5, 1.5, 1),
    )[0]
    checks = {
        "weight": pen.number(pregnancy.weight, 1, "kg"),
        "bp_systolic": pen.number(pregnancy.systolic),
        "bp_diastolic": pen.number(diastolic),
        "hb": pen.number(pregnancy.haemoglobin, 1, "g/dl") if random.random() < 0.62 else "",
        "muac": pen.number(random.gauss(25.5, 2.1), 1, "cm"),
    }
    care = {
        "iptp_doses": str(pregnancy.doses),
        "takes_ifas": random.choices(("yes", "no", "sometimes"), (66, 12, 22))[0],
        "danger_signs": danger,
        "birth_plan": "yes" if pregnancy.visits > 1 or random.random() < 0.3 else "no",
    }
    visit = {
        "last_visit": day.isoformat(),
        "anc_visits": str(pregnancy.visits),
        "next_visit": (day + timedelta(days=random.choice((28, 28, 28, 30, 14)))).isoformat(),
    }
    block = Block(pregnancy.case_id, update={**checks, **care, **visit})
    filled = Filled(app_forms.ANC_VISIT, {"checks": checks, "care": care, "visit": visit}, [block])
    why = _why_refer(random, pregnancy, danger)
    if why is None:
        return filled, None
    sent, opens = referral.refer(
        random, pen, by, day, pregnancy=pregnancy.case_id, mother=pregnancy.name, why=why
    )
    filled.blocks.append(opens)
    filled.answers = {**filled.answers, "referral": {"reason": why, "slip": sent.slip}}
    return filled, sent


def _why_refer(random: Random, pregnancy: Pregnancy, danger: str) -> str | None:
    if danger != "none":
        return danger
    if pregnancy.systolic >= 140:
        return "high_blood_pressure"
    if pregnancy.haemoglobin < 8:
        return "anaemia"
    if pregnancy.visits == 1 and random.random() < 0.24:
        return "first_anc_visit"
    return "other" if random.random() < 0.03 else None


def delivery(random: Random, pen: Pen, pregnancy: Pregnancy) -> Filled:
    """The birth, as the family tells it some days later."""
    at_home = random.random() < 0.17
    outcome = random.choices(("live_birth", "stillbirth", "twins"), (95.5, 2, 2.5))[0]
    birth = {
        "delivery_date": pregnancy.born_on.isoformat(),
        "delivery_place": "home" if at_home else "facility",
        "outcome": outcome,
        "skilled_attendant": "no" if at_home and random.random() < 0.8 else "yes",
    }
    baby = {}
    if outcome != "stillbirth":
        baby = {
            "baby_sex": random.choice(("girl", "boy")),
            "baby_weight": "" if at_home else pen.number(random.gauss(3.15, 0.45), 2, "kg"),
            "breastfed_within_hour": random.choices(("yes", "no"), (82, 18))[0],
        }
    block = Block(pregnancy.case_id, update={**birth, **baby, "next_visit": ""})
    return Filled(app_forms.DELIVERY, {"birth": birth, "baby": baby}, [block])


def pnc_visit(random: Random, pregnancy: Pregnancy, day: date, *, last: bool) -> Filled:
    """A visit after the birth; the last one closes the case."""
    pregnancy.pnc_visits += 1
    mother = {
        "pnc_visits": str(pregnancy.pnc_visits),
        "last_visit": day.isoformat(),
        "pnc_danger_signs": random.choices(("none", "fever", "bleeding"), (95, 3, 2))[0],
        "family_planning": random.choices(
            ("none", "implant", "injection", "pills"), (52, 18, 24, 6)
        )[0],
    }
    baby = {
        "breastfeeding": random.choices(("exclusive", "mixed", "no"), (84, 12, 4))[0],
        "bcg": "yes" if random.random() < 0.88 else "no",
    }
    block = Block(pregnancy.case_id, update={**mother, **baby}, close=last)
    return Filled(app_forms.PNC_VISIT, {"mother": mother, "baby": baby}, [block])


def end(random: Random, pregnancy: Pregnancy, day: date) -> Filled:
    """It ended before its time, or the mother has moved away."""
    why = random.choices(("miscarriage", "moved_away", "mother_died"), (57, 40, 3))[0]
    said = {"end_reason": why, "ended_on": day.isoformat()}
    block = Block(pregnancy.case_id, update=said, close=True)
    home = Block(pregnancy.household.case_id, update={"pregnant_woman": "no"})
    return Filled(app_forms.END, {"end": said}, [block, home])
