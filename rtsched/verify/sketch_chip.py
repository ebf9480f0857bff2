"""Random chips: one to three clusters with what accelerators have, clocks, a shared memory, a link, heat."""

from __future__ import annotations

from rtsched.verify.draw import Draw
from rtsched.verify.pencil import MORE, Document, Pencil

SERVICES = ("preemptive", "node", "run-to-completion")


class ChipSketch(Pencil):
    """The platform of a document; what is drawn later is for its `processors`."""

    def __init__(self, draw: Draw, focus: str) -> None:
        super().__init__(draw, focus)
        self.context = "d" if draw.chance(0.1) else ""

    def clusters(self) -> None:
        """One to three clusters, at times with what accelerators have."""
        draw = self.draw
        processors: dict[str, Document] = {"cpu": {"kind": "cpu", "cores": draw.pick((1, 1, 1, 2, 3))}}
        if self.focus == "rules" or self.has("services", 0.3):
            kind = draw.pick(("cpu", "npu", "gpu", "dsp", "dla", "mcu", "cloud"))
            processors["other"] = {"kind": kind, "cores": draw.pick((1, 1, 2))}
            if draw.chance(0.4):
                processors["other"]["service"] = draw.pick(SERVICES)
        if draw.chance(0.15) if self.focus == "services" else self.has("shared", 0.02):
            kind = draw.pick(("npu", "gpu"))
            processors["shared"] = {"kind": kind, "contexts": draw.integer(2, 3), "cores": draw.pick((1, 1, 2))}
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
        if self.has("loads", 0.03):
            store = {"capacity": "8 B", "load_bandwidth": f"2 {self.per_unit()}"}
            platform["memory"] = platform.get("memory", {}) | store
        if len(processors) > 1 and self.has("links", 0.15):
            platform["links"] = {"bus": self.link()}
        self.processors = processors
        self.document["platform"] = platform | self.spice(base_power=lambda: "1 W", thermal=self.heat)

    def link(self) -> Document:
        """A link between the first two clusters."""
        draw = self.draw
        link: Document = {"between": self.names[:2], "bandwidth": f"{draw.pick((1, 2, 8))} {self.per_unit()}"}
        if draw.chance(0.4):
            link["latency"] = self.some(1, 3)
        if draw.chance(0.15):
            link["trace"] = [{"at": "0 ns", "bandwidth": f"1 {self.per_unit()}"}]
        elif draw.chance(0.08):
            states = [{"bandwidth": f"{each} {self.per_unit()}", "dwell": self.time(20)} for each in (1, 4)]
            link["markov"] = {"states": states} | self.spice(MORE, to=lambda: [[0, 1], [1, 0]])
        return link

    # ---- one cluster ---------------------------------------------------------------------------------------------

    def cluster(self, cluster: Document) -> None:
        """Put clocks, costs and an accelerator's extras into a cluster."""
        draw = self.draw
        accelerator = cluster["kind"] in ("npu", "dsp", "dla") or "contexts" in cluster
        if "block_level" not in cluster and self.has("clocks"):
            self.clocks(cluster)
        if accelerator and self.has("services", 0.3 if self.focus == "actions" else 0.05):
            extra = draw.pick(("contexts", "checkpoint", "weights", "reset", "reset"))
            cluster[extra] = {
                "contexts": 2,
                "checkpoint": {"state": "4 B", "bandwidth": f"2 {self.per_unit()}"},
                "weights": {"capacity": "8 B", "bandwidth": f"2 {self.per_unit()}"},
                "reset": self.time(1),
            }[extra]
        if accelerator and "weights" not in cluster and self.has("loads", 0.0):
            cluster["weights"] = {"capacity": draw.pick(("5 B", "8 B")), "bandwidth": f"1 {self.per_unit()}"}
        if "contexts" in cluster and draw.chance(0.3):
            cluster["sharing"] = draw.pick(("equal", "none"))
        if self.has("overheads", 0.03):
            cluster["context_switch"] = self.time(1)
            if draw.chance(0.5):
                cluster["migration"] = self.some(1, 2)
        cluster |= self.spice(power=self.watts)

    def clocks(self, cluster: Document) -> None:
        """Put a speed and operating points into a cluster, or make it one server of several threads."""
        draw = self.draw
        if draw.chance(0.5):
            cluster["speed"] = draw.pick((0.4, 0.5, 1.5, "1/3"))
        elif draw.chance(0.1):
            cluster["speeds"] = [draw.pick((1, 0.5, "1/3")) for _ in range(cluster.get("cores", 1))]
        if draw.chance(0.7):
            hertz = draw.pick(((500, 1000), (1000,), (400, 800, 1600)))
            points: list[Document] = [{"frequency": f"{each} MHz"} for each in hertz]
            if draw.chance(0.3):
                points = [{**point, "score": 10 * (rank + 1)} for rank, point in enumerate(points)]
            cluster["operating_points"] = [point | self.measured(rank) for rank, point in enumerate(points)]
            if draw.chance(0.4):
                cluster["frequency_max"] = f"{draw.pick((1000, 1600, 2000))} MHz"
            cluster |= self.spice(
                switch_latency=lambda: self.some(1, 3),
                frequency_domains=lambda: [[core] for core in range(cluster.get("cores", 1))],
            )
        if cluster["kind"] == "cpu" and cluster["cores"] > 1 and draw.chance(0.3):
            cluster["threads"] = {1: 1, cluster["cores"]: draw.pick((1.5, 1.7))}

    def measured(self, rank: int) -> Document:
        """What was measured at an operating point."""
        return self.spice(
            MORE,
            microvolt=lambda: 600_000 + 50_000 * rank,
            milliwatt=lambda: 100.0 * (rank + 1),
            busy_milliwatt=lambda: [100.0 * (rank + 1), 150.0 * (rank + 1)],
        )

    def watts(self) -> Document:
        """What a processor draws."""
        leakage = {"c1": 0.001, "c2": 1000.0} | self.spice(MORE, gate=lambda: 0.1)
        return {"active": "2 W", "idle": "100 mW"} | self.spice(
            MORE, coefficient=lambda: 300.0, leakage=lambda: leakage
        )

    def heat(self) -> Document:
        """A thermal model of one mass or of hot spots, most often with a cap that is met."""
        draw, first = self.draw, self.names[0]
        model: Document = {"node": {"resistance": 20.0, "capacitance": 1e-6}}
        if draw.chance(0.3):
            model = {"network": {"a": [[0.5]], "b": [[9.0]], "inputs": [first]}, "period": self.some(2, 9)}
        if draw.chance(0.7):
            model["trips"] = [{"temperature": 40.0, "caps": {first: "500 MHz"}}]
        return model | self.spice(MORE, ambient=lambda: 30.0, initial=lambda: 39.0, hysteresis=lambda: 1.0)

    # ---- a GPU block by block, and the memory -------------------------------------------------------------------

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
        if self.has("launch", 0.1):
            level["launch"] = self.some(1, 3)
        return level | self.queues(level) | self.occupancy()

    def queues(self, level: Document) -> Document:
        """How a GPU orders what is launched, and how contexts take turns."""
        draw = self.draw
        found = self.spice(
            priorities=lambda: draw.integer(1, 3),
            assign=lambda: draw.pick(("policy", "criticality", "priority", "deadline")),
            copy_engines=lambda: draw.pick((1, 2)),
            placement=lambda: draw.pick(("spread", "pack")),
            assumed_kernels=lambda: {"length": self.some(1, 5), "occupancy": draw.pick((0.5, 1.0)), "threads": 256},
        )
        if "mps" not in level:
            found |= self.spice(time_slice=lambda: self.some(1, 5))
        if "time_slice" in found and draw.chance(0.5):
            found["context_switch"] = self.time(1)
        found |= self.spice(mig=lambda: draw.pick(([1], [1, 2])), null_stream=lambda: True)
        if "mig" in found:
            found |= {"sms": 7, "sms_per_tpc": 1, "sms_per_slice": 1} if draw.chance(0.5) else {"sms": 14}
        if "null_stream" not in found:
            found |= self.spice(channels=lambda: draw.integer(1, 2))
        if "channels" in found and draw.chance(0.5):
            found["channel_order"] = draw.pick(("fifo", "lifo", "seeded"))
        return found

    def occupancy(self) -> Document:
        """What a multiprocessor and a block may have beside threads."""
        return self.spice(
            MORE,
            shared_memory=lambda: "64 kB",
            registers=lambda: 65_536,
            blocks=lambda: self.draw.integer(1, 4),
            max_threads=lambda: 1024,
            max_shared_memory=lambda: "48 kB",
            max_registers=lambda: 65_536,
            copy_bandwidth=lambda: f"1 {self.per_unit()}",
        )

    def memory(self) -> Document:
        """A shared memory with one of the models of contention."""
        draw, victim, beside = self.draw, self.names[-1], self.names[0]
        pair: Document = {"victim": victim, "beside": beside, "slowdown": 3}
        pairwise: Document = {"model": "pairwise", "pairs": [pair]} | self.spice(
            MORE, cap=lambda: 2.0, speedups=lambda: True
        )
        if draw.chance(0.15):
            pair["victim"] = f"{victim}/conv"
        region = {
            "minor_below": 1.0,
            "intensive_from": 5.0,
            "minor_loss": 0.1,
            "rate": 0.05,
            "balance": 8.0,
            "knee": 6.0,
        }
        model: Document = draw.pick(
            (
                {"model": "proportional", "usable": 0.8},
                {"model": "power-law", "a": 1.0, "b": 1.0},
                pairwise,
                pairwise,
                {"model": "pccs", "processors": dict.fromkeys(self.names, region)},
            )
        )
        return {"bandwidth": f"10 {self.per_unit()}", "contention": model}
