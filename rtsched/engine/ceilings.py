"""The original priority ceiling protocol: who may enter a section (Sha, Rajkumar, Lehoczky, IEEE ToC 39(9), 1990).

The ceiling of a resource is the priority of the most urgent task that ever uses it. A job enters a section only if its
priority is higher than the ceilings of all resources that others hold; otherwise it waits, and who holds the one of the
highest ceiling runs at its priority (`rtsched.engine.locks`). The protocol is one of a single processor: each processor
has its own resources and ceilings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rtsched.errors import SchedulerError

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.engine.job import Segment
    from rtsched.engine.veil import Veiled
    from rtsched.schedulers.base import Scheduler

#: The name of the protocol in a system.
ORIGINAL: Final = "original-ceiling"


class Ceilings:
    """The resources under the protocol: the ceiling of each, and the processor on which it is used."""

    def __init__(self, core: Core, policy: Scheduler | Veiled, names: list[str]) -> None:
        self.policy = policy
        self.level: dict[str, Any] = {}
        self.place: dict[str, int] = {}
        for name in names:
            users = [
                (task, node)
                for task in core.tasks
                for node in task.nodes
                if any(section.resource == name for section in node.sections)
            ]
            places = {place for task, node in users for place in policy.places_of(task, node)}
            if len(places) > 1:
                where = [repr(core.processors[place].spec.name) for place in sorted(places)]
                raise SchedulerError(
                    f"resource {name!r}: the original ceiling protocol is one of a single processor, and its users may "
                    f"run on {', '.join(where[:-1])} and {where[-1]}; pin them to one, or write protocol: inheritance "
                    "or ceiling"
                )
            if places:
                self.level[name] = min(policy.level(task) for task, _ in users)
                self.place[name] = places.pop()

    def barrier(self, segment: Segment, name: str, holder: dict[str, Segment]) -> str | None:
        """The resource for which `segment`, which wants `name`, must wait; None: it may enter.

        It is that of the highest ceiling of all that others hold; of several the wanted one, or the first taken.
        """
        place = self.place[name]
        highest = name if name in holder else None
        for other, owner in holder.items():
            if owner is segment or other not in self.place or self.place[other] != place:
                continue
            if highest is None or self.level[other] < self.level[highest]:
                highest = other
        if highest is None or name in holder:
            return highest
        entry = segment.entry
        urgency = self.policy.level(segment.job.task) if entry is None else entry[0]
        return None if urgency < self.level[highest] else highest
