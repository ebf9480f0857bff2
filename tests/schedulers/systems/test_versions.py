"""Versions of kernels, by hand: which one Miriam, Aaron and REEF start, and when they may not choose."""

from __future__ import annotations

from typing import Any

import pytest

from rtsched import InputError
from tests.chips import run, slices

#: Four multiprocessors, each of which holds one block of 1024 threads and is a TPC of its own.
GPU = "gpu: {kind: gpu, reset: 0.5 ms, block_level: {sms: 4, threads: 1024, sms_per_tpc: 1, streams: 3}}"


def kernels(*items: tuple[int, float]) -> str:
    """Kernels of (blocks, ms), one after the other."""
    return "[" + ", ".join(f"{{blocks: {blocks}, threads: 1024, time: {time} ms}}" for blocks, time in items) + "]"


def ran(name: str, *tasks: str, **parameters: Any) -> tuple[list[tuple[str, float, float]], list[int]]:
    """(task, start, end) in ms of every slice, and the variants in the order of their starts."""
    rows = "\n".join(f"  - {{{task}, period: 100 ms}}" for task in tasks)
    text = f"platform:\n  processors:\n    {GPU}\nsimulate: {{drain: all}}\ntasks:\n{rows}\n"
    trace = run(text, scheduler={"name": name, **parameters}, until="20 ms")
    return [(task, start, end) for task, _, start, end, _ in slices(trace)], trace.choices["variant"].tolist()


#: Eight blocks of 1 ms (two waves on four SMs, three on three), or six of 1.4 ms (two waves on either).
BACK = (
    f"name: back, kernels: {kernels((8, 1))}, accuracy: null, "
    f"variants: [{{accuracy: 0.9}}, {{accuracy: 0.9, kernels: {kernels((6, 1.4))}}}]"
)
CRITICAL = f"name: critical, kernels: {kernels((1, 20))}, criticality: hard"


def test_miriam_takes_the_version_that_is_done_first_on_what_is_left() -> None:
    # alone 2 ms against 2.8; beside a critical kernel on one SM 3 ms against 2.8
    alone = CRITICAL.replace("name", "offset: 10 ms, name")
    assert ran("miriam-style", BACK, alone) == ([("back", 0, 2), ("critical", 10, 30)], [0])
    assert ran("miriam-style", BACK, CRITICAL) == ([("critical", 0, 20), ("back", 0, 2.8)], [1])


def test_miriam_takes_short_blocks_where_critical_jobs_are_short() -> None:
    # a tenth of 5 ms: of blocks of 1 ms and 1.4 ms none are so short, and the shortest are taken; of 0.5 ms some are
    short = CRITICAL.replace("20 ms", "5 ms")
    assert ran("miriam-style", BACK, short)[1] == [0]
    both = BACK.replace("]}]", f"]}}, {{accuracy: 0.9, kernels: {kernels((30, 0.5))}}}]")
    assert ran("miriam-style", both, short) == ([("critical", 0, 5), ("back", 0, 5)], [2])
    assert ran("miriam-style", both, short, loss=0.2)[1] == [0]  # 1 ms will do, in three waves
    assert ran("miriam-style", both, short, loss=0.3)[1] == [1]
    with pytest.raises(InputError, match=r"miriam-style: loss 0 is no part"):
        ran("miriam-style", both, short, loss=0)


def test_aaron_takes_the_version_on_the_fewest_multiprocessors() -> None:
    # of 2 ms at best 3 are allowed: eight blocks need three SMs for that, six of 1.4 ms as well and less time (2.8)
    two = BACK.replace("back", "also")
    assert ran("aaron-style", BACK, two) == ([("back", 0, 2.8), ("also", 2.8, 5.6)], [1, 1])
    # two blocks of 2.5 ms are enough on two, and two jobs run side by side
    narrow = [each.replace(kernels((6, 1.4)), kernels((2, 2.5))) for each in (BACK, two)]
    assert ran("aaron-style", *narrow) == ([("back", 0, 2.5), ("also", 0, 2.5)], [1, 1])
    assert ran("aaron-style", *narrow, slower=1.2)[1] == [0, 0]


def test_reef_pads_with_the_first_version_that_fits() -> None:
    # beside one block on one SM for 2 ms three are left: eight blocks of 1 ms take three waves, six of 0.9 ms two
    urgent = f"name: urgent, kernels: {kernels((1, 2))}, criticality: hard"
    fits = BACK.replace(kernels((6, 1.4)), kernels((6, 0.9)))
    assert ran("reef", fits, urgent) == ([("urgent", 0, 2), ("back", 0, 1.8)], [1])
    assert ran("reef", BACK, urgent) == ([("urgent", 0, 2), ("back", 2, 4)], [0])  # 2.8 ms are too long


def test_a_less_accurate_variant_is_no_version_and_neither_is_a_share() -> None:
    worse = BACK.replace("accuracy: 0.9, kernels", "accuracy: 0.8, kernels")
    assert ran("miriam-style", worse, CRITICAL)[1] == [0]
    share = BACK.replace(f"kernels: {kernels((6, 1.4))}", "scale: 0.5")
    assert ran("miriam-style", share, CRITICAL)[1] == [0]
    assert ran("aaron-style", share)[1] == [0]


@pytest.mark.parametrize(("switch", "chosen"), [("start", [1, 1]), ("node", [1, 0])])
def test_in_a_graph_each_node_has_a_version_only_if_variants_may_change_there(switch: str, chosen: list[int]) -> None:
    # x is quicker as version 1 on three SMs, y as version 0; without 'switch: node' what x is holds for y
    x, y = (kernels((8, 1)), kernels((6, 1.4))), (kernels((6, 1.4)), kernels((8, 1)))
    graph = f"nodes: {{x: {{kernels: {x[0]}}}, y: {{kernels: {y[0]}}}}}, edges: [[x, y]]"
    choices = f"{{accuracy: 0.9}}, {{accuracy: 0.9, kernels: {{x: {x[1]}, y: {y[1]}}}}}"
    back = f"name: back, graph: {{{graph}}}, variants: {{choices: [{choices}], switch: {switch}}}"
    assert ran("miriam-style", back, CRITICAL)[1] == chosen
