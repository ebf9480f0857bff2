"""Who is slowed down by a model of contention for the memory, read off its description: no run is looked at."""

from __future__ import annotations

from rtsched.model.memory import Pairwise, Pccs
from rtsched.model.taskgraph import NodeSpec, SystemSpec


def slowed(system: SystemSpec, place: int) -> bool:
    """Whether what runs on a processor may be slowed by what runs beside it.

    A measured pair slows its victim whatever that does, and beside whatever runs there, whether anybody asks for memory
    or not. In the other models nothing is, while no node asks for memory at all. Then a node that asks for some is. One
    that does not is in one of them: a PCCS cluster loses the flat share of its minor region, or more, as soon as others
    ask for memory. The models of proportional shares and of power laws slow only what asks for memory.
    """
    memory = None if system.hardware is None else system.hardware.platform.memory
    model = None if memory is None else memory.contention
    nodes = [node for task in system.tasks for node in task.all_nodes]
    cluster = system.processors[place].cluster
    if isinstance(model, Pairwise) and any(
        pair.victim.partition("/")[0] == cluster and pair.slowdown > 1 for pair in model.pairs
    ):
        return True
    if model is None or not any(_asks(node) for node in nodes):
        return False
    if any(_asks(node) for node in nodes if node.times[place] is not None):
        return True
    return isinstance(model, Pccs) and cluster in model.processors


def _asks(node: NodeSpec) -> bool:
    return node.hardware is not None and any(use is not None for use in node.hardware.memory)
