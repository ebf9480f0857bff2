"""Bounds against observed responses: how much a proof leaves, task by task."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.experiment.figures.ask import MOST_LOOKS, MOST_PANELS, StudyView
from rtsched.experiment.words import of_time
from rtsched.plot.scatter import Cloud, Clouds, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(view: StudyView) -> Figure:
    """A panel for each policy, and each value of the axes asked for. Raises InputError where there are no bounds."""
    view.refuse_weighted("a scatter")
    if view.ask.metrics:
        raise InputError("a scatter shows bounds against responses and no metric; leave --metric out")
    if view.outline.do != "both" or not view.outline.study.get("per_task"):
        raise InputError("a scatter needs runs and proofs of each task: 'do: both' and 'per_task: true' in the study")
    policies = view.asked("refuted")  # by what has bounds: tests of whole sets have none
    if len(policies) > MOST_LOOKS:
        raise InputError(f"more than {MOST_LOOKS} policies cannot be told apart; choose some with --policy")
    groups = view.panels([name for name in view.free() if name not in view.ask.over])
    if len(policies) * len(groups) > MOST_PANELS:
        raise InputError(
            f"this makes {len(policies) * len(groups)} panels, more than {MOST_PANELS}; choose with --policy or --at"
        )
    panel_of = {place: panel for panel, (_, places) in enumerate(groups) for place in places}
    panels = [(panel, who) for panel in range(len(groups)) for who in policies]
    dots: dict[tuple[int, int], list[tuple[float, float]]] = {each: [] for each in panels}
    counts: dict[tuple[int, int], Counter[str]] = {each: Counter() for each in panels}
    for row in view.results:
        if row.run.point not in panel_of or row.run.policy not in policies:
            continue
        here = panel_of[row.run.point], row.run.policy
        for task in row.tasks:
            seen, bound = task.get("response_max"), task.get("bound")
            if seen is not None and bound is not None:
                dots[here].append((seen, bound))
                counts[here]["on" if seen == bound else "above"] += 1
            else:
                counts[here]["unbounded" if bound is None else "unseen"] += 1
    quantity = of_time("", max((bound for each in dots.values() for _, bound in each), default=0))
    clouds = [
        Cloud(
            ", ".join(text for text in (view.outline.policies[who], groups[panel][0]) if text),
            tuple((seen / quantity.per, bound / quantity.per) for seen, bound in dots[panel, who]),
            tuple(_counts(counts[panel, who])),
            policies.index(who),
        )
        for panel, who in panels
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
