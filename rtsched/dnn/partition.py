"""Partition: how a network is cut into the pieces that become nodes of a task graph.

Pieces are tuples of operator indices, in the order in which they run; together they hold every operator once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rtsched.dnn.network import Network
from rtsched.errors import InputError
from rtsched.model.work import SMALLEST

Piece = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UnitSubgraph:
    """A unit of Band: operators that the same workers support, in topological order."""

    operators: Piece
    workers: tuple[str, ...]


def alternating(network: Network, supported: Sequence[bool]) -> list[tuple[Piece, bool]]:
    """Band's split for one worker: pieces that it supports and pieces that it does not (True) take turns.

    Each is as large as the dependencies allow, and need not be connected (Band, MobiSys 2022; its code).
    """
    _fits(network, {"worker": supported})
    done: set[int] = set()
    remaining = list(range(len(network.operators)))
    pieces: list[tuple[Piece, bool]] = []
    fallback = False
    while remaining:
        piece: list[int] = []
        grown = True
        while grown:
            grown = False
            for index in list(remaining):
                ready = all(before in done for before in network.operators[index].predecessors)
                if ready and supported[index] != fallback:
                    piece.append(index)
                    done.add(index)
                    remaining.remove(index)
                    grown = True
        if piece:
            pieces.append((tuple(piece), fallback))
        fallback = not fallback
    return pieces


def units(
    network: Network, support: Mapping[str, Sequence[bool]], cpus: Sequence[str], smallest: int = SMALLEST
) -> tuple[UnitSubgraph, ...]:
    """Band's unit subgraphs: the finest pieces that the operators' support by the workers allows.

    `support` says for each worker and operator whether it can run there; those of `cpus` run everything. A piece of
    another worker's own split with fewer than `smallest` operators is not worth it, and left to the CPUs. Operators
    are then gathered level by level while they are supported by the same workers (Band, MobiSys 2022; its code).
    """
    _fits(network, support)
    unknown = [name for name in cpus if name not in support]
    if unknown:
        raise InputError(f"units: {unknown[0]!r} is no worker; known: {', '.join(support)}")
    able = {name: [True] * len(network.operators) if name in cpus else list(row) for name, row in support.items()}
    for name, row in able.items():
        if name not in cpus:
            small = [piece for piece, fallback in alternating(network, row) if not fallback and len(piece) < smallest]
            for index in (index for piece in small for index in piece):
                row[index] = False
    masks = [tuple(name for name, row in able.items() if row[index]) for index in range(len(network.operators))]
    for operator, mask in zip(network.operators, masks, strict=True):
        if not mask:
            raise InputError(
                f"units: no worker supports operator {operator.name!r} ({operator.kind}); let a CPU take part"
            )
    return tuple(UnitSubgraph(piece, masks[piece[0]]) for piece in _gathered(network, masks))


def _gathered(network: Network, masks: Sequence[tuple[str, ...]]) -> list[Piece]:
    """Pieces of equal mask; what an operator gives is there for others after the pass in which it was added."""
    waits = [len(operator.predecessors) for operator in network.operators]
    after: list[list[int]] = [[] for _ in network.operators]
    for operator in network.operators:
        for before in operator.predecessors:
            after[before].append(operator.index)
    ready = [index for index, count in enumerate(waits) if not count]
    pieces: list[Piece] = []
    while ready:
        mask = masks[min(ready)]
        piece: list[int] = []
        while True:
            add = sorted(index for index in ready if masks[index] == mask)
            if not add:
                break
            piece += add
            ready = [index for index in ready if masks[index] != mask]
            for index in add:
                for follower in after[index]:
                    waits[follower] -= 1
                    if not waits[follower]:
                        ready.append(follower)
        pieces.append(tuple(piece))
    return pieces


def candidates(found: Sequence[UnitSubgraph]) -> dict[str, tuple[tuple[int, int], ...]]:
    """Per worker all contiguous ranges of units (first, last) that it supports: Band's merged subgraphs.

    Band closes pairs (A, B) whose second reads only what the first writes, and refuses ids that are not contiguous: of
    the merged sets exactly the contiguous ranges can be loaded, and those are what its planner asks for.
    """
    workers = dict.fromkeys(name for unit in found for name in unit.workers)
    ranges: dict[str, tuple[tuple[int, int], ...]] = {}
    for name in workers:
        mine: list[tuple[int, int]] = []
        for first in range(len(found)):
            for last in range(first, len(found)):
                if name not in found[last].workers:
                    break
                mine.append((first, last))
        ranges[name] = tuple(mine)
    return ranges


def at_articulation_points(network: Network) -> tuple[Piece, ...]:
    """The finest pieces in topological order between which a single operator's output is all that passes on.

    Cutting there costs one transfer. Time linear in operators and edges.
    """
    count = len(network.operators)
    last = list(range(count))  # the last reader of each operator's output
    for operator in network.operators:
        for before in operator.predecessors:
            last[before] = max(last[before], operator.index)
    ends = [0] * (count + 1)
    for index in range(count):
        ends[last[index]] += 1
    pieces: list[Piece] = []
    start = open_ones = 0
    for index in range(count - 1):
        open_ones += last[index] > index
        open_ones -= sum(1 for before in set(network.operators[index].predecessors) if last[before] == index)
        if open_ones == 1:
            pieces.append(tuple(range(start, index + 1)))
            start = index + 1
    if count:
        pieces.append(tuple(range(start, count)))
    return tuple(pieces)


def per_layer(network: Network) -> tuple[Piece, ...]:
    """Every operator a piece of its own."""
    return tuple((operator.index,) for operator in network.operators)


def balanced(network: Network, weights: Sequence[float], count: int) -> tuple[Piece, ...]:
    """At most `count` pieces, cut at articulation points only, whose heaviest is as light as possible.

    Of equally good cuts the one with the earliest pieces filled first.
    """
    if count < 1:
        raise InputError(f"balanced: at least one piece (found {count})")
    if len(weights) != len(network.operators):
        raise InputError(f"balanced: {len(weights)} weights for {len(network.operators)} operators; give one each")
    parts = at_articulation_points(network)
    sums = [0.0]
    for part in parts:
        sums.append(sums[-1] + sum(weights[index] for index in part))
    bounds = sorted({sums[b] - sums[a] for a in range(len(parts)) for b in range(a + 1, len(parts) + 1)})
    low, high = 0, len(bounds) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if len(_packed(sums, bounds[middle])) <= count else (middle + 1, high)
    pieces: list[Piece] = []
    start = 0
    for end in _packed(sums, bounds[low]) if parts else []:
        pieces.append(tuple(index for part in parts[start:end] for index in part))
        start = end
    return tuple(pieces)


def _packed(sums: Sequence[float], bound: float) -> list[int]:
    """Where pieces of at most `bound` end when each takes all that it can (at least one part)."""
    ends: list[int] = []
    start = 0
    while start < len(sums) - 1:
        end = bisect_left(sums, sums[start] + bound * (1 + 1e-12) + 1e-300, start + 1)
        while end < len(sums) and sums[end] - sums[start] <= bound:
            end += 1
        start = max(start + 1, min(end, len(sums)) - 1)
        ends.append(start)
    return ends


def crossing(network: Network, pieces: Iterable[Piece], width: float = 1.0) -> dict[tuple[int, int], float]:
    """The bytes that pass from piece to piece: (from, to) -> bytes, each operator's outputs once per reading piece.

    Numbers of four bytes take `width` of that.
    """
    home = {index: number for number, piece in enumerate(pieces) for index in piece}
    found: dict[tuple[int, int], float] = {}
    for before in network.operators:
        readers = {home[o.index] for o in network.operators if before.index in o.predecessors} - {home[before.index]}
        for reader in sorted(readers):
            key = (home[before.index], reader)
            found[key] = found.get(key, 0) + before.passed(width)
    return dict(sorted(found.items()))


def _fits(network: Network, support: Mapping[str, Sequence[bool]]) -> None:
    for name, row in support.items():
        if len(row) != len(network.operators):
            raise InputError(f"partition: {len(row)} entries for {name!r}, and {len(network.operators)} operators")
