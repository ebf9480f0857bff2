"""Random tasks: when their jobs come, how long those take, what becomes of them; the work is that of the sketch."""

from __future__ import annotations

from rtsched.verify.pencil import MORE, Document
from rtsched.verify.sketch_work import WorkSketch

ON_MISS = ("abort", "drop_at_start", "drop_if_hopeless", "skip_next")


class TaskSketch(WorkSketch):
    """The tasks of a document."""

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
        self.document |= self.spice(jobs=self.jobs)

    def protocol(self) -> str:
        """How a resource is locked."""
        return self.draw.pick(("ceiling", "ceiling", "inheritance", "none", "original-ceiling"))

    def task(self, index: int, share: float) -> Document:
        """Task number `index`, which needs `share` of one processor."""
        draw = self.draw
        period = draw.integer(4, draw.pick((12, 24, 60)))
        work = max(1, round(share * period))
        task: Document = {"name": f"t{index}", **self.arrival(index, period)}
        if ("period" not in task and "deadline" not in task) or draw.chance(0.6):
            task["deadline"] = self.time(draw.integer(work, draw.pick((period, 2 * period))))
        if draw.chance(0.3):
            task["priority"] = draw.integer(0, 3)
        task |= self.shape(work)
        if self.has("inputs", 0.03):
            self.inputs(task, work)
        elif self.has("arrivals", 0.15):
            task["execution"] = self.execution(work)
        if draw.chance(0.15):
            task["on_miss"] = draw.pick(ON_MISS)
        if draw.chance(0.05):
            task["criticality"] = draw.pick(("hard", "firm"))
        if "period" in task and self.spiced and draw.chance(0.2):
            del task["period"]
            task["rate"] = f"{draw.pick((20, 40, 50, 80))} {({'ns': 'MHz', 'us': 'kHz', 'ms': 'Hz'})[self.unit]}"
        extras = self.spice(
            instances=lambda: 2,
            weight=lambda: draw.pick((0.5, 3.0)),
            on_fault=lambda: draw.pick(("resume", "drop")),
            overlap=lambda: True,
            budget=lambda: self.some(1, work + 2),
            loss=lambda: {draw.pick(self.names): 0.1},
        )
        if "budget" in extras and draw.chance(0.5):
            extras["server_period"] = self.time(period)
        return task | extras

    def inputs(self, task: Document, work: int) -> None:
        """Recorded inputs of some of the nodes: as long as planned, shorter or longer, at times with what is seen."""
        draw = self.draw
        names = list(task["graph"]["nodes"]) if "graph" in task else [task["name"]]
        known = [name for name in names if draw.chance(0.8)] or names[:1]
        longest = max(1, round(work * draw.pick((0.7, 1, 1, 1, 1.3)) / len(names)))
        seen = {"sparsity": 0.5} if self.has("values", 0.1) else {}
        rows: list[Document] = []
        for number in range(draw.integer(1, 3)):
            row: Document = {}
            for name in known:
                row[name] = {"time": self.some(1, longest)} | ({"values": {**seen, "size": number}} if seen else {})
            rows.append(row)
        task["inputs"] = rows

    def arrival(self, index: int, period: int) -> Document:
        """When jobs come: periods of `period` units most often, or any other way."""
        draw = self.draw
        if index and self.has("spawned", 0.02):
            return {"arrival": {"kind": "spawned"}} | ({"count": draw.integer(2, 9)} if draw.chance(0.3) else {})
        if index and draw.chance(0.35 if self.focus in ("arrivals", "sections", "links") else 0.1):
            after: Document = {"task": f"t{draw.integer(0, index - 1)}"}
            return {"after": after | ({"probability": 0.5} if draw.chance(0.2) else {})}
        if self.has("arrivals", 0.05):
            kind = draw.pick(("trace", "trace", "release", "count", "sporadic", "poisson", "overlap", "bursty"))
            if kind == "trace":
                return self.recorded(period)
            if kind == "release":
                return {"release": self.some(1, 10)}
            if kind == "bursty":
                states = [{"gap": self.time(each * period), "dwell": self.time(3 * period)} for each in (1, 3)]
                return {"arrival": {"kind": "bursty", "states": states}}
            extras: dict[str, Document] = {
                "count": {"count": draw.integer(1, 4)},
                "sporadic": {"arrival": {"kind": "sporadic", "mean_extra": self.time(2)}},
                "poisson": {"arrival": {"kind": "poisson"}},
                "overlap": {"overlap": True},
            }
            return {"period": self.time(period), **extras[kind]}
        found: Document = {"period": self.time(period)}
        if draw.chance(0.2):
            found["offset"] = self.some(1, period)
        if draw.chance(0.12):
            found["jitter"] = self.some(1, max(1, period // 3))
        return found

    def recorded(self, period: int) -> Document:
        """Recorded arrivals, at times with deadlines and execution times of their own."""
        draw = self.draw
        gaps = [draw.integer(period, 2 * period) for _ in range(draw.integer(1, 6))]
        times = [f"{sum(gaps[: place + 1])} {self.unit}" for place in range(len(gaps))]
        trace: Document = {"kind": "trace", "times": times}
        if draw.chance(0.6):
            trace["deadlines"] = [self.some(max(1, period // 3), 2 * period) for _ in gaps]
        if draw.chance(0.2):
            trace["execution"] = [self.some(1, period) for _ in gaps]
        return {"arrival": trace, "deadline": self.time(period)}

    def execution(self, work: int) -> Document:
        """How long jobs take instead of their WCET; at times longer, which voids proofs."""
        draw = self.draw
        high = draw.pick((0.5, 1.0, 1.0, 1.3, 2.0))
        around: Document = {"mean": 0.4, "std": 0.3, "high": high} | self.spice(MORE, low=lambda: 0.2)
        kinds: list[Document] = [
            {"kind": "uniform", "low": 0.3, "high": high},
            {"kind": "normal", **around},
            {"kind": "lognormal", **around},
            {"kind": "empirical", "samples": [self.time(work), self.time(2 * work)]},
        ]
        marginal = draw.pick(kinds)
        if draw.chance(0.15):
            return {"kind": "autocorrelated", "correlation": 0.5, "marginal": marginal}
        return marginal

    def jobs(self) -> list[Document]:
        """Single jobs beside the tasks."""
        where = next(name for name in self.names if name != "gpu" or len(self.names) == 1)
        job = {"release": self.some(1, 20), "wcet": {where: self.some(1, 4)}, "deadline": self.some(25, 90)}
        return [job | self.spice(MORE, priority=lambda: self.draw.integer(0, 3))]
