"""Pull and push: how alike views of one picture and of two are, before and after learning."""

from __future__ import annotations

from likewise.evaluate.pull_push import apart_number, pull_and_push
from likewise.evaluate.two_views import apartness
from likewise.tour.depth import OPTIONS
from likewise.tour.panel import NotShown, Panel
from likewise.tour.picture_ground import PictureGround

_GAIN = 0.05  # of the share of pairs that are told apart, to be called a parting


def show(ground: PictureGround) -> Panel:
    """Draw the distributions at the start, the middle and the end."""
    run = ground.learned("simclr", **OPTIONS)
    found = pull_and_push(run.log)
    looks = [line["doctor"] for line in run.log if line.get("doctor", {}).get("pulled")]
    if not found:
        raise NotShown("the training was so short that nothing was seen of it")
    first, last = looks[0], looks[-1]
    before, after = (apartness(look["pulled"], look["pushed"]) for look in (first, last))
    return Panel(
        name="pull-push",
        statement="A contrastive loss pulls views of one picture together and pushes those of others away",
        command=ground.command("simclr", **OPTIONS),
        finding=found[0].text,
        fails="Pushing goes by picture and not by meaning: two pictures of one thing are pushed apart like any two. "
        "That the likenesses part is no proof of use: a network can tell views by their colours alone.",
        pictures=found[0].pictures,
        numbers=(apart_number(first, last),),
        tables=found[0].tables,
        holds=after > before + _GAIN,
    )
