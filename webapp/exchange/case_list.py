"""The case list as a file, with the properties of a type as columns (SPEC U5, U10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from urllib.parse import parse_qsl

from flask_babel import gettext as _
from sqlalchemy import Select, select

from webapp.cases.models import Case, CaseIndex
from webapp.dictionary.queries import properties_of
from webapp.exchange.listing import Column, Listing, Value
from webapp.history.case_list import CaseFilter, matching, parse
from webapp.history.last_names import last_names
from webapp.history.stored_views import stored_text
from webapp.joins import row_of
from webapp.people.owners import names_of_owners


class CaseList(Listing):
    """A row for each case; with its properties where one type was chosen."""

    @property
    def title(self) -> str:
        """What it is a list of."""
        return str(_("Cases"))

    @cached_property
    def _wanted(self) -> CaseFilter:
        return parse(dict(parse_qsl(self.query)))

    def keys(self) -> Select[int]:
        """Newest change first."""
        wanted, project_id = self._wanted, self.project.id
        text = stored_text(self.session, project_id, "cases", wanted.view) if wanted.view else ""
        statement = matching(project_id, wanted, text, self.calendar)
        return statement.with_only_columns(Case.id).order_by(*(key.desc() for key in wanted.keys))

    def columns(self) -> Sequence[Column]:
        """What the list shows, and what else a case has."""
        return (
            Column(_("Case id")),
            Column(_("Name")),
            Column(_("Type")),
            Column(_("State")),
            Column(_("Owner")),
            Column(_("Owner id")),
            Column(_("External id")),
            Column(_("Opened"), instant=True),
            Column(_("Opened by")),
            Column(_("Modified"), instant=True),
            Column(_("Received by the server"), instant=True),
            Column(_("Closed"), instant=True),
            Column(_("Closed by")),
            Column(_("Related cases")),
        )

    def rows(self, keys: Sequence[int]) -> Iterator[list[Value]]:
        """Six queries at most."""
        session, project_id = self.session, self.project.id
        found = session.scalars(
            select(Case).where(Case.project_id + 0 == project_id, Case.id.in_(keys))
        )
        by_key = {one.id: one for one in found}
        cases = [by_key[key] for key in keys]
        people = {one.owner_id for one in cases} | {one.opened_by for one in cases}
        people |= {one.closed_by for one in cases}
        names = names_of_owners(session, project_id, people - {""})
        gone, related = last_names(session, project_id, cases), self._related(keys)
        for one in cases:
            line = _line(one, gone.get(one.id, ""), names, related[one.id])
            yield [*line, one.properties] if self._wanted.type else line
        session.expunge_all()

    def _related(self, keys: Sequence[int]) -> Mapping[int, list[str]]:
        rows = self.session.execute(
            select(CaseIndex.case, CaseIndex.identifier, Case.case_id)
            .join(Case, row_of(Case, CaseIndex.target, CaseIndex.project_id))
            .where(CaseIndex.project_id == self.project.id, CaseIndex.case.in_(keys))
            .order_by(CaseIndex.case, CaseIndex.identifier)
        )
        related: dict[int, list[str]] = defaultdict(list)
        for key, identifier, case_id in rows:
            related[key].append(f"{identifier}: {case_id}")
        return related

    def known_properties(self) -> list[str]:
        """Those of the type that was chosen, in the order of the dictionary."""
        found = properties_of(self.session, self.project.id, self._wanted.type)
        return [one.name for one in found]


def _line(
    one: Case, last_name: str, names: Mapping[str, str], related: Sequence[str]
) -> list[Value]:
    return [
        one.case_id,
        one.name or last_name,
        one.type,
        _("deleted") if one.deleted else _("closed") if one.closed else _("open"),
        names.get(one.owner_id, one.owner_id),
        one.owner_id,
        one.external_id,
        one.opened_on,
        names.get(one.opened_by, one.opened_by),
        one.modified_on,
        one.server_modified_on,
        one.closed_on,
        names.get(one.closed_by, one.closed_by),
        "; ".join(related),
    ]
