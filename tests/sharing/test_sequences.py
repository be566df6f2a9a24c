"""Whatever happens in whatever order, a phone that has synchronized holds exactly its scope, as the
server has it; and it begins again only where a case was reopened (SPEC P2–P5, P7)."""

from __future__ import annotations

import random

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.sharing.office import Office
from tests.thorough import examples
from webapp.projects.models import Project

#: What happens in one story; about a fifth of it are synchronizations, and nine more at its end.
STEPS = 120


@pytest.mark.parametrize("number", range(examples(3)))
def test_phones_hold_their_scope(
    session: Session, project: Project, client: FlaskClient, number: int
):
    seed = random.randrange(1 << 30)
    print("seed", seed, "of story", number)
    office = Office(session, project, client, random.Random(seed))
    for _ in range(STEPS):
        office.something()
    office.finish()
