"""What papers on sharing a GPU say of their own policies, tried on kernels that were measured on a V100.

python analysis/shelf/gpu.py                # the figures
python analysis/shelf/gpu.py --write        # and puts them into gpu.md
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import rtsched
from rtsched.trace.trace import SUSPEND

HERE = Path(__file__).parent
#: A V100: 80 multiprocessors. A block of 1024 threads stands for what one of them holds of a kernel at once.
SMS, THREADS = 80, 1024
#: What bound kernels ask of the memory, of 900 GB/s, and the part of their time that waits for it: chosen.
MEMORY = {
    "memory": {"bound": 0.8, "demand": "500 GB/s"},
    "compute": {"bound": 0.2, "demand": "150 GB/s"},
    "unknown": {"bound": 0.5, "demand": "300 GB/s"},
}


@dataclass(frozen=True)
class Launched:
    """A kernel as Orion's profile has it: the multiprocessors that hold all of it, its time alone, what bounds it."""

    sms: int
    ns: int
    kind: str

    def described(self, finer: int = 1) -> dict[str, Any]:
        """The kernel for a system: alone it takes its time, in waves.

        With `finer` it has so many times the blocks, which take a tenth longer in all.
        """
        waves = -(-self.sms // SMS)
        time = max(1, round(self.ns / waves))
        if finer > 1:
            time = max(1, round(1.1 * time / finer))
        return {"blocks": self.sms * finer, "threads": THREADS, "time": time}


@cache
def kernels(network: str) -> tuple[Launched, ...]:
    """The kernels of a network, one after the other."""
    with (HERE / "v100_kernels.csv").open() as rows:
        return tuple(
            Launched(int(row["sms"]), int(row["ns"]), row["kind"])
            for row in csv.DictReader(rows)
            if row["network"] == network
        )


def alone(network: str) -> int:
    """The time in ns of a network alone."""
    return sum(-(-each.sms // SMS) * each.described()["time"] for each in kernels(network))


def whole(network: str) -> dict[str, Any]:
    """A network as one node, whose kernels are commands in a queue."""
    return {"kernels": [each.described() for each in kernels(network)]}


def pieces(network: str, finer: int = 1) -> dict[str, Any]:
    """A network as a node for each kernel; with versions of `finer` blocks, if that is more than one."""
    names = [f"k{number}" for number in range(len(kernels(network)))]
    nodes = {
        name: {"kernels": [each.described()], "memory": MEMORY[each.kind]}
        for name, each in zip(names, kernels(network), strict=True)
    }
    found: dict[str, Any] = {"graph": {"nodes": nodes, "edges": [list(edge) for edge in pairwise(names)]}}
    if finer > 1:
        split = {name: [each.described(finer)] for name, each in zip(names, kernels(network), strict=True)}
        found["variants"] = {"switch": "node", "choices": [{"accuracy": 1}, {"accuracy": 1, "kernels": split}]}
    return found


def board(*tasks: Mapping[str, Any], reset: str | None = None, **level: Any) -> dict[str, Any]:
    """The GPU with these tasks."""
    gpu: dict[str, Any] = {"kind": "gpu", "block_level": {"sms": SMS, "threads": THREADS, "streams": 4, **level}}
    if reset is not None:
        gpu["reset"] = reset
    memory = {"bandwidth": "900 GB/s", "contention": {"model": "proportional", "usable": 0.8}}
    return {"platform": {"name": "v100", "processors": {"gpu": gpu}, "memory": memory}, "tasks": list(tasks)}


def urgent(work: Mapping[str, Any], hertz: int, **more: Any) -> dict[str, Any]:
    """The task that is to be served first: Poisson requests."""
    return {"name": "urgent", **work, "rate": f"{hertz} Hz", "arrival": {"kind": "poisson"}, "criticality": "hard",
            "priority": 0, "overlap": False, **more}  # fmt: skip


def best_effort(work: Mapping[str, Any], network: str, name: str = "best_effort") -> dict[str, Any]:
    """A task that always has a request: they come as fast as the GPU could serve them alone."""
    return {"name": name, **work, "period": alone(network), "deadline": "10 s", "priority": 1}


@dataclass(frozen=True)
class Outcome:
    """What became of a run: response times of the urgent requests in ms, requests a second of each task."""

    urgent: Any
    throughput: dict[str, float]

    @property
    def mean(self) -> float:
        """The mean response time of urgent requests."""
        return float(np.mean(self.urgent))

    def percentile(self, which: float) -> float:
        """A percentile of them."""
        return float(np.percentile(self.urgent, which))


def run(system: Mapping[str, Any], policy: Any, seconds: float = 1.0) -> Outcome:
    """Run a system under a policy."""
    until = round(seconds * 1e9)
    trace = rtsched.simulate(rtsched.load({**system, "scheduler": policy}), until=until, seed=1)
    names = [task.name for task in trace.system.tasks]
    mine = trace.jobs["task"] == names.index("urgent")
    done = trace.jobs["finish"] >= 0
    rows = trace.jobs[mine & done]
    ended = {
        name: float(((trace.jobs["task"] == place) & done & (trace.jobs["finish"] <= until)).sum() / seconds)
        for place, name in enumerate(names)
    }
    return Outcome((rows["finish"] - rows["arrival"]) / 1e6, ended)


# ---- figures ---------------------------------------------------------------------------------------------------------


#: Where nothing was published.
NONE = float("inf")


@dataclass(frozen=True)
class Figure:
    """One published figure, from `low` to `high`, and what was found here; `why` explains what differs."""

    policy: str
    what: str
    low: float
    high: float
    here: float
    why: str = ""

    @property
    def factor(self) -> float:
        """How far it is from what was published: 1 inside of that, above 1 by so much beyond it."""
        return max(1.0, self.low / self.here, self.here / self.high)

    def row(self) -> str:
        """Its row in the table."""
        published = f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"
        if self.high == NONE:
            published = "–"
        return (
            f"| {self.policy} | {self.what} | {published} | {self.here:.3g} | {self.factor:.2f} | {self.why or '–'} |"
        )


def slower(shared: Outcome, by_itself: Outcome, which: float = 99) -> float:
    """How many times as long the urgent requests take as alone."""
    return shared.percentile(which) / by_itself.percentile(which)


def apart(work: Mapping[str, Any]) -> dict[str, Any]:
    """The urgent task with requests that never wait for each other, at random phases of the others."""
    return urgent(work, 100, rate=None, period="8 ms", arrival={"kind": "sporadic", "mean_extra": "4 ms"})


def xsched(seconds: float) -> Iterator[Figure]:
    """Foreground P99 against alone: streams as they are served, and suspended by XSched at its first level."""
    for first, second in (("mobilenet_v2", "resnet50"), ("mobilenet_v2", "resnet101")):
        task, other = apart(whole(first)), best_effort(whole(second), second)
        ideal = run(board(task), "fifo", seconds)
        native = run(board(task, other), "fifo", seconds)
        held = run(board(task, other), {"name": "xsched-hpf", "in_flight": 8}, seconds)
        yield Figure("streams as served", f"P99 / alone, {first} beside {second}", 1.6, 2.19, slower(native, ideal))
        yield Figure("XSched, level 1", f"P99 / alone, {first} beside {second}", 1.02, 1.3, slower(held, ideal))


def levels(seconds: float = 0.3) -> Iterator[Figure]:
    """How long a suspended queue stays on the GPU: eight commands, the one that runs, an interrupt."""
    length = 100_000
    queue = {"kernels": [{"blocks": SMS, "threads": THREADS, "time": length}] * 40}
    one = {"kernels": [{"blocks": 1, "threads": THREADS, "time": 1000}]}
    task = {**urgent(one, 100), "rate": None, "period": "9 ms", "arrival": {"kind": "sporadic", "mean_extra": "3 ms"}}
    other = {"name": "queue", **queue, "period": "4 ms", "deadline": "10 s", "priority": 1}
    system = board(task, other, reset="32 us")
    for level, published, unit in ((1, 8.0, length), (2, 1.0, length), (3, 32.0, 1000)):
        policy = {"name": "xsched-hpf", "level": level, "in_flight": 8}
        trace = rtsched.simulate(rtsched.load({**system, "scheduler": policy}), until=round(seconds * 1e9), seed=1)
        taken = []
        for row in trace.changes[trace.changes["what"] == SUSPEND]:
            mine = trace.slices[trace.slices["processor"] == row["subject"]]
            there = mine["end"][(mine["start"] <= row["time"]) & (mine["end"] > row["time"])]  # with its reset, if any
            taken += [(end - row["time"]) / unit for end in there]
        what = "P99 of preemption, in commands" if level < 3 else "P99 of preemption, in us (given)"
        yield Figure(f"XSched, level {level}", what, published, published, float(np.percentile(taken, 99)))


def reef(seconds: float) -> Iterator[Figure]:
    """DISB's workload A with these kernels: what real-time requests lose, and what best effort adds."""
    task = {**apart(pieces("mobilenet_v2")), "period": "10 ms", "arrival": {"kind": "periodic"}, "offset": "1 ms"}
    other = best_effort(pieces("resnet101"), "resnet101")
    ideal = run(board(task), "fifo", seconds)
    found = run(board(task, other, reset="38 us"), "reef", seconds)
    waiting = run(board(task, other, assign="criticality"), "fifo", seconds)
    more = sum(found.throughput.values()) / ideal.throughput["urgent"]
    yield Figure("REEF", "mean time of real-time requests / alone", 1.0, 1.02, found.mean / ideal.mean)
    yield Figure("REEF", "requests / those of the real-time network alone", 1.14, 7.7, more)
    yield Figure(
        "priorities of streams", "mean time of real-time requests / alone", 1.0, NONE, waiting.mean / ideal.mean,
        "no figure: what REEF is there for, since blocks that run are waited for",
    )  # fmt: skip


def orion(seconds: float) -> Iterator[Figure]:
    """The 99th percentile of the high-priority client against a GPU of its own, and what clients get done together."""
    task, other = urgent(pieces("mobilenet_v2"), 100), best_effort(pieces("resnet50"), "resnet50")
    ideal = run(board(task), "fifo", seconds)
    found = run(board(task, other), "orion", seconds)
    more = sum(found.throughput.values()) / ideal.throughput["urgent"]
    yield Figure("Orion", "P99 / alone", 1.0, 1.14, slower(found, ideal))
    yield Figure("Orion", "requests / those of the high-priority client alone", 1.0, 7.3, more)


def miriam(seconds: float) -> Iterator[Figure]:
    """Critical requests beside best effort in versions, and all requests against one network after the other."""
    task, other = apart(pieces("mobilenet_v2")), best_effort(pieces("resnet50", finer=8), "resnet50")
    ideal = run(board(task), "fifo", seconds)
    plain = run(board(task, {**other, **pieces("resnet50"), "variants": None}), "miriam-style", seconds)
    found = run(board(task, other), "miriam-style", seconds)
    turns = run(board(task, {**other, **whole("resnet50"), "graph": None, "variants": None}, streams=1), "fp", seconds)
    more = sum(found.throughput.values()) / sum(turns.throughput.values())
    own = "our definition; a kernel that is wider than the one before waits for blocks that run on what it did not need"
    yield Figure("Miriam-style", "median / alone, without versions", 1.0, 1.1, slower(plain, ideal, 50), own)
    yield Figure("Miriam-style", "median / alone, eight times the blocks", 1.0, 1.1, slower(found, ideal, 50), own)
    yield Figure(
        "Miriam-style", "requests / one network at a time", 1.92, 1.92, more,
        "there against the best of other policies on two edge GPUs; here ResNet-50 alone fills half of a V100",
    )  # fmt: skip


def served() -> Iterator[Figure]:
    """Clockwork's and DeepRT's promise: what they take in is in time."""
    for policy, low, high, why in (
        ("clockwork", 99.9999, 100.0, ""),
        ("deeprt-style", 100.0, 100.0, "of what it admits, which is half of the cameras"),
        ("edf+nonpreemptive", 0.0, NONE, "no figure: what batches are there for"),
    ):
        trace = rtsched.simulate("inspection_batches", scheduler=policy, until="4 s")
        taken = trace.jobs[trace.jobs["start"] >= 0]
        timely = 100 * float((taken["finish"] <= taken["deadline"])[taken["finish"] >= 0].mean())
        yield Figure(policy, "% of requests taken in that are in time", low, high, timely, why)


def gcaps(count: int = 10) -> Iterator[Figure]:
    """Random sets of four processes on a Jetson's GPU without a miss: the driver's time slices, and GCAPS."""
    draw, gains = np.random.default_rng(1), []
    for load in (0.6, 0.7, 0.8, 0.9):
        kept = {"fp": 0, "gcaps-style": 0}
        for _ in range(count):
            shares = draw.dirichlet([2.0] * 4) * load
            periods = sorted(int(each) for each in draw.uniform(30, 150, 4))
            tasks = [
                {
                    "name": f"t{n}",
                    "context": f"t{n}",
                    "period": f"{period} ms",
                    "wcet": {"gpu": round(share * period * 1e6)},
                }
                for n, (share, period) in enumerate(zip(shares, periods, strict=True))
            ]
            level = {"sms": 6, "streams": 4, "time_slice": "1.024 ms", "context_switch": "0.2 ms", "mode": "fluid",
                     "assumed_kernels": {"length": "500 us"}}  # fmt: skip
            platform = {"name": "xavier_nx", "processors": {"gpu": {"kind": "gpu", "block_level": level}}}
            for policy in kept:
                system = rtsched.load({"platform": platform, "tasks": tasks, "scheduler": policy})
                trace = rtsched.simulate(system, until=10**9)
                kept[policy] += not (trace.jobs["finish"] > trace.jobs["deadline"]).any()
        gains.append(100 * (kept["gcaps-style"] - kept["fp"]) / count)
    yield Figure(
        "GCAPS-style", "most sets more without a miss than by time slices, in points", 40, 40, max(gains),
        "there proven, with work on the CPU; here simulated, all of it on the GPU, and the load that shows most",
    )  # fmt: skip


#: DISB's five networks: their time alone in us on an RTX 3080 with TensorRT, and their published number of layers.
DISB = {
    "vgg19": (2767, 24), "resnet152": (4235, 155), "densenet201": (7484, 405), "inceptionv3": (2920, 109),
    "distilbert": (1178, 50),
}  # fmt: skip
#: What TensorRT took of them on average, in ms, where streams are served as they come: workloads A and C.
MEASURED = {
    "A": {"vgg19": 2.975, "best-effort resnet152": 5.241},
    "C": {"vgg19": 5.616, "best-effort resnet152": 26.559, "best-effort densenet201": 97.569,
          "best-effort vgg19": 4.773, "best-effort inceptionv3": 20.455, "best-effort distilbert": 6.064},
}  # fmt: skip
#: Each kernel fills this part of the GPU: fitted to A.
FILLED = 0.75


def disb() -> Iterator[Figure]:
    """Streams as they are served, with no policy at all: one number is fitted to A, and C is predicted."""
    for workload, measured in MEASURED.items():
        tasks: list[dict[str, Any]] = []
        for name in measured:
            time, count = DISB[name.removeprefix("best-effort ")]
            each, rest = divmod(1000 * time, count)
            blocks = round(68 * FILLED)
            launched = [{"blocks": blocks, "threads": THREADS, "time": each + (n < rest)} for n in range(count)]
            load = {"period": f"{time} us"} if name.startswith("best-effort ") else {"rate": "100 Hz"}
            tasks.append({"name": name.replace(" ", "_"), "kernels": launched, "deadline": "100 s", **load})
        gpu = {"kind": "gpu", "block_level": {"sms": 68, "threads": 1536, "streams": len(tasks)}}
        system = {"platform": {"name": "rtx3080", "processors": {"gpu": gpu}}, "tasks": tasks}
        trace = rtsched.simulate(rtsched.load(system), scheduler="fifo", until="400 ms")
        for place, (name, published) in enumerate(measured.items()):
            done = (trace.jobs["finish"] >= 0) & (trace.jobs["finish"] <= 400_000_000)
            mine = trace.jobs[(trace.jobs["task"] == place) & done]
            here = float((mine["finish"] - mine["start"]).mean()) / 1e6
            why = "fitted" if workload == "A" else "predicted"
            yield Figure("streams as served", f"DISB {workload}, mean ms of {name}", published, published, here, why)


EXPERIMENTS: dict[str, Callable[[], Iterator[Figure]]] = {
    "xsched": lambda: xsched(0.4),
    "levels": levels,
    "reef": lambda: reef(0.4),
    "orion": lambda: orion(0.4),
    "miriam": lambda: miriam(0.3),
    "served": served,
    "gcaps": gcaps,
    "disb": disb,
}


def main(arguments: Sequence[str]) -> None:
    """Print the figures, and put them into the page."""
    rows = ["| policy | figure | published | here | factor | what differs |", "|---|---|---|---|---|---|"]
    for name in [each for each in arguments if not each.startswith("-")] or EXPERIMENTS:
        for figure in EXPERIMENTS[name]():
            rows.append(figure.row())
            print(rows[-1], flush=True)
    if "--write" in arguments:
        page = HERE / "gpu.md"
        before, _, rest = page.read_text().partition("<!-- figures -->\n")
        after = rest.partition("<!-- end of figures -->")[2]
        page.write_text(before + "<!-- figures -->\n\n" + "\n".join(rows) + "\n\n<!-- end of figures -->" + after)


if __name__ == "__main__":
    main(sys.argv[1:])
