"""Documents made to hurt, and a program that measures what each costs (SPEC S11).

`python -m tests.submissions.hostile` prints a JSON object: name -> reader -> what came of it, the
seconds of processor time and the memory that it took over what was there before.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from webapp.errors import CasekeeperError
from webapp.submissions.answers import answers
from webapp.submissions.parse import parse

CASE = "http://commcarehq.org/case/transaction/v2"
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 30))

Make = Callable[[], bytes]


def wrap(inside: bytes | str) -> bytes:
    content = inside.encode() if isinstance(inside, str) else inside
    return b'<a xmlns="u">' + content + b"</a>"


def doctype(inside: str, name: str = "&x;") -> bytes:
    return f'<!DOCTYPE a [{inside}]><a xmlns="u">{name}</a>'.encode()


def attributes(count: int, prefix: str = "a", value: str = "") -> str:
    return " ".join(f'{prefix}{n}="{value}"' for n in range(count))


def cases(count: int, inside: str = "", more: str = "") -> bytes:
    return (
        f'<a xmlns="u" xmlns:c="{CASE}">'
        + "".join(f'<c:case case_id="c{n}"{more}>{inside}</c:case>' for n in range(count))
        + "</a>"
    ).encode()


def one_case(inside: str) -> bytes:
    return wrap(f'<case xmlns="{CASE}" case_id="c"><update>{inside}</update></case>')


def indexes(times: int) -> bytes:
    """Many indexes of one case."""
    inside = "".join(f'<i{n} case_type="t">c2</i{n}>' for n in range(times))
    return wrap(f'<case xmlns="{CASE}" case_id="c"><index>{inside}</index></case>')


#: Must be refused: as no form, or as one with a problem.
REFUSED: dict[str, Make] = {
    "billion laughs": lambda: doctype('<!ENTITY l0 "lol">' + LAUGHS, "&l29;"),
    "quadratic blowup": lambda: doctype(f'<!ENTITY x "{"x" * 100_000}">', "&x;" * 100_000),
    "an external entity": lambda: doctype('<!ENTITY x SYSTEM "file:///etc/passwd">'),
    "an entity from the network": lambda: doctype('<!ENTITY x SYSTEM "http://127.0.0.1:9/x">'),
    "a parameter entity": lambda: doctype('<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;'),
    "an external DTD": lambda: b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x"><a xmlns="u"/>',
    "an empty DTD": lambda: b'<!DOCTYPE a><a xmlns="u"/>',
    "a default attribute": lambda: doctype('<!ATTLIST a xmlns CDATA "u">', ""),
    "20 MB of DTD": lambda: doctype('<!ENTITY x "x">' * 1_300_000),
    "20 MB of one entity": lambda: doctype(f'<!ENTITY x "{"x" * 20_000_000}">'),
    "an entity that nobody knows": lambda: wrap("&nbsp;"),
    "251 levels": lambda: b'<a xmlns="u">' * 251 + b"</a>" * 251,
    "100,000 levels": lambda: b'<a xmlns="u">' * 100_000 + b"</a>" * 100_000,
    "20 MB of start tags": lambda: b'<a xmlns="u">' + b"<a>" * 6_600_000,
    "200,001 elements": lambda: wrap("<b/>" * 200_000),
    "5 million elements": lambda: wrap("<b/>" * 5_000_000),
    "1,001 attributes": lambda: wrap(f"<b {attributes(1_001)}/>"),
    "1,001 namespaces": lambda: wrap(f"<b {attributes(1_001, 'xmlns:a', 'u')}/>"),
    "1.7 million attributes": lambda: wrap(f"<b {attributes(1_700_000)}/>"),
    "a million namespaces": lambda: wrap(f"<b {attributes(1_000_000, 'xmlns:a')}/>"),
    "20,000 attributes each": lambda: wrap(f"<b {attributes(19_990)}/>" * 90),
    "an attribute twice": lambda: wrap('<b c="1" c="2"/>'),
    "a namespace of 5 MB": lambda: b'<a xmlns="' + b"u" * 5_000_000 + b'">' + b"<b/>" * 199_999,
    "20 MB of <": lambda: b"<" * 20_000_000,
    "20 MB of NUL": lambda: b"\0" * 20_000_000,
    "20 MB of spaces": lambda: b" " * 20_000_000,
    "20 MB without an end": lambda: b'<a xmlns="u">' + b"x" * 20_000_000,
    "a name of 20 MB": lambda: b"<" + b"a" * 20_000_000,
    "a comment of 20 MB": lambda: wrap(f"<!--{'x' * 20_000_000}-->"),
    "a comment without an end": lambda: wrap(f"<!--{'x' * 20_000_000}"),
    "an instruction of 20 MB": lambda: wrap(f"<?x {'x' * 20_000_000}?>"),
    "an attribute of 20 MB": lambda: wrap(f'<b c="{"x" * 20_000_000}"/>'),
    "a tag of quotes": lambda: wrap(f"""<b c="{"='" * 9_000_000}"/>"""),
    "a property of 20 MB": lambda: one_case(f"<b>{'x' * 20_000_000}</b>"),
    "a property of references": lambda: one_case(f"<b>{'&#65;' * 4_000_000}</b>"),
    "a NUL": lambda: wrap("\0"),
    "a NUL by reference": lambda: wrap("&#0;"),
    "a control character": lambda: wrap("\x1b"),
    "a control character by reference": lambda: wrap("&#x1B;"),
    "a control character in XML 1.1": lambda: b'<?xml version="1.1"?>' + wrap("&#x1B;"),
    "a surrogate by reference": lambda: wrap("&#xD800;"),
    "a surrogate pair by reference": lambda: wrap("&#xD83D;&#xDE42;"),
    "a surrogate in UTF-8": lambda: wrap(b"\xed\xa0\x80"),
    "U+FFFE": lambda: wrap("\ufffe"),
    "a character over the last": lambda: wrap("&#x110000;"),
    "an overlong character": lambda: wrap(b"\xc0\xaf"),
    "latin-1 that says UTF-8": lambda: b'<?xml version="1.0" encoding="UTF-8"?>' + wrap(b"\xe9"),
    "half a character": lambda: wrap(b"\xe4\xb8"),
    "UTF-16 cut off": lambda: wrap("x").decode().encode("utf-16")[:-1],
    "UTF-16 with a lone surrogate": lambda: (
        b"\xff\xfe"
        + wrap("").decode().encode("utf-16-le")[:26]
        + b"\x00\xd8"
        + "</a>".encode("utf-16-le")
    ),
    "UTF-7": lambda: b'<?xml version="1.0" encoding="UTF-7"?>' + wrap("+ADw-b/+AD4-"),
    "an encoding that is none": lambda: b'<?xml version="1.0" encoding="rot13"?>' + wrap(""),
    "JSON": lambda: b'{"form": 1}',
    "HTML": lambda: b"<!DOCTYPE html><html><body>",
    "nothing": lambda: b"",
    "a line before the declaration": lambda: b'\n<?xml version="1.0"?>' + wrap(""),
    "two roots": lambda: wrap("") * 2,
    "deep case blocks of one case": lambda: wrap(f'<case xmlns="{CASE}" case_id="c">' * 250),
    "5,001 cases": lambda: cases(5_001),
    "100,000 cases": lambda: cases(99_999, "<c:close/>", ' date_modified="2025-01-01" user_id="u"'),
    "10,001 indexes": lambda: indexes(10_001),
    "a case in no namespace": lambda: b'<p:a xmlns:p="u"><x:case case_id="c"/></p:a>',
}

#: Large or odd, but legal: must be read.
READ: dict[str, Make] = {
    "250 levels": lambda: b'<a xmlns="u">' * 250 + b"</a>" * 250,
    "200,000 elements": lambda: wrap("<b/>" * 199_999),
    "1,000 attributes on 2,300 elements": lambda: wrap(f"<b {attributes(1_000)}/>" * 2_300),
    "a tag inside a comment": lambda: wrap(f"<!--<b {attributes(1_001)}/>-->"),
    "a tag inside CDATA": lambda: wrap(f"<![CDATA[<b {attributes(1_001)}/>]]>"),
    "a namespace of 500 characters": lambda: (
        b'<a xmlns="u" xmlns:p="%s">' % (b"p" * 500)
        + f"<b {attributes(999, 'p:a')}/>".encode() * 1_700
        + b"</a>"
    ),
    "20 MB of text": lambda: wrap("x" * 20_000_000),
    "20 MB of line ends": lambda: wrap("\r" * 20_000_000),
    "20 MB of references": lambda: wrap("&#65;" * 4_000_000),
    "20 MB of ampersands": lambda: wrap("&amp;" * 4_000_000),
    "20 MB of comments": lambda: wrap("<!---->" * 2_800_000),
    "20 MB of instructions": lambda: wrap("<?a?>" * 4_000_000),
    "20 MB of CDATA": lambda: wrap("<![CDATA[]]>" * 1_600_000),
    "20 MB of UTF-16": lambda: wrap("中" * 9_900_000).decode().encode("utf-16"),
    "20 MB of UTF-32": lambda: wrap("🙂" * 4_900_000).decode().encode("utf-32"),
    "20 MB of latin-1": lambda: (
        b'<?xml version="1.0" encoding="latin1"?>' + wrap(b"\xe9" * 20_000_000)
    ),
    "20 MB of properties": lambda: one_case(
        "".join(f"<p{n}>{'x' * 16_000}🙂</p{n}>" for n in range(1_200))
    ),
    "199,997 properties": lambda: one_case("".join(f"<p{n}>v{n}</p{n}>" for n in range(199_997))),
    "5,000 cases": lambda: cases(5_000, "<c:close/>", ' date_modified="2025-01-01" user_id="u"'),
    "10,000 indexes": lambda: indexes(10_000),
    "100,000 blocks of one case": lambda: wrap(f'<case xmlns="{CASE}" case_id="c"/>' * 100_000),
    "xml:base and schema locations": lambda: (
        b'<a xmlns="u" xml:base="http://127.0.0.1:9/"'
        b' xmlns:s="http://www.w3.org/2001/XMLSchema-instance" s:schemaLocation="u x.xsd"'
        b' xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="file:///etc/passwd"/></a>'
    ),
    "a style sheet": lambda: b'<?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?>' + wrap(""),
}


def measure(read: Callable[[bytes], Any], xml: bytes) -> dict[str, Any]:
    """Read a document in a process of its own."""
    result, writer = os.pipe()
    child = os.fork()
    if child == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.process_time()
        try:
            outcome = getattr(read(xml), "problem", None)
        except CasekeeperError as refusal:
            outcome = refusal.message
        seconds = time.process_time() - begin
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        facts = {"outcome": outcome, "seconds": seconds, "megabytes": kilobytes / 1024}
        os.write(writer, json.dumps(facts).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(result, "rb") as pipe:
        facts = json.loads(pipe.read() or b'{"outcome": "crashed"}')
    os.waitpid(child, 0)
    return facts


if __name__ == "__main__":
    measured = {}
    for name, make in {**REFUSED, **READ}.items():
        document = make()
        measured[name] = {"parse": measure(parse, document), "answers": measure(answers, document)}
    json.dump(measured, sys.stdout)
