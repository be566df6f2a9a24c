"""The form of the login page."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField
from wtforms.validators import InputRequired, Length

from webapp.people.passwords import LONGEST


class SignInForm(FlaskForm):
    """Who is it, and with which password."""

    email = EmailField(
        _("E-mail"),
        [
            InputRequired(_("Enter your e-mail address")),
            Length(max=254, message=_("An e-mail address has at most 254 characters")),
        ],
    )
    password = PasswordField(
        _("Password"),
        [
            InputRequired(_("Enter your password")),
            Length(max=LONGEST, message=_("A password has at most 1,000 characters")),
        ],
    )
    shared = BooleanField(
        _("This is a shared computer"),
        description=_("Signs you out after 30 minutes without use, and when the browser closes."),
    )
