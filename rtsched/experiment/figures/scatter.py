"""Bounds against observed responses: how much a proof leaves, task by task."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.experiment.figures.ask import MOST_LOOKS, StudyView
from rtsched.experiment.words import of_time
from rtsched.plot.scatter import Cloud, Clouds, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(view: StudyView) -> Figure:
    """A panel for each policy with the tasks of all chosen points. Raises InputError where there are no bounds."""
    view.refuse_over_and_weighted("a scatter")
    if view.ask.metrics:
        raise InputError("a scatter shows bounds against responses and no metric; leave --metric out")
    if view.outline.do != "both" or not view.outline.study.get("per_task"):
        raise InputError("a scatter needs runs and proofs of each task: 'do: both' and 'per_task: true' in the study")
    policies = view.asked("refuted")  # by what has bounds: tests of whole sets have none
    if len(policies) > MOST_LOOKS:
        raise InputError(f"more than {MOST_LOOKS} policies cannot be told apart; choose some with --policy")
    dots: dict[int, list[tuple[float, float]]] = {who: [] for who in policies}
    counts: dict[int, Counter[str]] = {who: Counter() for who in policies}
    chosen = set(view.points)
    for row in view.results:
        if row.run.point not in chosen or row.run.policy not in dots:
            continue
        for task in row.tasks:
            seen, bound = task.get("response_max"), task.get("bound")
            if seen is not None and bound is not None:
                dots[row.run.policy].append((seen, bound))
                counts[row.run.policy]["on" if seen == bound else "above"] += 1
            else:
                counts[row.run.policy]["unbounded" if bound is None else "unseen"] += 1
    quantity = of_time("", max((bound for each in dots.values() for _, bound in each), default=0))
    clouds = [
        Cloud(
            view.outline.policies[who],
            tuple((seen / quantity.per, bound / quantity.per) for seen, bound in dots[who]),
            tuple(_counts(counts[who])),
            look,
        )
        for look, who in enumerate(policies)
    ]
    total = sum(each.total() for each in counts.values())
    notes = view.notes(f"{total} tasks; on the line the bound was seen")
    unit = f" ({quantity.unit})"
    return draw(Clouds(tuple(clouds), f"largest response seen{unit}", f"bound{unit}", notes), view.ask.size)


def _counts(counts: Counter[str]) -> list[str]:
    """How many tasks lie where, in one line unless it has to be broken, between two of them."""
    places = {"on": "on the line", "above": "above", "unbounded": "no bound", "unseen": "never ended"}
    told = [f"{said} {counts[place]}" for place, said in places.items() if counts[place] or place in ("on", "above")]
    return [", ".join(each.replace(" ", "\N{NO-BREAK SPACE}") for each in told)]
