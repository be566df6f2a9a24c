"""A phone, as far as its cases go: it reads the restore document strictly, keeps cases, purges by
the owners of its fixture, says by a hash what it has, and breaks on what would break a real one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from lxml import etree
from werkzeug.test import TestResponse

from tests import factories
from tests.forms import case_block, form
from tests.sharing.graphs import Graph, Node, on_phone
from tests.web.signing_in import basic
from webapp.people.models import MobileWorker
from webapp.projects.models import Project

RESPONSE = "{http://openrosa.org/http/response}"
SYNC = "{http://commcarehq.org/sync}"
REGISTRATION = "{http://openrosa.org/user/registration}"
CASE = "{http://commcarehq.org/case/transaction/v2}"
BASE = ("case_type", "case_name", "owner_id")


@dataclass
class PhoneCase:
    """A case on a phone."""

    type: str = ""
    name: str = ""
    owner: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    #: Identifier -> (case type, target, relationship).
    indices: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    closed: bool = False


@dataclass
class Phone:
    """One phone of a worker; or of the web user `web_user`, who looks at what the worker's has.
    `afresh` counts how often it was told to begin again."""

    client: FlaskClient
    project: Project
    worker: MobileWorker
    web_user: str = ""
    token: str = ""
    owners: set[str] = field(default_factory=set)
    cases: dict[str, PhoneCase] = field(default_factory=dict)
    afresh: int = 0
    registration: dict[str, str] = field(default_factory=dict)
    user_data: dict[str, str] = field(default_factory=dict)
    #: What the last document had: the ids of cases with and without a `create`, in order.
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.auth = basic(self.web_user or self.worker.username, factories.PASSWORD)

    # Asking.

    def ask(self, path: str = "phone/restore/", **query: str) -> TestResponse:
        """The request as the phone makes it."""
        if self.web_user:
            query = {"as": self.worker.username, **query}
        if self.token:
            query = {"since": self.token, "state": f"ccsh:{self.state()}", **query}
        return self.client.get(
            f"/a/{self.project.name}/{path}",
            query_string={"version": "2.0", **query},
            headers={**self.auth, "X-OpenRosa-Version": "2.0"},
        )

    def sync(self) -> Phone:
        """Purge, ask, take in; and begin again if the server says so."""
        self.purge()
        answer = self.ask()
        if answer.status_code == 412:
            assert message_of(answer)[0] == "ota_restore_error"
            self.afresh += 1
            self.token, self.cases = "", {}
            answer = self.ask()
        assert answer.status_code == 200, answer.data
        self.take_in(answer.data)
        return self

    # Reading.

    def take_in(self, document: bytes) -> None:
        """Read a restore document, all of it or nothing."""
        root = etree.fromstring(document)
        assert root.tag == f"{RESPONSE}OpenRosaResponse"
        head, sync, user, fixture, *cases = root
        assert (head.tag, head.get("nature")) == (f"{RESPONSE}message", "ota_restore_success")
        assert sync.tag == f"{SYNC}Sync"
        (restore_id,) = sync
        assert restore_id.tag == f"{SYNC}restore_id"
        assert restore_id.text
        if "items" in root.attrib:
            assert int(root.get("items")) == len(root)
        known = {case_id: _copy(case) for case_id, case in self.cases.items()}
        self.created, self.updated = [], []
        for element in cases:
            self._case(element, known)
        self._user(user)
        self._fixture(fixture)
        self.cases, self.token = known, restore_id.text

    def _user(self, user: Any) -> None:
        assert user.tag == f"{REGISTRATION}Registration"
        names = [element.tag.removeprefix(REGISTRATION) for element in user]
        assert names == ["username", "password", "uuid", "date", "user_data"]
        self.registration = {
            name: element.text or "" for name, element in zip(names[:4], user, strict=False)
        }
        assert {element.tag for element in user[4]} <= {f"{REGISTRATION}data"}
        self.user_data = {element.get("key"): element.text or "" for element in user[4]}

    def _fixture(self, fixture: Any) -> None:
        assert fixture.tag == f"{RESPONSE}fixture"
        assert dict(fixture.attrib) == {
            "id": "user-groups",
            "user_id": self.registration["uuid"],
        }
        (groups,) = fixture
        assert groups.tag == f"{RESPONSE}groups"
        for group in groups:
            assert group.tag == f"{RESPONSE}group"
            assert group.findtext(f"{RESPONSE}name")
        self.owners = {self.registration["uuid"], *(group.get("id") for group in groups)}

    def _case(self, element: Any, known: dict[str, PhoneCase]) -> None:
        assert element.tag == f"{CASE}case"
        assert set(element.attrib) == {"case_id", "date_modified", "user_id"}
        case_id = element.get("case_id")
        actions = [child.tag.removeprefix(CASE) for child in element]
        assert actions == [
            one for one in ("create", "update", "index", "close") if one in actions
        ], actions
        assert case_id not in self.created + self.updated, f"{case_id} comes twice"
        if "create" in actions:
            self.created.append(case_id)
            known[case_id] = PhoneCase()
        else:
            self.updated.append(case_id)
            assert case_id in known, f"an update for {case_id}, which the phone lacks"
        case = known[case_id]
        for child in element:
            action = child.tag.removeprefix(CASE)
            values = {one.tag.removeprefix(CASE): one.text or "" for one in child}
            assert len(values) == len(child), "the same name twice"
            if action == "create":
                assert tuple(values) == BASE
            if action in {"create", "update"}:
                case.type = values.pop("case_type", case.type)
                case.name = values.pop("case_name", case.name)
                case.owner = values.pop("owner_id", case.owner)
                case.properties.update(values)
                assert case.owner, "a phone takes no case without an owner"
            elif action == "index":
                for one in child:
                    assert one.text != case_id, "nor one that points to itself"
                    name = one.tag.removeprefix(CASE)
                    if one.text:
                        kind, how = one.get("case_type"), one.get("relationship", "child")
                        case.indices[name] = (kind, one.text, how)
                    else:
                        case.indices.pop(name, None)
            else:
                case.closed = True

    # Keeping.

    def graph(self) -> Graph:
        """What the phone has, as P2 looks at it."""
        return {
            case_id: Node(
                case.owner,
                case.closed,
                points=tuple((target, how) for _, target, how in case.indices.values()),
            )
            for case_id, case in self.cases.items()
        }

    def purge(self) -> None:
        """Drop what points to what is not there, and then what is no longer this phone's."""
        while lost := [
            case_id
            for case_id, case in self.cases.items()
            if any(target not in self.cases for _, target, _ in case.indices.values())
        ]:
            for case_id in lost:
                del self.cases[case_id]
        staying = on_phone(self.graph(), self.owners)
        self.cases = {case_id: self.cases[case_id] for case_id in self.cases if case_id in staying}

    def state(self) -> str:
        """The hash of what it has; empty where it has nothing, as phones have it."""
        if not self.cases:
            return ""
        state = bytes(16)
        for case_id in self.cases:
            one = hashlib.md5(case_id.encode()).digest()
            state = bytes(a ^ b for a, b in zip(state, one, strict=True))
        return state.hex()

    # Working.

    def fill_in(
        self,
        case_id: str,
        *,
        create: Mapping[str, str] | None = None,
        update: Mapping[str, str] | None = None,
        index: Mapping[str, tuple[str, str, str]] | None = None,
        close: bool = False,
    ) -> bytes:
        """Do a form about a case on the phone; the form is still to be sent."""
        given = {**(create or {}), **(update or {})}
        if create is not None:
            self.cases[case_id] = PhoneCase(owner=self.worker.user_id)
        case = self.cases[case_id]
        case.type = given.pop("case_type", case.type)
        case.name = given.pop("case_name", case.name)
        case.owner = given.pop("owner_id", case.owner)
        case.properties.update(given)
        for name, (kind, target, how) in (index or {}).items():
            if target:
                case.indices[name] = (kind, target, how)
            else:
                case.indices.pop(name, None)
        case.closed = case.closed or close
        block = case_block(
            case_id,
            create=create,
            update=update,
            index=index,
            close=close,
            user_id=self.worker.user_id,
        )
        return form(block, user_id=self.worker.user_id, username=self.worker.username)

    def send(self, xml: bytes) -> TestResponse:
        """Send a form as the phone does, with its token."""
        headers = {
            **self.auth,
            **({"X-CommCareHQ-LastSyncToken": self.token} if self.token else {}),
        }
        answer = self.client.post(
            f"/a/{self.project.name}/receiver/", data=xml, content_type="text/xml", headers=headers
        )
        assert answer.status_code == 201
        return answer

    def does(self, case_id: str, **what: Any) -> TestResponse:
        """Do a form and send it at once."""
        return self.send(self.fill_in(case_id, **what))


def message_of(answer: TestResponse) -> tuple[str, str]:
    """The nature and the sentence of an answer without cases."""
    element = etree.fromstring(answer.data).find(f"{RESPONSE}message")
    return element.get("nature"), element.text


def _copy(case: PhoneCase) -> PhoneCase:
    return PhoneCase(
        case.type, case.name, case.owner, dict(case.properties), dict(case.indices), case.closed
    )
