"""What the sharing check finds (SPEC C2, C5)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.people import scene
from webapp.database import write_transaction
from webapp.dictionary.models import CaseType, Sharing
from webapp.projects.models import Project
from webapp.sharing.check import SharingCheck, Why, count_wrong_workers, sharing_check


def found(session: Session, project: Project) -> SharingCheck:
    session.rollback()
    return sharing_check(session, project.id)


def test_a_project_that_shares_nothing_is_clean(session: Session, project: Project):
    (amina,) = scene.workers(project, "amina")
    open_case(session, project.id, "hers", owner_id=amina.user_id)
    scene.group(project, "Talk", sharing=False)
    scene.location(project, "North", scene.level(project, owns=False))
    check = found(session, project)
    assert (check.used, check.workers, check.clean) == (False, (), True)
    assert count_wrong_workers(session, project.id) == 0


def test_workers_with_none_or_several_are_wrong(session: Session, project: Project):
    amina, beno, cora, dora = scene.workers(project, "amina", "beno", "cora", "dora")
    scene.deactivate(dora)
    scene.group(project, "East", amina, beno)
    scene.location(project, "North", scene.level(project), beno)
    scene.group(project, "Talk", cora, sharing=False)
    check = found(session, project)
    assert [(one.username, [two.name for two in one.owners]) for one in check.workers] == [
        ("beno", ["East", "North"]),
        ("cora", []),
    ]
    assert count_wrong_workers(session, project.id) == 2
    with write_transaction():
        session.add(CaseType(project_id=project.id, name="household", sharing=Sharing.SHARED))
    assert found(session, project).shared_types == ("household",)


def test_cases_that_reach_nobody(session: Session, project: Project):
    amina, beno = scene.workers(project, "amina", "beno")
    scene.deactivate(beno)
    officer = factories.web_user(project)
    left = scene.web_user_who_left(project)
    places = scene.level(project)
    team, alone = scene.group(project, "Team", amina), scene.group(project, "Alone", beno)
    owners = {
        amina.user_id: None,
        team.group_id: None,
        officer.user_id: None,
        beno.user_id: Why.DEACTIVATED,
        left.user_id: Why.LEFT,
        alone.group_id: Why.EMPTY,
        scene.group(project, "Gone", amina, deleted=True).group_id: Why.DELETED,
        scene.group(project, "Talk", amina, sharing=False).group_id: Why.NOT_SHARING,
        scene.location(project, "Old", places, amina, archived=True).location_id: Why.ARCHIVED,
        scene.location(project, "Empty", places).location_id: Why.EMPTY,
        "nobody": Why.NOBODY,
    }
    for number, owner_id in enumerate(owners):
        for n in range(number):
            open_case(session, project.id, f"c{number}-{n}", owner_id=owner_id)
    send(session, project.id, form(case_block("shut", create={"owner_id": "x"}, close=True)))
    check = found(session, project)
    assert check.lost is not None
    assert [(one.owner_id, one.why, one.cases) for one in check.lost] == [
        (owner_id, why, number)
        for number, (owner_id, why) in reversed(list(enumerate(owners.items())))
        if why
    ]
    assert check.lost_cases == sum(one.cases for one in check.lost)
    assert {one.owner.name if one.owner else None for one in check.lost} >= {
        "Old",
        "beno",
        left.email,
        None,
    }
    assert [one.name for one in check.groups] == ["Alone"]
    assert not check.clean
    other = factories.project()
    assert found(session, other).clean


def test_an_extension_without_an_owner_goes_where_its_open_host_goes(
    session: Session, project: Project
):
    (amina,) = scene.workers(project, "amina")
    open_case(session, project.id, "host", owner_id=amina.user_id)
    open_case(session, project.id, "shut", owner_id=amina.user_id)
    open_case(session, project.id, "alone", owner_id="-")
    for target in ("host", "shut"):
        for owner_id in ("-", "nobody"):
            extension = case_block(
                f"{target} {owner_id}".replace(" ", "/"),
                create={"case_type": "referral", "owner_id": owner_id},
                index={"host": ("patient", target, "extension")},
            )
            send(session, project.id, form(extension))
    send(session, project.id, form(case_block("shut", close=True)))
    lost = found(session, project).lost
    assert lost is not None
    assert {(one.owner_id, one.why): one.cases for one in lost} == {
        ("-", Why.NO_OWNER): 2,
        ("nobody", Why.NOBODY): 2,
    }


def test_what_takes_too_long_is_not_known(session: Session, project: Project):
    open_case(session, project.id, "c", owner_id="nobody")
    session.rollback()
    check = sharing_check(session, project.id, limit_s=0)
    assert check.lost is None
    assert not check.clean
