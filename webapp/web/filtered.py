"""What every list with filters in its address has: tags, its one address, and what stands at the
fields when a filter cannot be read (SPEC U7, UX "URLs")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from flask import Response, request
from flask_babel import gettext as _
from wtforms import Form


@dataclass(frozen=True, slots=True)
class FilterTag:
    """A filter that narrows, and the address without it."""

    words: str
    remove_url: str


def with_query(address: str, query: str) -> str:
    """An address with its query, where it has one."""
    return f"{address}?{query}" if query else address


def is_canonical(query: str) -> bool:
    """Whether the address asked for says the same in the same order, however it is encoded."""
    return list(request.args.items(multi=True)) == parse_qsl(query)


def show_problems(form: Form, problems: Mapping[str, str]) -> None:
    """Say at each field what is wrong with it, and which one it is where several are wrong in the
    same way; what belongs to no field, above them all."""
    often = Counter(problems.values())
    fields = {field.name: field for field in form}
    for name, sentence in problems.items():
        if name not in fields:
            form.form_errors.append(sentence)
        elif often[sentence] == 1:
            fields[name].errors = [sentence]
        else:
            label = fields[name].label.text
            fields[name].errors = [_("%(field)s: %(problem)s", field=label, problem=sentence)]


def for_whole_screen(answer: Response) -> Response:
    """Let htmx put an answer in place of `#screen`: messages stand at the fields, outside the
    region that the form fills."""
    answer.headers["HX-Retarget"] = "#screen"
    answer.headers["HX-Reswap"] = "outerHTML"
    return answer
