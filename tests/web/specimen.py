"""A small site that shows every layout and macro with made-up data, to test the templates alone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import Flask, flash, render_template, request
from flask_babel import Babel
from flask_wtf import CSRFProtect, FlaskForm
from jinja2 import ChoiceLoader, FileSystemLoader
from wtforms import (
    BooleanField,
    EmailField,
    FieldList,
    FileField,
    FormField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length

from webapp.web.formatting import init_formatting
from webapp.web.htmx import init_htmx, render_page_or_fragment
from webapp.web.pagination import Page

ROOT = Path(__file__).resolve().parents[2]
AT = 1_763_589_607_000_000  # 20 November 2025, 01:00:07 in Nairobi
PROJECT = SimpleNamespace(title="Demo Health", name="demo", timezone="Africa/Nairobi")


class Part(FlaskForm):
    """A row of a list."""

    class Meta:
        csrf = False

    days = StringField("Days", [Length(max=3, message="Enter days as a whole number, like 60")])


class EditForm(FlaskForm):
    """One field of each kind."""

    name = StringField("Name", [InputRequired("Enter a name")])
    note = TextAreaField("Note for colleagues")
    type = SelectField("Case type", choices=["pregnancy", "household"])
    match = RadioField(
        "Which cases", [InputRequired("Choose one")], choices=["All of them", "Any of them"]
    )
    agree = BooleanField("This is a shared computer", description="Signs you out after 30 minutes.")
    sheet = FileField("Sheet")
    parts = FieldList(FormField(Part), min_entries=2)


class SignInForm(FlaskForm):
    """As on the login page."""

    email = EmailField("E-mail", [InputRequired("Enter your e-mail address")])
    password = PasswordField("Password", [InputRequired("Enter your password")])
    shared = BooleanField(
        "This is a shared computer", description="Signs you out after 30 minutes."
    )


def shell() -> dict[str, Any]:
    """The menus of a person who may see four screens."""
    screens = [("home", "Home", "house", "/home"), ("cases", "Cases", "folder", "/empty")]
    items = [{"key": k, "label": t, "icon": i, "url": u} for k, t, i, u in screens]
    items.append(
        {"key": "submissions", "label": "Submit history", "also": "Manage forms", "icon": "inbox"}
        | {"url": "/list"}
    )
    job = {"key": "jobs", "label": "Jobs", "icon": "list-task", "url": "/job", "count": 1}
    return {
        "start_url": "/",
        "home_url": "/home",
        "projects": [{"title": "Demo Health", "url": "/home", "current": True}],
        "projects_url": "/projects",
        "account": {"name": "amina@example.org", "sign_out_url": "/logout"},
        "groups": [{"items": items}, {"label": "People and data", "items": [job]}],
    }


def make_specimen() -> Flask:
    """The site. Its pages: /list, /empty, /form, /job, /login, /projects, /error/<code>."""
    app = Flask(
        "specimen", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static")
    )
    app.config.update(SECRET_KEY="only for looking at templates", TESTING=True)
    Babel(app)
    CSRFProtect(app)
    init_formatting(app)
    init_htmx(app)
    assert app.jinja_env.loader is not None
    app.jinja_env.loader = ChoiceLoader(
        [FileSystemLoader(Path(__file__).parent / "specimen_pages"), app.jinja_env.loader]
    )

    def show(template: str, **context: Any) -> str:
        return render_template(template, shell=shell(), project=PROJECT, **context)

    @app.get("/")
    @app.get("/home")
    @app.get("/list")
    def listed() -> str:
        states = "normal archived error duplicate deprecated unparsed open closed deleted".split()
        states += "queued running finished stopped failed".split()
        return show(
            "specimen/list.html",
            states=states,
            case=SimpleNamespace(deleted=False, closed=True),
            rows=int(request.args.get("rows", 3)),
            at=AT,
            long="<b>long</b> " * 40,
            page=Page([], "1", "2"),
        )

    @app.get("/empty")
    def nothing() -> str:
        return show("specimen/empty.html")

    @app.route("/form", methods=["GET", "POST"])
    def form() -> Any:
        edit = EditForm()
        if edit.validate_on_submit():
            flash("The case was changed.")
            return "", 303, {"Location": "/list"}
        return show("specimen/form.html", form=edit), 422 if edit.errors else 200

    @app.get("/job")
    def job() -> Any:
        state = request.args.get("state", "running")
        following = {"queued": "running", "running": "finished"}.get(state, "")
        return render_page_or_fragment(
            "specimen/job.html",
            "specimen/_job.html",
            shell=shell(),
            project=PROJECT,
            state=state,
            next=following,
            done={"queued": 0, "running": 2500, "finished": 6480}.get(state, 3000),
            total=0 if state == "queued" else 6480,
            elapsed=int(request.args.get("elapsed", 0)),
        )

    @app.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        sign_in = SignInForm()
        sign_in.validate_on_submit()
        if request.method == "POST" and not sign_in.errors:
            sign_in.form_errors.append("E-mail or password is not right")
        languages = [("en", "English", True), ("fr", "Français", False), ("hi", "हिन्दी", False)]
        return render_template(
            "login/index.html",
            form=sign_in,
            action="/login",
            host="cases.demo-health.example",
            languages=[
                {"code": c, "name": n, "url": f"/login?lang={c}", "current": on}
                for c, n, on in languages
            ],
        ), 422 if sign_in.errors else 200

    @app.get("/projects")
    def projects() -> str:
        listed = [] if "none" in request.args else [
            {"title": "Demo Health", "name": "demo", "url": "/home", "role": "Editor"},
            {"title": "Training of the northern districts", "name": "training", "url": "/home"}
            | {"role": "Viewer"},
        ]  # fmt: skip
        start = shell() | {"groups": []}
        return render_template("projects/index.html", shell=start, projects=listed)

    @app.get("/error/<int:code>")
    def error(code: int) -> Any:
        kept = None if "bare" in request.args else shell()
        page = render_template(
            "errors/error.html",
            code=code,
            shell=kept,
            project=PROJECT if kept else None,
            in_the_way=[("Form 7f3c", "/form")] if code == 409 else None,
        )
        return page, code

    @app.post("/logout")
    def logout() -> Any:
        return "", 303, {"Location": "/login"}

    return app
