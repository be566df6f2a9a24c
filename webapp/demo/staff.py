"""Who works in the programme: community health promoters with phones, and the office."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from webapp.demo import names
from webapp.demo.places import SUB_COUNTY, VILLAGES, Village, place_id


@dataclass(frozen=True, slots=True)
class Promoter:
    """A mobile worker: visits the households of a village."""

    username: str
    name: str
    user_id: str
    village: Village
    #: From when until when; None for whoever is still there.
    begins: date
    ends: date | None
    #: A number of their own among all, from 0.
    number: int
    #: The names of the locations that they are assigned to.
    places: tuple[str, ...]

    @property
    def shares_with(self) -> str:
        """The id of the facility with which they share what they refer; their own where they are at
        none, as the app has it."""
        here = next((place for place in self.places if place != SUB_COUNTY), None)
        return self.user_id if here is None else place_id(here)


@dataclass(frozen=True, slots=True)
class OfficePerson:
    """A web user: keeps the data in order, or reads it."""

    email: str
    name: str
    user_id: str
    role: str


DATA_OFFICER = OfficePerson(
    "grace.atieno@demo.example", "Grace Atieno", "9d1c5e0f4b7a46c8a2e3f1078b5d6a01", "editor"
)
MANAGER = OfficePerson(
    "james.okumu@demo.example", "James Okumu", "2f7b8c3d9e1046a5b4c7d8e9f0a1b2c3", "editor"
)
OFFICE = (DATA_OFFICER, MANAGER)

#: The share of people that each training brought in, and on which day of the programme.
_TRAININGS = ((0, 0.42), (84, 0.33), (203, 0.2), (434, 0.05))

#: Who is not at the facility of their village alone, by number: one sees to the whole sub-county,
#: one was never assigned to anything, one helps out at another facility.
_SUPERVISOR, _FORGOTTEN, _BOTH = 2, 3, 4


def promoters(random: Random, number: int, first: date, last: date) -> list[Promoter]:
    """The mobile workers of a programme that runs from one day to another.

    Some leave before its end, and others come in their place.
    """
    hired: list[Promoter] = []
    taken = {one.email.partition("@")[0] for one in OFFICE}
    for place in range(number):
        begins = first + timedelta(days=_training(place / number, (last - first).days))
        ends = None
        if place % 17 == 5:  # a few do not stay
            ends = begins + (last - begins) * random.uniform(0.45, 0.75)
        name, username = _name(random, taken)
        village = VILLAGES[place % len(VILLAGES)]
        user_id = f"{random.getrandbits(128):032x}"
        places = _places(place, village)
        hired.append(Promoter(username, name, user_id, village, begins, ends, place, places))
    return hired


def _places(number: int, village: Village) -> tuple[str, ...]:
    if number == _SUPERVISOR:
        return (SUB_COUNTY,)
    if number == _FORGOTTEN:
        return ()
    if number == _BOTH:
        other = VILLAGES[(village.number + 2) % len(VILLAGES)]
        return (village.facility, other.facility)
    return (village.facility,)


def _training(share: float, days: int) -> int:
    """On which day of a programme of so many days a person of a place in the list begins."""
    day, total = 0, 0.0
    for begins, part in _TRAININGS:
        if share >= total:
            day = begins
        total += part
    return day * days // 730


def _name(random: Random, taken: set[str]) -> tuple[str, str]:
    while True:
        name = names.woman(random) if random.random() < 0.72 else names.man(random)
        username = name.lower().replace(" ", ".")
        if username not in taken:
            taken.add(username)
            return name, username
