"""The forms about web users of a project."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields import SelectChoice

from webapp.projects.models import Role


class RoleForm(FlaskForm):
    """Which role."""

    role = SelectField(_("Role"), choices=[], validate_choice=False)

    def offer(self, roles: Iterable[Role]) -> None:
        """The roles to choose from."""
        self.role.choices = [
            SelectChoice("", gettext("Choose a role")),
            *(SelectChoice(role.name, role.name) for role in roles),
        ]


class InviteForm(RoleForm):
    """Whom, and in which role."""

    email = StringField(
        _("E-mail"),
        description=_("Who has an account here already is only added, and keeps their password."),
    )
