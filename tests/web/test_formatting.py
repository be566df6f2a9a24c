"""How values are written, in the reader's language and the project's time zone."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from flask import Flask
from flask_babel import force_locale

from tests.web.specimen import AT, PROJECT, make_specimen
from webapp.web.formatting import (
    count_words,
    filesize,
    long_text,
    number,
    page_language,
    slashes,
    when,
    zone,
)


@pytest.fixture(autouse=True)
def specimen() -> Iterator[Flask]:
    app = make_specimen()
    with app.test_request_context():
        yield app


def test_an_instant_is_absolute_with_its_zone_and_exact_for_machines() -> None:
    assert str(when(AT, PROJECT)) == (
        '<time datetime="2025-11-19T22:00:07.000000Z">20 Nov 2025 01:00:07 EAT</time>'
    )


def test_styles_leave_out_what_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.web.formatting.now", lambda: AT)
    assert ">20 Nov 2025 01:00 EAT<" in when(AT, PROJECT, "minute")
    assert ">20 Nov 2025<" in when(AT, PROJECT, "day")
    assert ">20 Nov 01:00:07<" in when(AT, PROJECT, "short")
    assert ' data-zone="EAT">' in when(AT, PROJECT, "short")
    assert "data-zone" not in when(AT, PROJECT, "day")
    assert ">20 Nov 2024 " in when(AT - 365 * 86_400_000_000, PROJECT, "short")


def test_a_zone_without_letters_reads_as_an_offset() -> None:
    almaty = SimpleNamespace(timezone="Asia/Almaty")
    assert str(when(AT, almaty)).endswith("03:00:07 UTC+05</time>")


def test_without_a_project_or_with_a_zone_that_is_none_it_is_utc() -> None:
    for project in (None, SimpleNamespace(timezone="Mars/Olympus"), SimpleNamespace(timezone="")):
        assert "19 Nov 2025 22:00:07 UTC" in when(AT, project)


def test_a_missing_or_impossible_instant_is_said_in_words() -> None:
    assert "none" in when(None, PROJECT)
    assert when(10**30, PROJECT) == "outside the calendar"


@pytest.mark.parametrize(
    ("name", "title", "words"),
    [
        ("Africa/Nairobi", "Africa/Nairobi", "EAT"),
        ("Europe/Paris", "Europe/Paris", "CET/CEST"),
        ("America/Los_Angeles", "America/Los Angeles", "PST/PDT"),
        ("Australia/Sydney", "Australia/Sydney", "AEST/AEDT"),
    ],
)
def test_the_head_of_a_column_names_the_zone_briefly_and_truly_all_year(
    name: str, title: str, words: str
) -> None:
    assert zone(SimpleNamespace(timezone=name)) == f'<span title="{title}">{words}</span>'


def test_an_address_breaks_behind_its_slashes() -> None:
    assert slashes("http://a.org/<b>/") == "http://<wbr>a.org/<wbr>&lt;b&gt;/"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (8_200, "8.2 kB"),
        (999_999, "1 MB"),
        (1_440_000, "1.4 MB"),
        (5 * 10**13, "50,000 GB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert filesize(size) == text


def test_numbers_have_separators_and_follow_the_language() -> None:
    assert number(48210) == "48,210"
    assert count_words(312) == "312"
    assert count_words(10_000, more=True) == "more than 10,000"
    with force_locale("fr"):
        assert number(48210) == "48\u202f210"
        assert "20 nov. 2025 01:00:07 EAT" in when(AT, PROJECT)


def test_the_language_of_the_page_is_one_that_browsers_know() -> None:
    assert page_language() == "en"
    with force_locale("pt_BR"):
        assert page_language() == "pt-BR"


def test_long_text_is_cut_with_all_of_it_behind_and_never_taken_as_markup() -> None:
    assert long_text("<b>" + "x" * 197) == "&lt;b&gt;" + "x" * 197
    cut = long_text("<b>" + "x" * 198)
    assert cut.startswith('<details class="long">') and "Show all 201 characters" in cut
    assert cut.count("<b>") == 0 and cut.count("&lt;b&gt;") == 2
    assert long_text(7) == "7"
