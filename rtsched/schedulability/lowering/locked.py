"""Which locks of a group of tasks no theorem here bounds."""

from __future__ import annotations

from rtsched.schedulability.lowering.obstacles import Obstacle
from rtsched.schedulability.lowering.pieces import Pieces
from rtsched.schedulability.theorems.locks import circle


def locks_obstacle(group: Pieces) -> Obstacle | None:
    """Which locks of a group are not bounded here, or not with what else the group does."""
    if not group.locks:
        return None
    protocols = {group.system.protocols[s.resource] for task in group.specs for n in task.nodes for s in n.sections}
    if "none" in protocols:
        return Obstacle(
            "a lock without a protocol lets tasks in between delay the one that waits for it, without bound",
            "guard the lock with protocol: ceiling (or inheritance)",
        )
    if "original-ceiling" in protocols and len(protocols) > 1:
        return Obstacle(
            "the original ceiling protocol says nothing of locks of another protocol beside its own",
            "guard all locks of the processor with protocol: original-ceiling, or none",
        )
    resource = circle(group.specs, group.system.protocols)
    if resource is not None:
        return Obstacle(
            f"sections are nested in opposite orders around {resource!r}: their holders can wait for each other "
            "for ever (deadlock)",
            "take the locks in one order everywhere, or guard them with protocol: ceiling",
        )
    if len(group.pools) > 1 and group.triggered and group.single and group.sequential:
        return _far(group) or _switches(group)
    if len(group.pools) > 1 or not group.single or group.policy.order != "FP" or not group.sequential:
        return Obstacle(
            "blocking by locks is bounded here on one processor with fixed priorities only",
            "keep the tasks that share a lock on one processor under fp, rm or dm",
        )
    return _switches(group)


def _far(group: Pieces) -> Obstacle | None:
    """Where tasks of several processors release each other: locks of one are a matter of that one alone."""
    pools: dict[str, set[int]] = {}
    for task in group.specs:
        for section in task.nodes[0].sections:
            pools.setdefault(section.resource, set()).add(group.pieces[task.index][0].pool)
    far = next((name for name, mine in sorted(pools.items()) if len(mine) > 1), None)
    if far is not None:
        return Obstacle(
            f"tasks on several processors share {far!r}: blocking by locks is bounded here on one processor only",
            "keep the tasks that share a lock on one processor under fp, rm or dm",
        )
    used = sorted({pool for mine in pools.values() for pool in mine})
    original = any(group.system.protocols[name] == "original-ceiling" for name in pools)
    if original and len(used) > 1:
        return Obstacle(
            "the original ceiling protocol is bounded here for the locks of one processor only",
            "guard the locks with protocol: ceiling (or inheritance)",
        )
    for pool in used:
        if group.at[pool].order != "FP" or group._mode(pool) != "preemptive":
            return Obstacle(
                "blocking by locks is bounded here on preemptive processors with fixed priorities only",
                "serve the processor with the locks by fp, rm or dm, preemptively",
            )
    return None


def _switches(group: Pieces) -> Obstacle | None:
    """Under the immediate ceiling a job is blocked before it begins: it switches no more often than without locks.

    Not counted is the start of a holder whose section begins with it; the job's own last switch, which comes after
    its end and is inside its bound, takes no less.
    """
    modes = {group._mode(group.pieces[task.index][0].pool) for task in group.specs if task.nodes[0].sections}
    used = {group.system.protocols[s.resource] for task in group.specs for n in task.nodes for s in n.sections}
    if used == {"ceiling"} and modes == {"preemptive"}:
        return None
    if any(piece.overhead for each in group.pieces.values() for piece in each):
        return Obstacle(
            "switches that a lock causes are counted here under protocol: ceiling only, on preemptive processors",
            "guard the locks with protocol: ceiling, or leave the overheads out of this part",
        )
    return None
