"""How many task sets a layer-by-layer allocation makes schedulable: ``python analysis/allocations/allocations.py``.

Sets of networks of the catalogue, each cut into pieces of equal GPU time, on boards whose CPU and GPU have a cost
model. Judged by the response-time test of ``lalarand-style`` (non-preemptive, rate monotonic). Tables: README.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np

from rtsched import api
from rtsched.dnn import cost, network_file
from rtsched.model import catalogue
from rtsched.schedulers.chain_responses import response_times

#: Boards, and the cluster that serves as the CPU.
BOARDS = {"snapdragon_8gen2": "prime", "rk3588": "big", "jetson_nano": "cpu"}
NETWORKS = ("resnet18", "inception_v3", "mobilenet_v1", "mobilenet_v2", "ssdlite320_mobilenet_v3")
PIECES = 6
SETS = 100
TASKS = 4

Piece = dict[str, int]
Task = tuple[int, list[Piece]]


def pieces(network: str, gpu: cost.CostModel, cpu: cost.CostModel) -> list[Piece]:
    """A network in consecutive pieces of about equal GPU time: the times in us on both."""
    operators = network_file.load(network).operators
    share = gpu.network(network_file.load(network)) / PIECES
    found, done = [[0.0, 0.0]], 0.0
    for operator in operators:
        if done >= len(found) * share:
            found.append([0.0, 0.0])
        found[-1][0] += gpu.time(operator)
        found[-1][1] += cpu.time(operator)
        done += gpu.time(operator)
    return [{"gpu": max(1, round(on_gpu / 1000)), "cpu": max(1, round(on_cpu / 1000))} for on_gpu, on_cpu in found]


def draw(known: Sequence[list[Piece]], rng: np.random.Generator) -> list[Task]:
    """Four networks that load the GPU, if all run there, to 0.2 to 1.4, shared out at random."""
    shares = rng.dirichlet([1.0] * TASKS) * rng.uniform(0.2, 1.4)
    tasks = []
    for share in shares:
        each = known[int(rng.integers(len(known)))]
        tasks.append((max(1, int(sum(piece["gpu"] for piece in each) / share)), each))
    return sorted(tasks, key=lambda task: task[0])


def passes(tasks: Sequence[Task], places: Sequence[Sequence[str]]) -> bool:
    """Whether an allocation passes the test."""
    demands = []
    for (period, each), where in zip(tasks, places, strict=True):
        asked: dict[str, list[int]] = {}
        for piece, name in zip(each, where, strict=True):
            asked.setdefault(name, []).append(piece[name])
        demands.append((period, period, asked))
    return float("inf") not in response_times(demands)


def allocated(tasks: Sequence[Task], search: str) -> bool:
    """Whether the allocation of ``lalarand-style`` passes."""
    described = []
    for number, (period, each) in enumerate(tasks):
        names = [f"l{place}" for place in range(len(each))]
        nodes = {
            name: {"wcet": {place: f"{time} us" for place, time in piece.items()}}
            for name, piece in zip(names, each, strict=True)
        }
        graph = {"nodes": nodes, "edges": [list(pair) for pair in pairwise(names)]}
        described.append({"name": f"t{number}", "period": f"{period} us", "graph": graph})
    placement = {"name": "lalarand-style", "search": search}
    policy = api.scheduler({"ordering": "rm", "placement": placement, "preemption": "nonpreemptive"})
    platform = {"name": "board", "processors": {"cpu": {}, "gpu": {"kind": "gpu", "service": "node"}}}
    api.simulate({"platform": platform, "simulate": {"until": "1 ns"}, "tasks": described}, scheduler=policy)
    homes = policy.placement.homes  # type: ignore[attr-defined]
    return passes(tasks, [[homes[task, node] for node in range(len(each))] for task, (_, each) in enumerate(tasks)])


def row(board: str) -> str:
    """One line of the table: how many sets pass."""
    platform, rows = catalogue.load_platform(board), catalogue.latency_table()
    gpu, cpu = (cost.model_for(platform, cluster, rows, "fp32") for cluster in ("gpu", BOARDS[board]))
    assert gpu is not None
    assert cpu is not None
    known = [pieces(network, gpu, cpu) for network in NETWORKS]
    rng = np.random.default_rng(1)
    counts = [0, 0, 0, 0]
    for _ in range(SETS):
        tasks = draw(known, rng)
        sides = product(("gpu", "cpu"), repeat=len(tasks))
        counts[0] += passes(tasks, [["gpu"] * len(each) for _, each in tasks])
        counts[1] += any(
            passes(tasks, [[side] * len(each) for side, (_, each) in zip(chosen, tasks, strict=True)])
            for chosen in sides
        )
        counts[2] += allocated(tasks, "one-by-one")
        counts[3] += allocated(tasks, "all")
    ratio = sum(piece["cpu"] for each in known for piece in each) / sum(
        piece["gpu"] for each in known for piece in each
    )
    return f"| {board} | {ratio:.1f} | " + " | ".join(map(str, counts)) + " |"


def main() -> None:
    """Print the table."""
    print("| board | CPU time of GPU time | all on the GPU | whole tasks, the best | one by one | all |")
    print("|---|---|---|---|---|---|")
    for board in BOARDS:
        print(row(board), flush=True)


if __name__ == "__main__":
    main()
