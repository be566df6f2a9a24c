"""Web users and their roles on screen: nobody gives or takes more than they have (SPEC X1)."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from webapp.audit.models import AuditEvent
from webapp.database import write_transaction
from webapp.people.models import Membership, WebUser
from webapp.projects.models import Project, Role


@pytest.fixture
def admin(project: Project) -> WebUser:
    return factories.web_user(project)


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/people/web-users/"


def test_somebody_is_added_gets_a_role_and_leaves(
    app: Flask, session: Session, project: Project, admin: WebUser, url: str
):
    browser = signed_in(app, admin)
    page = browser.get(url)
    assert page.rows("Roles, and what each may do")[0] == [
        "admin",
        "View, Edit data, Manage people, Admin, API access",
    ]
    page = page.click("Add a web user")
    wrong = page.form("Add").submit(email="nobody")
    assert wrong.errors == ["Choose a role."]
    wrong = wrong.form("Add").submit(role="viewer")
    assert wrong.errors[0].startswith("“nobody” is no e-mail address.")
    email = f"{factories.unique('vera')}@example.org"
    made = wrong.form("Add").submit(email=email.upper())
    password = re.search(r"Password(\S{16})", made.text)
    assert password
    vera = PageClient(app)
    answer = vera.get("/login").form("Sign in").submit(email=email, password=password[1])
    assert answer.status == 303
    assert vera.get(f"/a/{project.name}/").status == 200
    page = made.click("To the web users")
    again = page.click("Add a web user").form("Add").submit(email=email, role="viewer")
    assert again.errors == [f"{email} is a member already."]
    page = page.click(f"Change role… {email}")
    assert page.form("Save").submit(role="").errors == ["Choose a role."]
    page = page.form("Save").submit(role="editor").follow()
    assert page.status_line == "The role is changed."
    assert [email, "editor"] in [row[:2] for row in page.rows("Web users, by address")]
    page = page.click(f"Remove… {email}").form("Remove").submit().follow()
    assert page.status_line == f"{email} is no longer a member of this project."
    vera.get(f"/a/{project.name}/", status=404)
    events = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.project_id == project.id, AuditEvent.subject == f"web_user:{email}")
        .order_by(AuditEvent.id)
    )
    assert [(one.tag, one.before, one.after) for one in events] == [
        ("member.add", None, {"role": "viewer"}),
        ("member.set", {"role": "viewer"}, {"role": "editor"}),
        ("member.remove", {"role": "editor"}, None),
    ]
    back = browser.get(f"{url}new").form("Add").submit(email=email, role="viewer").follow()
    assert back.status_line == f"{email} is a member now, and keeps their password."


def test_nobody_gives_or_takes_more_than_they_have(
    app: Flask, project: Project, admin: WebUser, url: str
):
    user = factories.web_user()
    with write_transaction() as session:
        rights = ["view", "manage_people"]
        role = Role(project_id=project.id, name="people", rights=rights)
        session.add(role)
        session.flush()
        session.add(Membership(project_id=project.id, web_user_id=user.id, role_id=role.id))
    paula = signed_in(app, user)
    page = paula.get(url)
    assert f"Change role… {admin.email}" not in page.links()
    assert f"Change role… {user.email}" not in page.links()
    new = page.click("Add a web user")
    assert set(new.form("Add").controls["role"][0].xpath(".//option/text()")) == {
        *("Choose a role", "people", "viewer")
    }
    sent = {
        **dict(new.form("Add").entries()),
        "email": f"{factories.unique('x')}@example.org",
        "role": "admin",
    }
    assert "rights that you do not have" in paula.post(f"{url}new", sent, status=409).text
    for who in (admin, user):
        for verb in ("role", "remove"):
            place = f"{url}{who.user_id}/{verb}"
            paula.post(place, sent | {"role": "viewer"}, status=409)
    paula.get(f"{url}nobody/role", status=404)
    rows = signed_in(app, admin).get(url).rows("Web users, by address")
    assert sorted(row[1] for row in rows) == ["admin", "people"], "nothing has changed"
