"""From a network's operators to a task graph: cut into pieces, with a time for each piece on each cluster.

What was measured comes first: where the latency tables have the whole network on a cluster, its operators share that
time in the proportions of the cluster's cost model. Elsewhere the model's own prediction stands, and says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rtsched.dnn import cost, network_file
from rtsched.dnn.calibration import stated
from rtsched.dnn.network import Network
from rtsched.dnn.partition import Piece, at_articulation_points, balanced, crossing, units
from rtsched.errors import InputError
from rtsched.model.graph import EdgeModel, GraphModel, NodeModel
from rtsched.model.task import Task
from rtsched.model.work import NetworkUse, is_file

if TYPE_CHECKING:
    from rtsched.dnn.lowering import Lowering

#: A graph of more pieces than this is refused: the policies that plan over pieces would take for ever.
MOST_PIECES = 5000


def is_expanded(use: str | NetworkUse | None) -> bool:
    """Whether a network is to be cut, or read from a file, instead of looked up whole."""
    if isinstance(use, NetworkUse):
        return use.is_cut
    return use is not None and is_file(use)


def expanded(lowering: Lowering, what: str, task: Task) -> GraphModel:
    """The task graph of a task whose network is cut."""
    use = task.network if isinstance(task.network, NetworkUse) else NetworkUse(network=task.network or "")
    network = trimmed(network_file.load(use.operators or file_of(use.network), lowering.folder))
    why = cost.unknown(network)
    if why:
        hint = "give open inputs a size (`rtsched import --shape`), or " if network.unknown else ""
        raise InputError(
            f"{what}: the cost of network {network.name!r} is not known: {why}; {hint}measure it (`rtsched profile`) "
            "and name it whole, or give a 'wcet'"
        )
    for note in network.notes:
        lowering.assume(f"{task.name}: {note}")
    times = _times(lowering, what, task, use, network)
    support = _support(lowering, what, use, network, times)
    pieces = _pieces(lowering, what, use, network, support, times)
    if len(pieces) > MOST_PIECES:
        raise InputError(
            f"{what}: {len(pieces)} pieces are too many to schedule; cut at 'articulation' points, or in 'units'"
        )
    if len(pieces) > 1:
        lowering.rests("modelled", f"{network.name}: its time is shared out among {len(pieces)} pieces by a model")
    width = cost.WIDTH.get(use.precision or "", 1.0)
    nodes = {}
    names = [_name(network, number, piece) for number, piece in enumerate(pieces)]
    for name, piece in zip(names, pieces, strict=True):
        wcet = {
            cluster: max(1, round(sum(row[index] for index in piece)))
            for cluster, row in times.items()
            if all(support[cluster][index] for index in piece)
        }
        if not wcet:
            kinds = sorted({network.operators[index].kind for index in piece})
            raise InputError(
                f"{what}: no cluster supports a piece with {', '.join(kinds[:6])}; leave one out of 'unsupported'"
            )
        nodes[name] = NodeModel(wcet=wcet, threads=use.threads)
    edges = tuple(
        EdgeModel.model_validate({"from": names[source], "to": names[target], "bytes": round(size)})
        for (source, target), size in crossing(network, pieces, width).items()
    )
    return GraphModel(nodes=nodes, edges=edges)


def file_of(name: str) -> str:
    """The network file of a network as the latency tables call it."""
    return next((file for (network, _), file in cost.SAME.items() if network == name), name)


def _times(lowering: Lowering, what: str, task: Task, use: NetworkUse, network: Network) -> dict[str, list[float]]:
    """Per cluster the time of every operator in ns, for clusters where anything is known."""
    from rtsched.dnn.latency import total

    found: dict[str, list[float]] = {}
    allowed = lowering.where.allowed(what, task)
    for cluster in lowering.platform.processors:
        used = not allowed.isdisjoint(lowering.where.members[cluster])
        model = cost.model_for(lowering.platform, cluster, lowering.latency, use.precision)
        if model is None and use.precision is not None:  # tables often leave a CPU's or a GPU's precision out
            model = cost.model_for(lowering.platform, cluster, lowering.latency, "fp32")
        measured = total(lowering, use, cluster, used=used)
        if model is None and measured is None:
            continue
        if model is not None:
            row = [model.time(operator) for operator in network.operators]
        else:
            row = [cost.effort(operator) for operator in network.operators]
            lowering.assume(f"{task.name} on {cluster}: its time is shared out by multiply-accumulates and bytes")
        if measured is not None:
            scale = measured / (sum(row) or 1.0)
            row = [time * scale for time in row]
        elif model is not None:
            lowering.assume(f"{task.name} on {cluster}: not measured; {model.note}; {stated(model, network).note}")
            if lowering.factor != 1:
                row = [lowering.longer(round(time)) for time in row]
            if used:
                lowering.rests("modelled", f"{network.name} on {cluster}: not measured; a roofline{lowering.times}")
        found[cluster] = row
    if not found:
        raise InputError(
            f"{what}: network {network.name!r} has neither a measured time nor a cost model on any cluster of "
            f"{lowering.platform.name!r}; `rtsched show cost {network.name} --platform {lowering.platform.name}` says "
            "what is known"
        )
    return found


def _support(
    lowering: Lowering, what: str, use: NetworkUse, network: Network, times: dict[str, list[float]]
) -> dict[str, list[bool]]:
    kinds = {operator.kind for operator in network.operators}
    for cluster, lacking in use.unsupported.items():
        if cluster not in lowering.platform.processors:
            raise InputError(
                f"{what}: 'unsupported' names {cluster!r}, which is no cluster of {lowering.platform.name!r}"
            )
        for kind in lacking:
            if kind not in kinds:
                raise InputError(
                    f"{what}: 'unsupported' names {kind!r}, which the network does not have; "
                    f"it has {', '.join(sorted(kinds))}"
                )
    return {
        cluster: [operator.kind not in use.unsupported.get(cluster, ()) for operator in network.operators]
        for cluster in times
    }


def _pieces(
    lowering: Lowering,
    what: str,
    use: NetworkUse,
    network: Network,
    support: dict[str, list[bool]],
    times: dict[str, list[float]],
) -> tuple[Piece, ...]:
    if use.partition in (None, "whole"):
        return (tuple(range(len(network.operators))),)
    if use.partition == "articulation":
        return costly(network, at_articulation_points(network))
    if use.partition == "layers":
        return layers(network)
    if use.partition == "units":
        cpus = [name for name in support if lowering.platform.processors[name].kind == "cpu" and all(support[name])]
        if not cpus and not any(all(row) for row in support.values()):
            raise InputError(f"{what}: partition 'units' needs a CPU (or another cluster) that runs every operator")
        whole = cpus or [name for name, row in support.items() if all(row)]
        return tuple(unit.operators for unit in units(network, support, whole, use.smallest))
    assert isinstance(use.partition, int)
    best = [min(row[index] for row in times.values()) for index in range(len(network.operators))]
    return balanced(network, best, use.partition)


def trimmed(network: Network) -> Network:
    """The network without free operators that read no activations (weights under another name, for the most part)."""
    gone: set[int] = set()
    for operator in network.operators:
        if operator.kind in cost.FREE and gone.issuperset(operator.predecessors):
            gone.add(operator.index)
    kept = [operator for operator in network.operators if operator.index not in gone]
    place = {operator.index: number for number, operator in enumerate(kept)}
    operators = tuple(
        replace(
            operator,
            index=place[operator.index],
            predecessors=tuple(place[before] for before in operator.predecessors if before in place),
        )
        for operator in kept
    )
    return replace(network, operators=operators) if operators else network


def costly(network: Network, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Contiguous pieces, those that cost nothing joined to the one before."""
    kept: list[Piece] = []
    for piece in pieces:
        if kept and all(network.operators[index].kind in cost.FREE for index in piece):
            kept[-1] += piece
        else:
            kept.append(piece)
    return tuple(kept)


def layers(network: Network) -> tuple[Piece, ...]:
    """Every operator that costs anything, with the free ones behind it."""
    home: dict[int, int] = {}
    pieces: list[list[int]] = []
    for operator in network.operators:
        if operator.kind in cost.FREE and operator.predecessors:
            number = max(home[before] for before in operator.predecessors)
        else:
            number = len(pieces)
            pieces.append([])
        home[operator.index] = number
        pieces[number].append(operator.index)
    return tuple(tuple(piece) for piece in pieces)


def _name(network: Network, number: int, piece: Piece) -> str:
    """The number of a piece, and what most of its multiply-accumulates are."""
    heaviest = max(piece, key=lambda index: (network.operators[index].macs or 0, -index))
    return f"{number}:{network.operators[heaviest].kind.lower()}" + (f"+{len(piece) - 1}" if len(piece) > 1 else "")
