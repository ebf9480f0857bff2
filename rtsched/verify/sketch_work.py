"""Random work: what a job runs, as one node, kernels or a graph, with variants, exits, branches."""

from __future__ import annotations

from typing import Any

from rtsched.verify.pencil import MORE, Document
from rtsched.verify.sketch_chip import ChipSketch

#: How many of the variants in spiced documents have times of their own.
SHARE_OF_OWN_TIMES = 0.3


class WorkSketch(ChipSketch):
    """The work of the tasks of a document, for its processors."""

    resources: list[str]

    def shape(self, work: int) -> Document:
        """What a job is: one node, kernels, a graph, with variants, exits or branches."""
        draw = self.draw
        if "gpu" in self.processors and (self.names == ["gpu"] or draw.chance(0.6)):
            return self.kernels(work)
        if self.has("variants", 0.12) or (self.focus == "actions" and draw.chance(0.3)):
            return self.quality(work)
        if draw.chance(0.35):
            return {"graph": self.graph(work, mixed=True)} | self.together()
        return self.node(work, whole=True)

    def kernels(self, work: int) -> Document:
        """Launches and copies for a GPU that is served block by block."""
        found: Document = {"kernels": self.launched(work)}
        if self.has("versions", 0.02):
            share = self.draw.pick((0.8, 0.9))
            found["variants"] = [{"accuracy": 0.9}, {"accuracy": share, "kernels": self.launched(work)}]
        return found | ({"context": self.context} if self.context else {})

    def launched(self, work: int) -> list[Document]:
        """One to three kernels and copies."""
        draw = self.draw
        launched: list[Document] = []
        level = self.processors["gpu"]["block_level"]
        for _ in range(draw.integer(1, 3)):
            if draw.chance(0.15):
                length = {"size": "2 B"} if "copy_bandwidth" in level and draw.chance(0.5) else {"time": self.time(1)}
                launched.append({"copy": draw.pick(("in", "out")), **length})
            else:
                threads = draw.pick((256, 512, 1024))
                kernel = {
                    "blocks": draw.integer(1, 8),
                    "threads": threads,
                    "time": self.time(work / draw.integer(2, 6)),
                }
                launched.append(kernel | self.spice(MORE, shared_memory=lambda: "16 kB", registers=lambda: 32))
        return launched

    # ---- one node --------------------------------------------------------------------------------------------------

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
            contexts = self.processors[name].get("contexts", 1)
            found["pin"] = name if whole else f"{name}{draw.integer(0, cores - 1)}"
            found["pin"] += f".{draw.integer(0, contexts - 1)}" if contexts > 1 else ""
        else:
            found |= self.spice(processors=lambda: [draw.pick(some)])
        if any("threads" in self.processors[name] for name in some):
            found |= self.spice(MORE, threads=lambda: 1)
        return found

    def node(self, work: int, whole: bool = False) -> Document:
        """One node: where it runs, how it is preempted, locks, memory; a `whole` one is all of its task."""
        draw = self.draw
        found = self.where(work)
        if len({*found["wcet"].values()}) == 1 and work > 1 and draw.chance(0.2):
            self.cut(found)
        elif draw.chance(0.3 if self.focus == "overheads" else 0.12):
            found["preemptive"] = False
        if self.resources and draw.chance(0.6) and len({*found["wcet"].values()}) == 1:
            start = draw.integer(0, work - 1)
            length = draw.integer(1, work - start)
            at = f"{start} {self.unit}"
            found["sections"] = [{"resource": draw.pick(self.resources), "start": at, "length": self.time(length)}]
        if self.has("contention", 0.03):
            amount = {"demand": f"{draw.pick((4, 8))} {self.per_unit()}"}
            if draw.chance(0.2):
                amount = {"traffic": f"{draw.integer(1, 20)} B"}
            memory = {"bound": draw.pick((0.3, 1.0)), **amount}
            found["memory"] = memory | self.spice(MORE, **{"class": lambda: "conv"})
        if self.has("loads", 0.04):
            found["weights"] = draw.pick(("4 B", "4 B", "3 B", "9 B"))
        if whole and draw.chance(0.12):
            found["accuracy"] = 0.9
        found |= self.for_policies(found)
        return found | self.spice(energy=lambda: "3 nJ", state=lambda: "6 B")

    def cut(self, node: Document) -> None:
        """Give a node regions."""
        work = int(next(iter(node["wcet"].values())).partition(" ")[0])
        node["regions"] = [self.time(part) for part in self.draw.split(work, self.draw.integer(2, 3))]

    def for_policies(self, node: Document) -> Document:
        """What only policies that batch, split or share read."""
        draw, found = self.draw, {}
        whole = "regions" not in node and "sections" not in node
        if whole and self.has("batch", 0.01):
            found["batch"] = self.batch(list(node["wcet"]))
        if whole and len(self.places(node)) > 1 and self.has("split", 0.02):
            found["split"] = {"join": draw.pick(("0 ns", self.some(1, 2)))}
        shared = [name for name in node["wcet"] if self.processors[name].get("contexts", 1) > 1]
        if shared and self.has("speedup", 0.02):
            speeds: Document = draw.pick(({"1/2": 0.6}, {"0.25": 0.4, "1/2": 0.8}))
            found["speedup"] = {shared[0]: speeds} if draw.chance(0.3) else speeds
        return found

    def batch(self, names: list[str]) -> Document:
        """Times by batch size: everywhere or on one cluster, alone or with what is called alike."""
        draw = self.draw
        sizes: Document = draw.pick(({"2": 1.5}, {"2": 1.2, "3": 2.0}, {"2": 2, "4": 2.5}))
        times = {draw.pick(names): sizes} if draw.chance(0.2) else sizes
        return {"name": "net", "times": times} if draw.chance(0.6) else times

    def places(self, node: Document) -> list[str]:
        """The processors that a node may use, by cluster."""
        if "pin" in node:
            return [node["pin"]]
        used = [name for name in node["wcet"] if name in node.get("processors", self.names)]
        about = [self.processors[name] for name in used]
        counts = (1 if "threads" in each else each.get("cores", 1) * each.get("contexts", 1) for each in about)
        return [name for name, count in zip(used, counts, strict=True) for _ in range(count)]

    # ---- several ---------------------------------------------------------------------------------------------------

    def graph(self, work: int, mixed: bool = False) -> Document:
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
        return {"nodes": {f"n{n}": self.part(each, mixed) for n, each in enumerate(works)}, "edges": edges}

    def part(self, work: int, mixed: bool) -> Document:
        """A node of a graph: at times, where they may be mixed, kernels."""
        if mixed and "gpu" in self.processors and self.spiced and self.draw.chance(MORE):
            return {"kernels": self.launched(work)}
        return self.node(work)

    def together(self) -> Document:
        """What a task with a graph says for all of its nodes."""
        found = self.spice(energy=lambda: "9 nJ", state=lambda: "6 B", weights=lambda: "4 B", preemptive=lambda: False)
        if self.has("batch", 0.01):
            found["batch"] = self.batch(["cpu"] if "cpu" in self.names else self.names[:1])
        if self.has("split", 0.01):
            found["split"] = {"join": self.time(1)}
        return found

    def quality(self, work: int) -> Document:
        """Variants, exits or branches, with regions and sections like anybody's."""
        draw = self.draw
        kind = draw.pick(("variants", "variants", "exits", "branches"))
        if kind == "variants":
            return self.variants(work)
        names = ["s0", "s1", "s2"]
        works = draw.split(max(3, work), 3)
        nodes = {name: self.node(each) for name, each in zip(names, works, strict=True)}
        if kind == "exits":
            for node in nodes.values():
                node |= self.spice(loss=lambda: {draw.pick(self.names): 0.1})
            exits = [{"node": name, "accuracy": 0.7 + rank / 10} for rank, name in enumerate(names)]
            found: Document = {"graph": {"nodes": nodes, "edges": [["s0", "s1"], ["s1", "s2"]]}, "exits": exits}
            hard = self.spice(MORE, correlation=lambda: 0.5, reliability=lambda: 0.5, predictor=lambda: 0.5)
            return found | ({"difficulty": hard} if hard else {})
        branch: Document = {"s0": {"to": {"s1": 0.5, "s2": 0.5}} | self.spice(MORE, by=lambda: "difficulty")}
        return {"graph": {"nodes": nodes, "edges": [["s0", "s1"], ["s0", "s2"]], "branches": branch}}

    def variants(self, work: int) -> Document:
        """Two variants of a node or of a graph: shares of one, or times of their own."""
        draw = self.draw
        if self.spiced and draw.chance(SHARE_OF_OWN_TIMES):
            return self.own_times(work)
        found = self.node(work) if draw.chance(0.5) else {"graph": self.graph(work)}
        choices: list[Document] = [{"accuracy": 0.9, "scale": 1}, {"accuracy": 0.8, "scale": 0.5}]
        nodes: dict[str, Any] = found["graph"]["nodes"] if "graph" in found else {"": found}
        if "graph" in found and draw.chance(0.5):
            choices[1] = {"accuracy": 0.8, draw.pick(("skip", "nodes")): [draw.pick(list(nodes))]}
            if "nodes" in choices[1]:
                choices[1]["nodes"] = dict.fromkeys(choices[1]["nodes"], 0.5)
        switch = draw.pick(("start", "node"))
        if self.has("regions", 0.2):
            for node in nodes.values():
                if len({*node["wcet"].values()}) == 1 and not {"batch", "split", "sections"} & {*node}:
                    self.cut(node)
            if any("regions" in node for node in nodes.values()):
                switch = "region"
        about: Document = {"choices": choices, "switch": switch}
        if "graph" in found and switch != "start":
            about |= self.spice(MORE, shares=lambda: dict.fromkeys(nodes, 0.5))
        return found | {"variants": about} | self.spice(MORE, decay=lambda: self.some(1, 20), measure=lambda: "miou")

    def own_times(self, work: int) -> Document:
        """Variants with times of their own."""
        first = {name: self.time(work) for name in self.names if name != "gpu"}
        second = {name: self.time(work / 2) for name in first}
        choices = [{"accuracy": 0.9, "wcet": first}, {"accuracy": 0.7, "wcet": second}]
        if self.draw.chance(0.3):
            choices = [{**choice, "energy": "2 nJ"} for choice in choices]
        return {"variants": {"choices": choices}}
