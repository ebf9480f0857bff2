"""A policy that splits each layer between a CPU and a GPU, in the style of μLayer (Kim et al., EuroSys 2019).

The share of the GPU is that of a grid with which the layer is believed to end first; not read, only its rule.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

import rtsched

MS = 1_000_000


class LayerSplit(rtsched.Scheduler):
    """Layer by layer, first come, first served, each with the best share of a grid: 0, 1/4, 1/2, 3/4 or 1."""

    reads = frozenset({"split"})
    grid = tuple(Fraction(part, 4) for part in range(5))

    def dispatch(self) -> None:
        cpu, gpu = self.soc.processors[:2]
        for segment in self.soc.ready:
            if cpu.segment is None and gpu.segment is None:
                self.soc.split(segment, self.best(segment, cpu, gpu))

    def best(self, segment: Any, cpu: Any, gpu: Any) -> dict[Any, Fraction]:
        """The shares that are believed to end first; of equal ones those with more on the CPU."""
        ways = [{place: share for place, share in ((cpu, 1 - part), (gpu, part)) if share} for part in self.grid]
        return min(ways, key=lambda shares: self.soc.expected_split(segment, shares))


SYSTEM: dict[str, Any] = {
    "platform": {
        "name": "phone",
        "processors": {
            "cpu": {"power": {"active": "2 W", "idle": "0 W"}},
            "gpu": {"kind": "gpu", "power": {"active": "3 W", "idle": "0 W"}},
        },
    },
    "power": {},
    "tasks": [
        {
            "name": "net", "period": "20 ms", "split": {"join": "500 us"},
            "graph": {
                "nodes": {
                    "conv": {"wcet": {"cpu": "12 ms", "gpu": "4 ms"}},
                    "depthwise": {"wcet": {"cpu": "4 ms", "gpu": "4 ms"}},
                    "fc": {"wcet": {"cpu": "800 us", "gpu": "2 ms"}},
                },
                "edges": [["conv", "depthwise"], ["depthwise", "fc"]],
            },
        }
    ],
}  # fmt: skip


def test_each_layer_has_the_share_that_ends_first() -> None:
    """Worked by hand. conv: 3/4 on the GPU, max(3, 3) + 0.5 = 3.5 ms, against 4 ms there alone; depthwise: halves,
    2 + 0.5 = 2.5 ms; fc: 3/4 on the CPU would take max(0.6, 0.5) + 0.5 = 1.1 ms, all of it takes 0.8 ms there.
    """
    trace = rtsched.simulate(SYSTEM, scheduler=LayerSplit(), until="20 ms")
    assert trace.check() == []
    whole = 1 << 40
    assert [(row["node"], row["processor"], row["share"] / whole) for row in trace.splits] == [
        (0, 0, 0.25), (0, 1, 0.75), (1, 0, 0.5), (1, 1, 0.5),
    ]  # fmt: skip
    assert trace.node_times()["finish"].tolist() == [3_500_000, 6 * MS, 6_800_000]
    # 3 + 2 + 0.8 ms of the CPU at 2 W, 3 + 2 ms of the GPU at 3 W; the GPU, which is behind it, joins at 3 W
    assert [unit.active for unit in trace.energy.units] == [11_600_000, 18 * MS]


def test_one_processor_alone_is_slower() -> None:
    ends = []
    for policy in (LayerSplit(), "fifo+pinned"):
        system = (
            SYSTEM
            if policy != "fifo+pinned"
            else {**SYSTEM, "tasks": [{**SYSTEM["tasks"][0], "split": None, "pin": "gpu"}]}
        )
        trace = rtsched.simulate(system, scheduler=policy, until="20 ms")
        ends.append(int(trace.jobs["finish"][0]))
    assert ends == [6_800_000, 10 * MS]


@pytest.mark.parametrize("bias", [2.0, 0.5])
def test_a_belief_that_errs_alike_everywhere_changes_little(bias: float) -> None:
    """The shares rest on what is believed, but the join is known: fc is not split at 1.2 + 0.5 ms against 1.6 ms."""
    trace = rtsched.simulate({**SYSTEM, "estimates": {"bias": bias - 1}}, scheduler=LayerSplit(), until="20 ms")
    assert trace.check() == []
    assert trace.jobs["finish"].tolist() == [6_800_000]
