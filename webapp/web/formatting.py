"""How values are written on pages: Jinja filters for instants, numbers, sizes and long text.

Filters that answer markup escape what they are given. All follow the reader's language.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Literal, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from flask import Flask
from flask_babel import get_locale
from flask_babel import gettext as _
from markupsafe import Markup

from webapp.clock import SECOND, Micros, iso, now, to_datetime

#: Values longer than this are cut, with "Show all" (SPEC §7, UX "long data").
LONG = 200

#: Behind the last of the slashes in a row, if something follows.
_SLASH = re.compile(r"(?<=/)(?=[^/])")

Style = Literal["full", "minute", "day", "short", "slot"]

_PATTERNS: dict[Style, str] = {
    "full": "d MMM y HH:mm:ss",
    "minute": "d MMM y HH:mm",
    "day": "d MMM y",
    "short": "d MMM y HH:mm:ss",
    "slot": "d MMM y HH:mm",
}
_WITH_ZONE: frozenset[Style] = frozenset({"full", "minute"})
_IN_COLUMNS: frozenset[Style] = frozenset({"short", "slot"})


class HasTimezone(Protocol):
    """What `when` needs of a project."""

    @property
    def timezone(self) -> str:
        """An IANA name."""


def init_formatting(app: Flask) -> None:
    """Register the filters `when`, `zone`, `day`, `duration`, `number`, `filesize`, `long_text` and
    `slashes`, and the functions `page_language()` and `count_words(…)` with the templates."""
    app.jinja_env.filters.update(
        when=when,
        zone=zone,
        day=day,
        duration=duration,
        number=number,
        filesize=filesize,
        long_text=long_text,
        slashes=slashes,
    )
    app.jinja_env.globals.update(page_language=page_language, count_words=count_words)


def page_language() -> str:
    """The language of the page, for its `lang` attribute: "en", "pt-BR"."""
    return str(_locale()).replace("_", "-")


def when(
    micros: Micros | None, project: HasTimezone | None = None, style: Style = "full"
) -> Markup:
    """An instant in the project's time zone, as a `<time>` with the exact instant in UTC.

    `full` is "20 Nov 2025 01:00:07 EAT", `minute` leaves the seconds out, `day` the time of day as
    well; `short` is `full` without the zone (which then stands in the head of the column, see
    `zone`; where a phone shows no head, theme.css adds it) and without the year when it is the
    present one; `slot` is `short` without the seconds.
    A missing instant is a dash.
    """
    if micros is None:
        return Markup(
            '<span class="text-body-secondary" aria-hidden="true">&ndash;</span>'
            '<span class="visually-hidden">{}</span>'
        ).format(_("none"))
    try:
        moment = to_datetime(micros).astimezone(_zone_of(project))
    except (OverflowError, ValueError):
        return Markup("{}").format(_("outside the calendar"))
    pattern = _PATTERNS[style]
    if style in _IN_COLUMNS and moment.year == to_datetime(now()).astimezone(moment.tzinfo).year:
        pattern = pattern.replace(" y", "")
    text = format_datetime(moment, pattern, tzinfo=moment.tzinfo, locale=_locale())
    if style in _WITH_ZONE:
        text = f"{text} {_abbreviation(moment)}"
    if style in _IN_COLUMNS:
        return Markup('<time datetime="{}" data-zone="{}">{}</time>').format(
            iso(micros), _abbreviation(moment), text
        )
    return Markup('<time datetime="{}">{}</time>').format(iso(micros), text)


def zone(project: HasTimezone | None) -> Markup:
    """The zone for the head of a column of `short` instants: "EAT"; "CET/CEST" where the
    abbreviation changes with the season, and one word cannot stand for all rows. Its name in full
    shows when one points at it."""
    of = _zone_of(project)
    year = to_datetime(now()).year
    seasons = sorted(
        (datetime(year, month, 1, tzinfo=of) for month in (1, 7)),
        key=lambda moment: moment.utcoffset() or timedelta(),
    )
    words = "/".join(dict.fromkeys(_abbreviation(moment) for moment in seasons))
    return Markup('<span title="{}">{}</span>').format(of.key.replace("_", " "), words)


def slashes(text: str) -> Markup:
    """Text that may be an address, and breaks behind its slashes rather than within a word."""
    return Markup("<wbr>").join(_SLASH.split(text))


def day(of: date, *, year: bool = False) -> str:
    """A calendar day without its year: "20 Nov", or with it."""
    return format_date(of, "d MMM y" if year else "d MMM", locale=_locale())


def duration(micros: Micros) -> str:
    """How long something took, in the two largest units: "0 s", "2 min 41 s", "1 h 5 min"."""
    seconds = max(micros, 0) // SECOND
    minutes, hours = seconds // 60, seconds // 3600
    if hours:
        return str(_("%(hours)s h %(minutes)s min", hours=number(hours), minutes=minutes % 60))
    if minutes:
        return str(_("%(minutes)s min %(seconds)s s", minutes=minutes, seconds=seconds % 60))
    return str(_("%(seconds)s s", seconds=seconds))


def number(value: float) -> str:
    """A number with the separators of the reader's language: "48,210". Never rounded to less
    than three digits after the point."""
    return format_decimal(value, locale=_locale())


def filesize(size: int) -> str:
    """A number of bytes as people read it: "812 bytes", "8.2 kB", "1.4 MB" (powers of 1000)."""
    if size < 1000:
        return str(_("%(number)s bytes", number=number(size)))
    for unit, power in (("kB", 1), ("MB", 2), ("GB", 3)):
        amount = round(size / 1000**power, 1)
        if amount < 1000 or unit == "GB":
            break
    return f"{number(amount)} {unit}"


def long_text(value: object, limit: int = LONG, most: int | None = None) -> Markup:
    """Text as it is; over `limit` characters it is cut, and opens by `<details>`, so that it works
    without JavaScript. Of a longer one than `most` only so much is there to be opened."""
    text = str(value)
    if len(text) <= limit:
        return Markup("{}").format(text)
    size = number(len(text))
    if most is None or len(text) <= most:
        words = _("Show all %(number)s characters", number=size)
    else:
        words = _(
            "Show the first %(most)s of %(number)s characters", most=number(most), number=size
        )
    return Markup(
        '<details class="long"><summary><span class="cut">{}… </span>'
        '<span class="more">{}</span></summary><div class="whole">{}</div></details>'
    ).format(text[:limit].rstrip(), words, text[:most])


def count_words(figure: int, more: bool = False) -> str:
    """A count that may be capped (`webapp.web.pagination.Count`): "312", "more than 10,000"."""
    if more:
        return str(_("more than %(number)s", number=number(figure)))
    return number(figure)


def _locale() -> Locale:
    return get_locale() or Locale("en")


def _zone_of(project: HasTimezone | None) -> ZoneInfo:
    try:
        return ZoneInfo(project.timezone if project is not None else "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _abbreviation(moment: datetime) -> str:
    # Where a zone has no letters of its own, the tz database says "+03": alone it reads as a sum.
    name = moment.tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name
