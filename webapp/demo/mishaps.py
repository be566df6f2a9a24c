"""What goes wrong on the way: forms that come twice, cut off, or about what is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from webapp.clock import HOUR, SECOND
from webapp.demo import app_forms
from webapp.demo.events import Post, post
from webapp.demo.programme import Programme, Sent
from webapp.demo.xform import Filled, uuid_of
from webapp.submissions.receive import Incoming, read

#: The share of forms of which the answer is lost, so that the phone sends them again.
_SENT_AGAIN = 0.0013
#: Where in the two years a phone is set up anew before it has sent a household of which it sends a
#: pregnancy later; the last one just now.
_HOUSEHOLD_LOST = (0.21, 0.44, 0.68, 0.93, 0.998)
#: And where its connection breaks in the middle of a form.
_CUT_OFF = (0.3, 0.57, 0.88)


def mishaps(programme: Programme) -> Iterator[Post]:
    """All of them, in no order."""
    random = programme.random("mishaps")
    often = max(2, round(_SENT_AGAIN * len(programme.sent)))
    for sent in random.sample(programme.sent, often):
        later = round(random.uniform(8, 400) * SECOND)
        yield replace(post(sent), at=min(sent.at + later, programme.until - 1))
    for share in _CUT_OFF:
        sent = _at(programme.sent, share)
        yield replace(post(sent), at=sent.at - 9 * SECOND, incoming=_half(sent))
    pregnancies = [
        one for one in programme.sent if one.done.filled.kind == app_forms.REGISTER_PREGNANCY
    ]
    for share in _HOUSEHOLD_LOST:
        yield _of_a_lost_household(_at(pregnancies, share), programme)
    yield from _shared_with_nobody(programme)
    # A phone whose calendar has no such month.
    sent = _at(programme.sent, 0.62)
    yield replace(
        post(_anew(sent, programme)),
        incoming=lambda: read(
            _anew(sent, programme).xml().replace(b' date_modified="20', b' date_modified="00-', 1)
        ),
    )


def _half(sent: Sent) -> Callable[[], Incoming]:
    return lambda: read(sent.xml()[: len(sent.xml()) // 2])


def _at(all_of_them: list[Sent], share: float) -> Sent:
    return all_of_them[int(len(all_of_them) * share)]


def _of_a_lost_household(sent: Sent, programme: Programme) -> Post:
    """The same pregnancy in a household that was never sent."""
    anew = _anew(sent, programme)
    pregnancy, _home = sent.done.filled.blocks
    random = programme.random(f"lost {sent.meta.instance_id}")
    block = replace(
        pregnancy,
        case_id=uuid_of(random),
        index={"parent": ("household", uuid_of(random), "child")},
    )
    filled = Filled(sent.done.filled.kind, sent.done.filled.answers, [block])
    return post(replace(anew, done=replace(sent.done, filled=filled)))


def _shared_with_nobody(programme: Programme) -> Iterator[Post]:
    """This morning whoever was never assigned to a facility refers one more mother: nobody knows
    with whom to share that."""
    referred = [
        (sent, block)
        for sent in programme.sent
        if not sent.by.places
        for block in sent.done.filled.blocks
        if block.create and block.create["case_type"] == "referral"
    ]
    for sent, block in referred[-1:]:
        anew = _anew(sent, programme)
        random = programme.random(f"shared {sent.meta.instance_id}")
        filled = replace(sent.done.filled, blocks=[replace(block, case_id=uuid_of(random))])
        late = replace(anew, done=replace(sent.done, filled=filled))
        yield replace(post(late), at=programme.until - 2 * HOUR)


def _anew(sent: Sent, programme: Programme) -> Sent:
    """A form like another one, which comes within the next hour."""
    random = programme.random(f"anew {sent.meta.instance_id}")
    at = min(sent.at + random.randrange(HOUR), programme.until - 1)
    return replace(sent, at=at, meta=replace(sent.meta, instance_id=uuid_of(random)))
