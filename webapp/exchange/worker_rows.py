"""What the rows of a table say of mobile workers, and what is wrong with them (SPEC U10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import Invalid, InvalidEntry
from webapp.exchange.cells import list_of, names_in, yes_no, yes_or_no
from webapp.exchange.people_plan import Change, Detail, Fault, Plan
from webapp.exchange.sheets import Table
from webapp.people.many import SOME
from webapp.people.models import MobileWorker
from webapp.people.names import MOST_DATA, check_user_data, checked_persons_name
from webapp.people.operations import SHORTEST_WORKER, checked_username
from webapp.people.passwords import LONGEST
from webapp.people.queries import Belongs, belongings, groups_of
from webapp.people.sharing_models import Group, Location
from webapp.projects.models import Project

USERNAME, PASSWORD = "username", "password"
#: What begins the name of a column with user data.
DATA = "data:"
#: So many passwords a file may set: hashing one takes some 30 ms.
MOST_PASSWORDS = 1_000


class WorkerRows:
    """A plan that is being made, row by row."""

    def __init__(self, session: Session, project: Project, table: Table) -> None:
        self.plan: Plan[MobileWorker] = Plan()
        self._project = project
        self._data = {
            name: name.removeprefix(DATA).strip() for name in table.head if name.startswith(DATA)
        }
        self._workers = {
            worker.username: worker
            for worker in session.scalars(
                select(MobileWorker).where(MobileWorker.project_id == project.id)
            )
        }
        self._belongs = _all_belongings(session, project, table, self._workers)
        self._groups = {row.group.name: row.group for row in groups_of(session, project.id)}
        self._places = _Places(session, project.id)
        self._seen: dict[str, int] = {}
        self._passwords = 0

    def take(self, line: int, row: Mapping[str, str]) -> None:
        """Plan what a row says, or note all that is wrong with it."""
        faults: list[str] = []
        name = row[USERNAME].strip()
        try:
            name = checked_username(self._project, name)
        except InvalidEntry as error:
            faults.append(error.message)
        first = self._seen.setdefault(name, line)
        if first != line:
            faults.append(_("The same username stands in line %(line)s.", line=first))
        worker = self._workers.get(name)
        said = self._said(row, worker, faults)
        if faults:
            self.plan.faults.append(Fault(line, faults))
            return
        belongs = self._belongs.get(worker.id, Belongs()) if worker else Belongs()
        before = _before(worker, belongs)
        if worker is None:
            differs = {key: value for key, value in said.items() if _words(key, value)}
            if differs.get("active"):
                del differs["active"]
        else:
            differs = {
                key: value
                for key, value in said.items()
                if _words(key, value) != _words(key, before.get(key))
            }
        if worker is not None and not differs:
            self.plan.unchanged += 1
            return
        details = _details(worker, before, differs)
        self.plan.changes.append(Change(line, name, worker, differs, details))

    def _said(
        self, row: Mapping[str, str], worker: MobileWorker | None, faults: list[str]
    ) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for column, field in (("first name", "first_name"), ("last name", "last_name")):
            if column in row:
                try:
                    said[column] = checked_persons_name(row[column], field)
                except InvalidEntry as error:
                    faults.append(f"{column}: {error.message}")
        if row.get("active", "").strip():
            said["active"] = yes_or_no(row["active"])
            if said["active"] is None:
                faults.append(_("active: write “yes” or “no”."))
        if row.get(PASSWORD):
            said[PASSWORD] = row[PASSWORD]
            self._check_password(row[PASSWORD], faults)
        if self._data:
            said[DATA] = self._user_data(row, worker, faults)
        if "groups" in row:
            names = _names(row, "groups", faults)
            faults += [
                _("groups: there is no group “%(name)s”.", name=name[:80])
                for name in names
                if name not in self._groups
            ]
            said["groups"] = [self._groups[name] for name in names if name in self._groups]
        if "locations" in row:
            mine = self._belongs.get(worker.id, Belongs()).locations if worker else []
            names = _names(row, "locations", faults)
            said["locations"] = self._places.take(names, mine, faults)
        return said

    def _check_password(self, password: str, faults: list[str]) -> None:
        self._passwords += 1
        if not SHORTEST_WORKER <= len(password) <= LONGEST:
            faults.append(
                _(
                    "password: it needs %(shortest)s to %(longest)s characters.",
                    shortest=SHORTEST_WORKER,
                    longest=LONGEST,
                )
            )
        if self._passwords == MOST_PASSWORDS + 1:
            faults.append(
                _(
                    "password: a file sets at most %(most)s of them. Take several files.",
                    most=MOST_PASSWORDS,
                )
            )

    def _user_data(
        self, row: Mapping[str, str], worker: MobileWorker | None, faults: list[str]
    ) -> dict[str, str]:
        kept = {} if worker is None else dict(worker.user_data)
        for column, name in self._data.items():
            value = row[column].strip()
            if not value:
                kept.pop(name, None)
                continue
            kept[name] = value
            try:
                check_user_data({name: value})
            except InvalidEntry as error:
                faults.append(error.message)
        if len(kept) > MOST_DATA:
            faults.append(_("At most %(most)s values are kept for a worker.", most=MOST_DATA))
        return kept


class _Places:
    """Locations by what people call them."""

    def __init__(self, session: Session, project_id: int) -> None:
        self._by_code: dict[str, Location] = {}
        self._by_name: dict[str, list[Location]] = defaultdict(list)
        for location in session.scalars(select(Location).where(Location.project_id == project_id)):
            self._by_code[location.site_code] = location
            self._by_code[location.location_id] = location
            if not location.archived:
                self._by_name[location.name].append(location)

    def take(
        self, names: Sequence[str], mine: Sequence[Location], faults: list[str]
    ) -> list[Location]:
        """The locations of these names, site codes or ids; `mine` may be archived."""
        found: dict[int, Location] = {}
        for name in names:
            one = self._by_code.get(name.lower())
            some = [one] if one else self._by_name.get(name, [])
            if not some:
                faults.append(_("locations: there is no location “%(name)s”.", name=name[:80]))
            elif len(some) > 1:
                codes = ", ".join(sorted(place.site_code for place in some))
                faults.append(
                    _(
                        "locations: several are called “%(name)s”. Say which by its site code:"
                        " %(codes)s.",
                        name=name[:80],
                        codes=codes,
                    )
                )
            elif some[0].archived and some[0] not in mine:
                faults.append(
                    _("locations: “%(name)s” is archived: nobody can be assigned to it.", name=name)
                )
            else:
                found[some[0].id] = some[0]
        return list(found.values())


def _names(row: Mapping[str, str], column: str, faults: list[str]) -> list[str]:
    try:
        return names_in(row[column])
    except Invalid as error:
        faults.append(f"{column}: {error.message}")
        return []


def _all_belongings(
    session: Session, project: Project, table: Table, known: Mapping[str, MobileWorker]
) -> dict[int, Belongs]:
    named = {row[USERNAME].strip().lower() for _line, row in table.named()}
    workers = [worker for name, worker in known.items() if name in named]
    found: dict[int, Belongs] = {}
    for start in range(0, len(workers), SOME):
        found |= belongings(session, project.id, workers[start : start + SOME])
    return found


def _before(worker: MobileWorker | None, belongs: Belongs) -> dict[str, Any]:
    if worker is None:
        return {}
    return {
        "first name": worker.first_name,
        "last name": worker.last_name,
        "active": worker.active,
        DATA: worker.user_data,
        "groups": belongs.groups,
        "locations": belongs.locations,
    }


def _words(key: str, value: Any) -> str:
    """A value as it is compared and shown."""
    if key in {"groups", "locations"}:
        words = [one.name if isinstance(one, Group) else one.site_code for one in value or []]
        return list_of(sorted(words))
    if isinstance(value, bool):
        return yes_no(value)
    if isinstance(value, Mapping):
        return list_of(f"{name} = {text}" for name, text in sorted(value.items()))
    return value or ""


def _details(
    worker: MobileWorker | None, before: Mapping[str, Any], said: Mapping[str, Any]
) -> list[Detail]:
    labels = {
        "first name": _("First name"),
        "last name": _("Last name"),
        "active": _("Active"),
        "groups": _("Groups"),
        "locations": _("Locations"),
        DATA: _("User data"),
    }
    found = [
        Detail(label, None if worker is None else _words(key, before.get(key)), _words(key, value))
        for key, label in labels.items()
        for value in [said.get(key)]
        if key in said
    ]
    if PASSWORD in said:
        found.append(Detail(_("Password"), None, _("is set")))
    elif worker is None:
        found.append(Detail(_("Password"), None, _("none: nobody can sign in until one is set")))
    return found
