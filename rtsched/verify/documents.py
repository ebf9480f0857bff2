"""Random small system files: what the schema allows, features side by side that nobody thought of side by side.

A document goes the way of a user's file (parsed, checked, lowered), so that nothing on that way is left out; one that
is refused is drawn again. Each is drawn around a focus, a feature that it has with high probability, beside whatever
else comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from rtsched import api
from rtsched.errors import RtschedError
from rtsched.model.system import System
from rtsched.verify.draw import Draw
from rtsched.verify.generate import Case

Document = dict[str, Any]

#: What a document is drawn around.
FOCI = (
    "anything",
    "arrivals",
    "blocks",
    "clocks",
    "contention",
    "faults",
    "links",
    "sections",
    "overheads",
    "policies",
    "services",
    "variants",
)
#: How likely a feature is in its focus, and elsewhere; in every other document, a narrow one, hardly ever elsewhere,
#: since most combinations are beyond all theorems, and only a proof can be wrong.
LIKELY, RARE, HARDLY = 0.75, 0.08, 0.02

FIXED = ("fp", "rm", "dm")
PLACEMENTS = ("global", "first-fit", "best-fit", "worst-fit", "next-fit", "clustered", "earliest-finish")
ADAPTATIONS = ("fixed", "subflow", "resolution", "multi-path-style", "early-exit", "exit-budget", "anytime")
WHOLE = ("cbs", "band-fixed-worker", "band-round-robin", "band-sel", "band-heft", "band-lsf", "stream-priority-style")
ON_MISS = ("abort", "drop_at_start", "drop_if_hopeless", "skip_next")


class Sketch:
    """One document on its way."""

    def __init__(self, draw: Draw, focus: str) -> None:
        self.draw, self.focus = draw, focus
        self.narrow = focus != "anything" and draw.chance(0.5)
        self.unit = draw.pick(("ns", "ns", "us", "ms"))
        self.context = "d" if draw.chance(0.1) else ""
        self.document: Document = {}

    def has(self, feature: str, share: float = RARE) -> bool:
        """Whether the document has a feature: likely where it is the focus."""
        if self.focus == feature:
            return self.draw.chance(LIKELY)
        return self.draw.chance(min(share, HARDLY) if self.narrow else share)

    def time(self, amount: float) -> str:
        """A duration of so many units, at least one."""
        return f"{max(1, round(amount))} {self.unit}"

    def make(self) -> Document:
        """The whole document."""
        self.clusters()
        self.tasks()
        self.policy()
        self.around()
        return self.document

    # ---- the chip ----------------------------------------------------------------------------------------------

    def clusters(self) -> None:
        """One to three clusters, at times with what accelerators have."""
        draw = self.draw
        processors: dict[str, Document] = {"cpu": {"kind": "cpu", "cores": draw.pick((1, 1, 1, 2, 3))}}
        if self.has("services", 0.3):
            kind = draw.pick(("cpu", "npu", "gpu", "dsp"))
            processors["other"] = {"kind": kind, "cores": draw.pick((1, 1, 2))}
            if draw.chance(0.4):
                processors["other"]["service"] = draw.pick(("preemptive", "node", "run-to-completion"))
        if self.has("blocks"):
            processors["gpu"] = {"kind": "gpu", "block_level": self.gpu()}
            if draw.chance(0.1):
                processors["gpu"]["service"] = draw.pick(("preemptive", "node"))
        if self.focus == "blocks" and draw.chance(0.5):
            del processors["cpu"]
            processors.setdefault("gpu", {"kind": "gpu", "block_level": self.gpu()})
        for cluster in processors.values():
            self.cluster(cluster)
        self.names = list(processors)
        platform: Document = {"name": "chip", "processors": processors}
        if self.has("contention"):
            platform["memory"] = self.memory()
        if len(processors) > 1 and self.has("links", 0.15):
            pair = list(processors)[:2]
            link: Document = {"between": pair, "bandwidth": f"{draw.pick((1, 2, 8))} {self.per_unit()}"}
            if draw.chance(0.4):
                link["latency"] = self.time(draw.integer(1, 3))
            if draw.chance(0.15):
                link["trace"] = [{"at": "0 ns", "bandwidth": f"1 {self.per_unit()}"}]
            platform["links"] = {"bus": link}
        self.processors = processors
        self.document["platform"] = platform

    def per_unit(self) -> str:
        """A bandwidth of bytes per unit of time."""
        return {"ns": "GB/s", "us": "MB/s", "ms": "kB/s"}[self.unit]

    def cluster(self, cluster: Document) -> None:
        """Put clocks, costs and an accelerator's extras into a cluster."""
        draw = self.draw
        accelerator = cluster["kind"] in ("npu", "dsp")
        if "block_level" not in cluster and self.has("clocks"):
            if draw.chance(0.5):
                cluster["speed"] = draw.pick((0.4, 0.5, 1.5, "1/3"))
            if draw.chance(0.7):
                hertz = draw.pick(((500, 1000), (1000,), (400, 800, 1600)))
                points: list[Document] = [{"frequency": f"{each} MHz"} for each in hertz]
                if draw.chance(0.3):
                    points = [{**point, "score": 10 * (rank + 1)} for rank, point in enumerate(points)]
                cluster["operating_points"] = points
                if draw.chance(0.4):
                    cluster["frequency_max"] = f"{draw.pick((1000, 1600, 2000))} MHz"
            if cluster["kind"] == "cpu" and cluster["cores"] > 1 and draw.chance(0.3):
                cluster["threads"] = {1: 1, cluster["cores"]: draw.pick((1.5, 1.7))}
        if accelerator and self.has("services", 0.05):
            extra = draw.pick(("contexts", "checkpoint", "weights", "reset", "reset"))
            cluster[extra] = {
                "contexts": 2,
                "checkpoint": {"state": "4 B", "bandwidth": f"2 {self.per_unit()}"},
                "weights": {"capacity": "8 B", "bandwidth": f"2 {self.per_unit()}"},
                "reset": self.time(1),
            }[extra]
        if self.has("overheads", 0.03):
            cluster["context_switch"] = self.time(1)
            if draw.chance(0.5):
                cluster["migration"] = self.time(draw.integer(1, 2))

    def gpu(self) -> Document:
        """A small GPU served block by block, most often with one stream: what is proven."""
        draw = self.draw
        level: Document = {"sms": draw.integer(1, 4), "threads": 1024, "streams": draw.pick((1, 1, 1, 2))}
        if draw.chance(0.3):
            level |= {"sms_per_tpc": 1, "sms": draw.integer(2, 4)}
            level["masks"] = {"t0": draw.integer(1, 2 ** level["sms"] - 2)}
        elif draw.chance(0.3):
            level["mps"] = {"c": draw.pick((25, 50))}
            self.context = "c"
        if draw.chance(0.2):
            level["mode"] = "fluid"
        return level

    def memory(self) -> Document:
        """A shared memory with one of the models of contention."""
        draw = self.draw
        model: Document = draw.pick(
            (
                {"model": "proportional", "usable": 0.8},
                {"model": "power-law", "a": 1.0, "b": 1.0},
                {"model": "pairwise", "pairs": [{"victim": self.names[-1], "beside": self.names[0], "slowdown": 3}]},
            )
        )
        return {"bandwidth": f"10 {self.per_unit()}", "contention": model}

    # ---- tasks -------------------------------------------------------------------------------------------------

    def tasks(self) -> None:
        """One to four tasks of any shape; the load is drawn for the whole."""
        draw = self.draw
        count = draw.integer(1, 4)
        capacity = sum(cluster.get("cores", 1) for cluster in self.processors.values())
        shares = draw.random.dirichlet([1.0] * count) * draw.random.uniform(0.15, 0.8) * min(capacity, 2)
        resources = {f"r{n}": {"protocol": self.protocol()} for n in range(2)} if self.has("sections", 0.05) else {}
        self.resources = list(resources)
        if resources:
            self.document["resources"] = resources
        self.document["tasks"] = [self.task(index, min(1.0, float(shares[index]))) for index in range(count)]

    def protocol(self) -> str:
        """How a resource is locked."""
        return self.draw.pick(("ceiling", "ceiling", "inheritance", "none"))

    def task(self, index: int, share: float) -> Document:
        """Task number `index`, which needs `share` of one processor."""
        draw = self.draw
        period = draw.integer(4, draw.pick((12, 24, 60)))
        work = max(1, round(share * period))
        task: Document = {"name": f"t{index}", **self.arrival(index, period)}
        if "after" in task or "release" in task or draw.chance(0.6):
            task["deadline"] = self.time(draw.integer(work, draw.pick((period, 2 * period))))
        if draw.chance(0.3):
            task["priority"] = draw.integer(0, 3)
        task |= self.shape(index, work)
        if self.has("arrivals", 0.15):
            task["execution"] = self.execution(work)
        if draw.chance(0.15):
            task["on_miss"] = draw.pick(ON_MISS)
        if draw.chance(0.05):
            task["criticality"] = draw.pick(("hard", "firm"))
        return task

    def arrival(self, index: int, period: int) -> Document:
        """When jobs come: periods of `period` units most often, or any other way."""
        draw = self.draw
        if index and draw.chance(0.35 if self.focus in ("arrivals", "sections", "links") else 0.1):
            after: Document = {"task": f"t{draw.integer(0, index - 1)}"}
            return {"after": after | ({"probability": 0.5} if draw.chance(0.2) else {})}
        if self.has("arrivals", 0.05):
            kind = draw.pick(("trace", "trace", "release", "count", "sporadic", "poisson", "overlap"))
            if kind == "trace":
                gaps = [draw.integer(period, 2 * period) for _ in range(draw.integer(1, 6))]
                times = [f"{sum(gaps[: place + 1])} {self.unit}" for place in range(len(gaps))]
                trace: Document = {"kind": "trace", "times": times}
                if draw.chance(0.6):
                    trace["deadlines"] = [self.time(draw.integer(max(1, period // 3), 2 * period)) for _ in gaps]
                if draw.chance(0.2):
                    trace["execution"] = [self.time(draw.integer(1, period)) for _ in gaps]
                return {"arrival": trace, "deadline": self.time(period)}
            if kind == "release":
                return {"release": self.time(draw.integer(1, 10))}
            extras: dict[str, Document] = {
                "count": {"count": draw.integer(1, 4)},
                "sporadic": {"arrival": {"kind": "sporadic", "mean_extra": self.time(2)}},
                "poisson": {"arrival": {"kind": "poisson"}},
                "overlap": {"overlap": True},
            }
            return {"period": self.time(period), **extras[kind]}
        found: Document = {"period": self.time(period)}
        if draw.chance(0.2):
            found["offset"] = self.time(draw.integer(1, period))
        if draw.chance(0.12):
            found["jitter"] = self.time(draw.integer(1, max(1, period // 3)))
        return found

    def execution(self, work: int) -> Document:
        """How long jobs take instead of their WCET; at times longer, which voids proofs."""
        draw = self.draw
        high = draw.pick((0.5, 1.0, 1.0, 1.3, 2.0))
        kinds: list[Document] = [
            {"kind": "uniform", "low": 0.3, "high": high},
            {"kind": "normal", "mean": 0.4, "std": 0.3, "high": high},
            {"kind": "lognormal", "mean": 0.4, "std": 0.3, "high": high},
            {"kind": "empirical", "samples": [self.time(work), self.time(2 * work)]},
        ]
        marginal = draw.pick(kinds)
        if draw.chance(0.15):
            return {"kind": "autocorrelated", "correlation": 0.5, "marginal": marginal}
        return marginal

    def shape(self, index: int, work: int) -> Document:
        """What a job is: one node, kernels, a graph, with variants, exits or branches."""
        draw = self.draw
        if "gpu" in self.processors and (self.names == ["gpu"] or draw.chance(0.6)):
            return self.kernels(work)
        if self.has("variants", 0.12):
            return self.quality(work)
        if draw.chance(0.35):
            return {"graph": self.graph(work)}
        return self.node(work, whole=True)

    def kernels(self, work: int) -> Document:
        """Launches and copies for a GPU that is served block by block."""
        draw = self.draw
        launched: list[Document] = []
        for _ in range(draw.integer(1, 3)):
            if draw.chance(0.15):
                launched.append({"copy": draw.pick(("in", "out")), "time": self.time(1)})
            else:
                threads = draw.pick((256, 512, 1024))
                launched.append(
                    {"blocks": draw.integer(1, 8), "threads": threads, "time": self.time(work / draw.integer(2, 6))}
                )
        found: Document = {"kernels": launched}
        return found | ({"context": self.context} if self.context else {})

    def where(self, work: int) -> Document:
        """Times on some of the clusters, and at times a pin."""
        draw = self.draw
        names = [name for name in self.names if name != "gpu"]
        some = [name for name in names if not self.narrow and draw.chance(0.6)] or [draw.pick(names)]
        equal = draw.chance(0.6)
        times = {name: self.time(work if equal else work * draw.pick((1, 1, 1.5, 2))) for name in some}
        found: Document = {"wcet": times}
        if draw.chance(0.8 if self.narrow else 0.5):
            name = draw.pick(some)
            cores = self.processors[name].get("cores", 1)
            whole = cores == 1 or "threads" in self.processors[name]
            found["pin"] = name if whole else f"{name}{draw.integer(0, cores - 1)}"
        return found

    def node(self, work: int, whole: bool = False) -> Document:
        """One node: where it runs, how it is preempted, locks, memory; a `whole` one is all of its task."""
        draw = self.draw
        found = self.where(work)
        if len({*found["wcet"].values()}) == 1 and work > 1 and draw.chance(0.2):
            parts = draw.split(work, draw.integer(2, 3))
            found["regions"] = [self.time(part) for part in parts]
        elif draw.chance(0.3 if self.focus == "overheads" else 0.12):
            found["preemptive"] = False
        if self.resources and draw.chance(0.6) and len({*found["wcet"].values()}) == 1:
            start = draw.integer(0, work - 1)
            length = draw.integer(1, work - start)
            at = f"{start} {self.unit}"
            found["sections"] = [{"resource": draw.pick(self.resources), "start": at, "length": self.time(length)}]
        if self.has("contention", 0.03):
            found["memory"] = {"bound": draw.pick((0.3, 1.0)), "demand": f"{draw.pick((4, 8))} {self.per_unit()}"}
        if draw.chance(0.04):
            found["weights"] = "4 B"
        if whole and draw.chance(0.12):
            found["accuracy"] = 0.9
        return found

    def graph(self, work: int) -> Document:
        """Two to four nodes with any edges forward, at times with bytes on them."""
        draw = self.draw
        count = draw.integer(2, 4)
        works = draw.split(max(work, count), count)
        edges: list[list[str]] = []
        for target in range(1, count):
            for source in range(target):
                if draw.chance(0.5):
                    edge = [f"n{source}", f"n{target}"]
                    if self.has("links", 0.05):
                        edge.append(f"{draw.integer(1, 8)} B")
                    edges.append(edge)
        return {"nodes": {f"n{n}": self.node(each) for n, each in enumerate(works)}, "edges": edges}

    def quality(self, work: int) -> Document:
        """Variants, exits or branches, with regions and sections like anybody's."""
        draw = self.draw
        kind = draw.pick(("variants", "variants", "exits", "branches"))
        if kind == "variants":
            found = self.node(work) if draw.chance(0.5) else {"graph": self.graph(work)}
            choices: list[Document] = [{"accuracy": 0.9, "scale": 1}, {"accuracy": 0.8, "scale": 0.5}]
            if "graph" in found and draw.chance(0.5):
                choices[1] = {"accuracy": 0.8, "skip": [draw.pick(list(found["graph"]["nodes"]))]}
            return found | {"variants": {"choices": choices, "switch": draw.pick(("start", "node"))}}
        names = ["s0", "s1", "s2"]
        works = draw.split(max(3, work), 3)
        nodes = {name: self.node(each) for name, each in zip(names, works, strict=True)}
        if kind == "exits":
            exits = [{"node": name, "accuracy": 0.7 + rank / 10} for rank, name in enumerate(names)]
            return {"graph": {"nodes": nodes, "edges": [["s0", "s1"], ["s1", "s2"]]}, "exits": exits}
        branch = {"s0": {"to": {"s1": 0.5, "s2": 0.5}}}
        return {"graph": {"nodes": nodes, "edges": [["s0", "s1"], ["s0", "s2"]], "branches": branch}}

    # ---- the policy and what is around -----------------------------------------------------------------------------

    def policy(self) -> None:
        """Choose a whole scheduler, or an ordering with a placement and perhaps more."""
        draw = self.draw
        if self.focus == "policies" and draw.chance(0.3):
            self.document["scheduler"] = {"name": draw.pick(WHOLE)}
            return
        ordering = draw.pick((*FIXED, *FIXED, "edf", "edf", "edf", "fifo", "sjf", "llf"))
        if self.resources and draw.chance(0.9):  # ceilings need fixed priorities, and so does every theorem on locks
            ordering = draw.pick(FIXED)
        scheduler: Document = {"ordering": ordering, "placement": draw.pick(("global", *PLACEMENTS))}
        if self.narrow:
            scheduler["placement"] = "global"
        scheduler["preemption"] = draw.pick(("preemptive", "preemptive", "limited", "nonpreemptive"))
        if self.has("variants", 0.05):
            scheduler["adaptation"] = draw.pick(ADAPTATIONS)
        if self.has("policies", 0.02):
            scheduler["admission"] = "drop-hopeless"
        self.document["scheduler"] = scheduler

    def around(self) -> None:
        """Overheads, power, faults and what changes."""
        draw, document = self.draw, self.document
        if self.has("overheads", 0.05):
            costs = {name: self.time(1) for name in ("context_switch", "migration", "scheduling") if draw.chance(0.5)}
            document["overheads"] = costs or {"context_switch": self.time(1)}
        if self.has("clocks", 0.02):
            document["power"] = self.power()
        if self.has("faults", 0.02):
            places = [*self.names, *self.document["platform"].get("links", {})]
            fault: Document = {"processor": draw.pick(places), "at": self.time(draw.integer(1, 80))}
            fault["lasts"] = self.time(draw.integer(1, 40))
            document["faults"] = [fault | ({"speed": 0.5} if draw.chance(0.3) else {})]
        if "links" in self.document["platform"] and self.has("faults", 0.1):
            document["environment"] = [
                {"at": self.time(draw.integer(1, 40)), "link": "bus", "bandwidth": f"0.5 {self.per_unit()}"}
            ]
        if len(document["tasks"]) > 1 and draw.chance(0.1):
            document["chains"] = [{"name": "chain", "tasks": ["t0", "t1"]}]

    def power(self) -> Document:
        """A governor, or a mode of the platform that takes cores or clocks away."""
        draw = self.draw
        found: Document = {}
        clocked = [name for name, cluster in self.processors.items() if "operating_points" in cluster]
        kind = draw.pick(("performance", "performance", "powersave", "schedutil", "mode"))
        if kind == "mode":
            limits: Document = {}
            for name, cluster in self.processors.items():
                if cluster.get("cores", 1) > 1 and draw.chance(0.5):
                    limits[name] = {"cores": 1}
                elif name in clocked:
                    limits[name] = {"frequency_max": "800 MHz"}
            if limits:
                self.document["platform"]["power_modes"] = {"low": limits}
                found["mode"] = "low"
        elif kind != "performance":
            found["governor"] = kind
        return found


class CrashError(Exception):
    """The way from a file to its lowered form broke instead of refusing the `document`."""

    def __init__(self, document: Document, error: Exception) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.document, self.kind = document, type(error).__name__


def random_document(draw: Draw, focus: str) -> tuple[Document, Case]:
    """A document of this focus that is no error, and the system it describes with its scheduler. Raises CrashError."""
    while True:
        document = Sketch(draw, focus).make()
        found = lowered(document)
        if found is not None:
            return document, found


def lowered(document: Document) -> Case | None:
    """The system and the scheduler that a document describes; None where it is refused. Raises CrashError."""
    try:
        loaded = api.load(System.model_validate(document, context={"file": True}))
        api.scheduler(loaded.system.scheduler, code=False)
        return loaded.lower(), loaded.system.scheduler
    except RtschedError:
        return None
    except Exception as error:
        raise CrashError(document, error) from error


# ---- shrinking -------------------------------------------------------------------------------------------------------


def smaller(document: Document) -> Iterator[Document]:
    """The document without one of its entries, or with a smaller number: the boldest first."""
    places = list(_places(document, ()))
    for place in sorted(places, key=len):
        yield _edited(document, place, None)
    for place in places:
        for less in _less(_at(document, place)):
            yield _edited(document, place, less)


def _places(item: Any, place: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    if isinstance(item, dict | list):
        for key, value in item.items() if isinstance(item, dict) else enumerate(item):
            yield from _places(value, (*place, key))


def _at(item: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        item = item[key]
    return item


def _edited(document: Document, place: tuple[Any, ...], value: Any) -> Document:
    """A copy with the entry at `place` replaced, or without it (None)."""
    made = deepcopy(document)
    *path, last = place
    holder = _at(made, tuple(path))
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    return made


def _less(value: Any) -> Iterator[Any]:
    """Smaller numbers, also in front of a unit."""
    number, _, unit = value.partition(" ") if isinstance(value, str) else (str(value), "", "")
    if isinstance(value, bool) or not number.isdecimal():
        return
    for less in sorted({1, int(number) // 2, int(number) - 1}):
        if 0 < less < int(number):
            yield f"{less} {unit}" if isinstance(value, str) else less


def weight(document: Document) -> tuple[int, int]:
    """How complicated a document is: its entries, then its numbers."""
    places = list(_places(document, ()))
    numbers = [str(_at(document, place)).partition(" ")[0] for place in places]
    return len(places), sum(int(number) for number in numbers if number.isdecimal())
