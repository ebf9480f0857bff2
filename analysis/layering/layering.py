"""Demand Layering: memory against delay, on networks of the catalogue: ``python analysis/layering/layering.py``.

Each network becomes a chain of layers: what has weights begins one, what has none goes with the layer before it. Times
are those of the cost model of a board's GPU, weights those of the network file (fp32), and the storage reads 3 GB/s (an
NVMe drive on four lanes of PCIe 3; chosen). The tables stand in README.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rtsched import simulate, units
from rtsched.dnn import cost, network_file
from rtsched.model import catalogue

BOARDS = ("jetson_nano", "jetson_tx2", "jetson_orin_nano")
NETWORKS = ("inception_v3", "resnet18", "mobilenet_v1", "posenet_mobilenet_v1_257")
STORAGE = 3_000_000_000
PIPELINES = ("sequential", "synchronous", "asynchronous")
#: Weights below this are no layer of their own: a bias that is stored beside its convolution.
LEAST = 4096


def layers(network: str, model: cost.CostModel) -> list[tuple[int, int]]:
    """The layers of a network: (bytes of weights, time in ns)."""
    found: list[tuple[int, int]] = []
    for operator in network_file.load(network).operators:
        time = round(model.time(operator))
        if found and operator.weight_bytes < LEAST:
            size, before = found[-1]
            found[-1] = size + operator.weight_bytes, before + time
        else:
            found.append((operator.weight_bytes, time))
    return found


def graph(chain: Sequence[tuple[int, int]], processor: str = "gpu") -> dict[str, object]:
    """The graph of a chain of layers, as a system file has it."""
    names = [f"l{place}" for place in range(len(chain))]
    nodes = {
        name: {"wcet": {processor: f"{max(1, time)} ns"}} | ({"weights": f"{size} B"} if size else {})
        for name, (size, time) in zip(names, chain, strict=True)
    }
    return {"nodes": nodes, "edges": [list(pair) for pair in pairwise(names)]}


def response(chain: Sequence[tuple[int, int]], pipeline: str, buffer: int) -> int:
    """The response in ns of one inference whose layers are streamed through a buffer."""
    system = {
        "platform": {
            "name": "board",
            "processors": {"gpu": {"kind": "gpu", "service": "node"}},
            "memory": {"capacity": "8 GB", "load_bandwidth": f"{STORAGE} B/s"},
        },
        "scheduler": {
            "ordering": "fifo",
            "adaptation": {"name": "demand-layering", "pipeline": pipeline, "buffer": buffer},
        },
        "simulate": {"until": "1 s", "drain": "all"},
        "tasks": [{"name": "net", "period": "1 s", "graph": graph(chain)}],
    }
    trace = simulate(system)
    return int(trace.jobs["finish"][0])


def row(board: str, network: str) -> str:
    """One line of the table."""
    model = cost.model_for(catalogue.load_platform(board), "gpu", catalogue.latency_table(), "fp32")
    assert model is not None
    chain = layers(network, model)
    whole, largest = sum(size for size, _ in chain), max(size for size, _ in chain)
    pair = max(one[0] + other[0] for one, other in pairwise(chain))
    alone = sum(max(1, time) for _, time in chain)
    reading = whole / STORAGE
    cells = [board, network, f"{whole / 1e6:.1f} MB", f"{alone / units.MS:.1f} ms", f"{reading * 1000:.1f} ms"]
    for pipeline, buffer in (
        ("sequential", largest), ("synchronous", pair), ("asynchronous", largest), ("asynchronous", 2 * largest)
    ):  # fmt: skip
        delay = response(chain, pipeline, buffer) / alone - 1
        cells.append(f"{delay:+.1%}, {1 - buffer / whole:.1%}")
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    print(
        "| GPU | network | weights | alone | read | sequential | synchronous | asynchronous | with twice the buffer |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for network in NETWORKS:
        for board in BOARDS:
            print(row(board, network), flush=True)


if __name__ == "__main__":
    main()
