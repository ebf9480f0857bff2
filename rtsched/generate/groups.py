"""Which processors a load is meant for: the CPUs together, and each accelerator, with what each of them can serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from rtsched.errors import InputError
from rtsched.model.platform import Cluster, Platform

#: Kinds of processors that a load is only meant for where they are named.
BESIDE = ("link", "cloud")
#: The CPUs of all clusters together, on which a plain execution time holds.
CPUS = "cpu"


@dataclass(frozen=True, slots=True)
class Group:
    """Processors that share a load.

    `capacity` is what they serve together (1 is one processor of speed 1), `count` how many tasks there are for them,
    `total` the sum of their utilisations. For a `plain` group execution times need no name.
    """

    name: str
    plain: bool
    capacity: float
    count: int = 0
    total: float = 0.0


def groups_of(platform: Platform, named: Mapping[str, float] | None, apart: bool) -> list[Group]:
    """The groups that loads are `named` for, else all: CPUs together unless clusters are wanted `apart`."""
    clusters = platform.processors
    cpus = [name for name, cluster in clusters.items() if cluster.kind == "cpu"]
    if named is None:
        names = [name for name, cluster in clusters.items() if cluster.kind not in BESIDE]
        if cpus and not apart:
            names = [CPUS, *(name for name in names if name not in cpus)]
        if not names:
            raise InputError(f"utilisation: platform {platform.name!r} has no processors to load; name clusters")
        return [_group(platform, name, cpus) for name in names]
    for name in named:
        if name not in clusters and not (name == CPUS and cpus):
            raise InputError(
                f"utilisation: {name!r} is no cluster of platform {platform.name!r}; known: {', '.join(clusters)}"
            )
    found = [_group(platform, name, cpus) for name in named]
    if CPUS in named and CPUS not in clusters and any(name in cpus for name in named):
        raise InputError("utilisation: 'cpu' means all CPU clusters, of which one is named, too; leave one of them out")
    return found


def _group(platform: Platform, name: str, cpus: list[str]) -> Group:
    if name in platform.processors and cpus != [name]:
        cluster = platform.processors[name]
        return Group(name, False, float(_capacity(cluster) / cluster.speed))
    return Group(name, True, float(sum(_capacity(platform.processors[each]) for each in cpus)))


def _capacity(cluster: Cluster) -> Fraction:
    """What the processors of a cluster serve together: the sum of their speeds, of one server its best speed-up."""
    if cluster.threads is not None:
        return cluster.speed * Fraction(max(cluster.threads.values()))
    return sum(cluster.speeds, Fraction(0)) if cluster.speeds is not None else cluster.cores * cluster.speed


def together(platform: Platform) -> Group:
    """All processors as one group, each of them counted as one."""
    servers = [
        1 if cluster.threads is not None else cluster.cores
        for cluster in platform.processors.values()
        if cluster.kind not in BESIDE
    ]
    return Group("all", False, float(sum(servers)))


def counts(groups: list[Group], tasks: int | Mapping[str, int]) -> list[int]:
    """How many tasks each group has: as given, or in proportion to what it serves, one at least. Raises InputError."""
    if isinstance(tasks, Mapping):
        names = [group.name for group in groups]
        for name in (*tasks, *names):
            if name not in tasks or name not in names:
                raise InputError(
                    f"tasks: must say how many there are for {', '.join(names)} (found {', '.join(tasks)})"
                )
        return [tasks[name] for name in names]
    if tasks < len(groups):
        raise InputError(
            f"tasks: {tasks} task{'s' * (tasks > 1)} for {len(groups)} groups of processors "
            f"({', '.join(group.name for group in groups)}); ask for one each at least, or name fewer in 'utilisation'"
        )
    total = sum(group.capacity for group in groups)
    shares = [(tasks - len(groups)) * group.capacity / total for group in groups]
    found = [int(share) for share in shares]
    by_rest = sorted(range(len(groups)), key=lambda place: (found[place] - shares[place], place))
    for place in by_rest[: tasks - len(groups) - sum(found)]:
        found[place] += 1
    return [1 + count for count in found]
