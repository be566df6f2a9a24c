"""Bad settings end in one line that says what to set (SPEC L2)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.databases import free_port
from webapp import config, create_app
from webapp.config import BadSetting, Settings, flask_config, keep_secret, settings_from
from webapp.mail_settings import Encryption, MailServer, mail_server

ROOT = Path(__file__).resolve().parent.parent
#: Whatever starts or looks at an installation.
COMMANDS = {
    "up": ["-m", "flask", "--app", "webapp", "up"],
    "init": ["-m", "flask", "--app", "webapp", "init"],
    "project": ["-m", "flask", "--app", "webapp", "project", "list"],
    "verify": ["-m", "flask", "--app", "webapp", "verify"],
    "worker": ["worker.py"],
}
#: Settings of an installation whose databases are elsewhere.
ELSEWHERE = {"CASEKEEPER_SECRET": "only for tests, never for people"}


def refusal(**environment: str) -> str:
    with pytest.raises(BadSetting) as refused:
        flask_config(settings_from(environment))
    return refused.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "0") for name in ("PORT", "WORKERS", "WEB_CONCURRENCY", "WEB_THREADS")),
        *((name, "0") for name in ("CASEKEEPER_MAX_XML", "CASEKEEPER_MAX_REQUEST")),
        *((name, "0") for name in ("SESSION_HOURS",)),
        *((name, "9" * 5_000) for name in ("SESSION_HOURS", "PORT", "CASEKEEPER_MAX_XML")),
        ("SESSION_HOURS", "99999999"),
        ("PORT", "65536"),
        ("WORKERS", "-1"),
        ("WORKERS", "two"),
        ("WEB_THREADS", "٣"),
        ("CASEKEEPER_PROXIES", "1.5"),
        ("CASEKEEPER_HTTPS", "maybe"),
        ("CASEKEEPER_SECRET", "a \udcff character that is no text"),
        ("CASEKEEPER_SECRET", "short"),
        *(
            ("SMTP_URL", url)
            for url in (
                *("foo", "smtp://", "http://h", "smtp://h:0", "smtp://h:99999", "smtp://h/path"),
                *("smtp://u@h?starttls", "smtp://h?starttls=1", "smtps://h?starttls"),
                *("smtp://[::1", "smtp://u:hu#sh@h", "smtp://u:hush@mail.example.org"),
            )
        ),
        *(
            ("MAIL_FROM", text)
            for text in ("foo", "a@", "a@b.org, c@d.org", "ü@example.org", "A B <>", "@")
        ),
        *(
            ("PUBLIC_URL", url)
            for url in (
                *("foo", "cases.example.org", "ftp://h", "https://", "https://u:hush@h"),
                *("https://h/path", "https://h?x", "https://h:0", "https://[::1"),
            )
        ),
        *(
            ("DATABASE_URL", url)
            for url in (
                *("foo", "://", "postgresql", "mysql://u:hush@h/d", "postgresql://u:hush@h:x/d"),
                *("postgresql+nope://u:hush@h/d", "sqlite://", "postgresql://[::1/d"),
            )
        ),
        *(("REDIS_URL", url) for url in ("foo", "http://h", "redis://h:hush")),
    ],
)
def test_what_cannot_be_is_said_by_its_name(tmp_path: Path, name: str, value: str):
    sentence = refusal(**{"CASEKEEPER_DATA": str(tmp_path), **ELSEWHERE, name: value})
    assert sentence.startswith(f"{name} must" if "text" not in value else name)
    assert "hush" not in sentence, "passwords are not repeated"
    assert "\n" not in sentence


def test_every_setting_stands_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    assert [name for name in config._NAMES if f"`{name}`" not in readme] == []


def test_a_form_must_fit_into_its_request(tmp_path: Path):
    sentence = refusal(CASEKEEPER_DATA=str(tmp_path), CASEKEEPER_MAX_XML="60000000")
    assert "CASEKEEPER_MAX_REQUEST" in sentence and "CASEKEEPER_MAX_XML" in sentence


def test_mails_need_a_sender_and_an_address_to_link_to(tmp_path: Path):
    mail = {"CASEKEEPER_DATA": str(tmp_path), "SMTP_URL": "smtp://mail.example.org"}
    assert refusal(**mail).startswith("MAIL_FROM must be set too")
    mail["MAIL_FROM"] = "Casekeeper <casekeeper@example.org>"
    assert refusal(**mail).startswith("PUBLIC_URL must be set too")
    found = settings_from(mail | {"PUBLIC_URL": "https://cases.example.org/"})
    assert found.smtp_url == "smtp://mail.example.org"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", MailServer("mail.example.org", 25)),
        ("smtp://[::1]:2525/", MailServer("::1", 2525)),
        ("smtp://u:hush@localhost", MailServer("localhost", 25, Encryption.NONE, "u", "hush")),
        (
            "smtp://a%40b.org:p%2F%23@h?starttls",
            MailServer("h", 587, Encryption.STARTTLS, "a@b.org", "p/#"),
        ),
        ("smtps://u:hush@h", MailServer("h", 465, Encryption.TLS, "u", "hush")),
    ],
)
def test_what_a_mail_servers_address_says(url: str, server: MailServer):
    assert mail_server(url) == server
    assert "hush" not in repr(server)


@pytest.mark.parametrize("content", ["", "\n", "cut", "\udcff"])
def test_a_damaged_secret_says_how_to_make_a_new_one(tmp_path: Path, content: str):
    file = tmp_path / "secret"
    file.write_text(content, errors="surrogateescape")
    sentence = refusal(CASEKEEPER_DATA=str(tmp_path))
    assert str(file) in sentence and "Delete that file" in sentence
    file.unlink()
    (tmp_path / "casekeeper.sqlite").touch()
    made = settings_from({"CASEKEEPER_DATA": str(tmp_path)}).secret
    assert settings_from({"CASEKEEPER_DATA": str(tmp_path)}).secret == made
    assert file.stat().st_mode & 0o777 == 0o600
    assert {one.name for one in tmp_path.iterdir()} == {"casekeeper.sqlite", "secret"}


def test_the_secret_of_a_new_installation_is_that_of_whoever_came_first(tmp_path: Path):
    first, second = (settings_from({"CASEKEEPER_DATA": str(tmp_path)}) for _ in range(2))
    assert first.secret != second.secret
    assert not list(tmp_path.iterdir()), "asking leaves no trace"
    assert keep_secret(second).secret == second.secret
    assert keep_secret(first).secret == second.secret
    assert settings_from({"CASEKEEPER_DATA": str(tmp_path)}) == keep_secret(first)


@pytest.mark.parametrize("is_there", [False, True])
def test_where_nothing_is_nothing_is_made(tmp_path: Path, is_there: bool):
    data = tmp_path / "data"
    if is_there:
        data.mkdir()
    app = create_app(settings_from({"CASEKEEPER_DATA": str(data)}))
    for command in ("project list", "project create p", "webuser list --project p", "verify"):
        ran = app.test_cli_runner().invoke(args=command.split())
        assert ran.exit_code == 1, command
        assert f"There is no database in {data} yet" in ran.stderr, command
        assert ran.stderr.count("\n") == 1, command
    assert app.test_client().get("/readyz").status_code == 503
    assert app.test_client().post("/a/p/receiver/", data=b"<a/>").status_code == 503
    assert [one.name for one in tmp_path.rglob("*")] == ["data"] * is_there


def test_what_may_be_is_taken():
    found = settings_from(
        {
            **ELSEWHERE,
            "DATABASE_URL": "postgres://u:p%40@host:5433/name",
            "REDIS_URL": "unix:///run/redis.sock?db=1",
            "SESSION_HOURS": " 24 ",
            "CASEKEEPER_HTTPS": "yes",
        }
    )
    assert (found.session_hours, found.https, found.workers) == (24, True, Settings.workers)
    assert found.sqlalchemy_url == "postgresql+psycopg://u:p%40@host:5433/name"


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def quickly(flask_command: list[str]) -> Run:
    """What a command says once the application is loaded, whose own loading is seen to above."""

    def given(command: str, data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return run(command, data, begun=[*flask_command, *COMMANDS[command][4:]], **environment)

    return given


def run(
    command: str, data: Path, *, begun: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return subprocess.run(
        begun or [sys.executable, *COMMANDS[command]],
        cwd=ROOT,
        env=keep | {"CASEKEEPER_DATA": str(data), "PORT": str(free_port())} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_one_line(ran: subprocess.CompletedProcess[str], *words: str) -> None:
    assert ran.returncode != 0
    assert ran.stdout == ""
    (line,) = ran.stderr.strip().splitlines()
    for word in words:
        assert word in line


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_it_in_one_line(tmp_path: Path, command: str):
    assert_one_line(run(command, tmp_path, SESSION_HOURS="9" * 30), "SESSION_HOURS must be")


@pytest.mark.parametrize("command", ["up", "init"])
def test_so_it_is_with_each_setting(tmp_path: Path, quickly: Run, command: str):
    (tmp_path / "file").touch()
    data = tmp_path / "file" / "data"
    assert_one_line(quickly(command, data), "CASEKEEPER_DATA")
    assert_one_line(quickly(command, Path("/proc/nope")), "/proc/nope", "CASEKEEPER_DATA")
    assert_one_line(quickly(command, data, **ELSEWHERE), "CASEKEEPER_DATA")


@pytest.mark.parametrize("command", ["up", "init", "project", "verify"])
def test_a_database_that_is_not_there_is_said_in_one_line(
    tmp_path: Path, quickly: Run, command: str
):
    url = f"postgresql://u:hush@127.0.0.1:{free_port()}/d"
    ran = quickly(command, tmp_path, DATABASE_URL=url, **ELSEWHERE)
    assert_one_line(ran, "DATABASE_URL")
    assert "hush" not in ran.stderr


@pytest.mark.parametrize("command", ["up", "init", "project"])
def test_a_file_that_is_no_database_is_said_in_one_line(tmp_path: Path, quickly: Run, command: str):
    (tmp_path / "casekeeper.sqlite").write_bytes(b"no database" * 1000)
    assert_one_line(quickly(command, tmp_path), "not a database")
