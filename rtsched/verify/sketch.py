"""Random small system files: what the schema allows, features side by side that nobody thought of side by side.

Each is drawn around a focus, a feature that it has with high probability, beside whatever else comes.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from rtsched.registry import REGISTRY
from rtsched.schedulers.base import GUESTS
from rtsched.verify.acting import ACTING, STRANGER
from rtsched.verify.pencil import MORE, Document
from rtsched.verify.sketch_tasks import TaskSketch

FIXED = ("fp", "rm", "dm")
MODES = ("preemptive", "preemptive", "limited", "nonpreemptive")
#: The policies that are drawn more often than others: theorems know them, or much rests on them.
ORDERINGS = (*FIXED, *FIXED, "edf", "edf", "edf", "fifo", "sjf", "llf")
PLACEMENTS = ("global", "first-fit", "best-fit", "worst-fit", "next-fit", "clustered", "earliest-finish")
ADAPTATIONS = ("fixed", "subflow", "resolution", "multi-path-style", "early-exit", "exit-budget", "anytime")
COMMON = {"ordering": ORDERINGS, "placement": PLACEMENTS, "adaptation": ADAPTATIONS, "scheduler": ("composed",)}


@cache
def odd(kind: str) -> tuple[str, ...]:
    """The other built-in policies of a kind, which are drawn rarely."""
    return tuple(
        name for name in REGISTRY.names(kind) if not REGISTRY.package(kind, name) and name not in COMMON.get(kind, ())
    )


def guests_of(name: str) -> Collection[str]:
    """The kinds of parts that a whole scheduler takes beside it."""
    return GUESTS if name in (ACTING, STRANGER) else REGISTRY.find("scheduler", name).takes  # type: ignore[attr-defined]


class Sketch(TaskSketch):
    """One document on its way."""

    def make(self) -> Document:
        """The whole document."""
        self.clusters()
        self.tasks()
        self.policy()
        self.around()
        return self.document

    # ---- the policy ------------------------------------------------------------------------------------------------

    def policy(self) -> None:
        """Choose a whole scheduler, one that acts at random, or an ordering with a placement and perhaps more."""
        draw = self.draw
        if draw.chance(0.7 if self.focus == "actions" else 0.005):
            scheduler: Document = {"name": draw.pick((ACTING, STRANGER)), "seed": draw.integer(0, 999)}
            scheduler["preemption"] = draw.pick(MODES)
            scheduler |= self.guests()
        elif self.focus == "policies" and draw.chance(0.5):
            scheduler = {"name": draw.pick(odd("scheduler"))}
            scheduler |= self.guests(guests_of(scheduler["name"]))
        else:
            scheduler = self.parts()
            if (len(self.processors) > 1 or self.focus == "rules") and self.has("rules", 0.05):
                scheduler |= self.own_rules()
        self.document["scheduler"] = scheduler

    def guests(self, takes: Collection[str] = GUESTS) -> Document:
        """Parts beside a whole scheduler that takes them."""
        found: Document = {}
        if "adaptation" in takes and self.has("guests", 0.15):
            found["adaptation"] = self.draw.pick((*ADAPTATIONS, *odd("adaptation")))
        if "admission" in takes and self.has("guests", 0.1):
            found["admission"] = self.draw.pick(odd("admission"))
        return found

    def own_rules(self) -> Document:
        """What serves the queues of some clusters, each by itself."""
        draw, found = self.draw, Document()
        for name in self.processors:
            if draw.chance(0.6):
                rule: Document = {"ordering": draw.pick((*ORDERINGS, "fifo", "fifo", *odd("ordering")))}
                if self.resources and draw.chance(0.8):
                    rule = {"ordering": draw.pick(FIXED)}
                found[name] = rule | ({"preemption": draw.pick(MODES)} if draw.chance(0.4) else {})
        return found

    def parts(self) -> Document:
        """An ordering with a placement, and perhaps more."""
        draw, focus = self.draw, self.focus
        ordering = draw.pick(ORDERINGS)
        if focus == "beliefs" and draw.chance(0.5):
            ordering = draw.pick(("sjf", "lst", "llf"))
        elif focus == "policies" and draw.chance(0.4):
            ordering = draw.pick(odd("ordering"))
        if self.resources and draw.chance(0.9):  # ceilings need fixed priorities, and so does every theorem on locks
            ordering = draw.pick(FIXED)
        scheduler: Document = {"ordering": ordering, "placement": draw.pick(("global", *PLACEMENTS))}
        if focus == "policies" and draw.chance(0.2):
            scheduler["placement"] = draw.pick(odd("placement"))
        elif self.narrow:
            scheduler["placement"] = "global"
        scheduler["preemption"] = draw.pick(MODES)
        if focus == "actions":
            scheduler["adaptation"] = {"name": draw.pick((ACTING, STRANGER)), "seed": draw.integer(0, 999)}
        elif self.has("variants", 0.05) or (focus == "blocks" and draw.chance(0.3)):
            scheduler["adaptation"] = draw.pick(ADAPTATIONS)
        elif focus == "policies" and draw.chance(0.3):
            scheduler["adaptation"] = draw.pick(odd("adaptation"))
        if self.has("policies", 0.02):
            scheduler["admission"] = draw.pick(odd("admission"))
        return scheduler

    # ---- what is around --------------------------------------------------------------------------------------------

    def around(self) -> None:
        """Overheads, power, faults and what changes; what policies believe, and what deciding costs."""
        draw, document = self.draw, self.document
        links = document["platform"].get("links", {})
        if self.has("overheads", 0.05):
            costs = {name: self.time(1) for name in ("context_switch", "migration", "scheduling") if draw.chance(0.5)}
            document["overheads"] = costs or {"context_switch": self.time(1)}
        if self.has("clocks", 0.02) or "thermal" in document["platform"]:
            document["power"] = self.power()
        if self.has("faults", 0.02):
            document["faults"] = [self.fault([*self.names, *links])]
        if links and self.has("faults", 0.1):
            at = self.some(1, 40)
            document["environment"] = [{"at": at, "link": "bus", "bandwidth": f"0.5 {self.per_unit()}"}]
        else:
            document |= self.spice(environment=lambda: [{"at": self.some(1, 40), "name": "rain", "value": 1}])
        if len(document["tasks"]) > 1 and draw.chance(0.1):
            keys: tuple[str, ...] = ("max_reaction", "max_age", "max_reduced_reaction", "max_reduced_age")
            if document["tasks"][1].get("after", {}).get("task") == "t0":
                keys += ("max_latency",)
            limits = self.spice(MORE, **{key: lambda: self.some(20, 90) for key in keys})
            document["chains"] = [{"name": "chain", "tasks": ["t0", "t1"], **limits}]
        if self.has("estimates", 0.03):
            document["estimates"] = self.estimates()
        if self.has("planner", 0.01):
            document["planner"] = self.planner()
        if self.has("reservable", 0.02):
            document["reservable"] = {"slots": draw.integer(1, 9)} | ({"memory": "2 kB"} if draw.chance(0.3) else {})
        if "chains" in document:
            self.sampling()

    def sampling(self) -> None:
        """When the tasks of a file with chains read and write, what times them, and how rarely they may come."""
        draw, tasks = self.draw, self.document["tasks"]
        triggers = {task["after"]["task"] for task in tasks if "after" in task}
        for task in tasks:
            kind = task.get("arrival", {}).get("kind", "periodic")
            if "after" not in task and task["name"] not in triggers and draw.chance(0.5):
                task["communication"] = draw.pick(("implicit", "let", "let"))
            if kind == "periodic" and "period" in task and draw.chance(0.6):
                task["clock"] = draw.pick(("chip", "chip", "other"))
            if kind == "sporadic" and "period" in task:
                task["arrival"] |= {"max_gap": self.time(2 * int(task["period"].split()[0]))}

    def estimates(self) -> Document:
        """How what policies believe of times errs."""
        draw, found = self.draw, Document()
        if draw.chance(0.5):
            found["bias"] = draw.pick((0.3, -0.5, {"t0": -0.9}))
        if draw.chance(0.5):
            found["noise"] = draw.pick((0.2, 2.0))
        if draw.chance(0.5):
            found["learning"] = draw.pick((0.1, 1.0))
            if draw.chance(0.5):
                found["staleness"] = self.some(1, 40)
        return found or {"bias": 0.1}

    def planner(self) -> Document:
        """What deciding costs, and where."""
        cores = self.processors.get("cpu", {}).get("cores", 1)
        found: Document = {"core": "cpu" if cores == 1 else f"cpu{self.draw.integer(0, cores - 1)}"}
        if self.draw.chance(0.7):
            found["cost"] = self.time(1)
        if self.draw.chance(0.4):
            found["per_segment"] = self.time(1)
        return found

    def fault(self, places: list[str]) -> Document:
        """A failure, or a slow-down, once or again and again."""
        draw = self.draw
        fault: Document = {"processor": draw.pick(places)}
        if draw.chance(0.15):
            fault |= {"mean_up": self.some(20, 80), "mean_down": self.some(1, 20)}
        else:
            fault |= {"at": self.some(1, 80), "lasts": self.some(1, 40)}
        return fault | ({"speed": 0.5} if draw.chance(0.3) else {})

    def power(self) -> Document:
        """A governor, or a mode of the platform that takes cores or clocks away; a battery, heat, what bytes cost."""
        draw = self.draw
        found: Document = {}
        clocked = [name for name, cluster in self.processors.items() if "operating_points" in cluster]
        kind = draw.pick(("performance", "performance", "powersave", "schedutil", "mode", "odd"))
        kind = "odd" if self.focus == "actions" else kind
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
        elif kind == "odd":
            found["governor"] = self.governor()
        elif kind != "performance":
            found["governor"] = kind
        extras = self.spice(
            clusters=lambda: {draw.pick(self.names): self.governor()},
            switch_latency=lambda: self.some(1, 3),
            stall=lambda: False,
            thermal=self.heat,
            battery=self.battery,
            ambient=lambda: 35.0,
            bytes_energy=lambda: 20.0,
        )
        return found | extras

    def battery(self) -> Document:
        """One that is soon empty, some filled again, some with a chip that goes off."""
        found: Document = {"capacity": "10 nJ"} | self.spice(MORE, charge=lambda: 0.5, levels=lambda: [0.4, 0.0])
        if self.draw.chance(0.3):
            found["harvest"] = [{"at": self.some(0, 20), "power": "1 mW"}, {"at": self.some(30, 60), "power": "90 mW"}]
        return found | ({"restart": 0.3} if self.draw.chance(0.3) else {})

    def governor(self) -> Document:
        """One with parameters, or the policy's own clocks, then most often with a part that sets them."""
        draw = self.draw
        name = draw.pick(("fixed", "userspace", "ondemand", "ondemand"))
        name = "userspace" if self.focus == "actions" else name
        found: Document = {"name": name}
        if name == "fixed":
            found["frequency"] = f"{draw.pick((500, 1000, 1600))} MHz"
        if name == "ondemand":
            found |= {"period": self.some(3, 9)} | self.spice(MORE, up=lambda: 0.6, down=lambda: 0.2)
        scheduler = self.document["scheduler"]
        if name == "userspace" and draw.chance(0.6) and "speed" in guests_of(scheduler.get("name", "composed")):
            speed = draw.pick(odd("speed"))
            period = {"ns": 1e-5, "us": 1e-2, "ms": 10.0}[self.unit]
            scheduler["speed"] = {"name": speed, "period_ms": period} if speed == "utilisation" else speed
        return found
