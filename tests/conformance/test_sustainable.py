"""Systems that differ in one thing, for the claims of sustainability."""

from __future__ import annotations

from rtsched import api
from rtsched.conformance.sustainable import _task_on_one_more


def test_one_processor_more_is_one_for_every_variant() -> None:
    choices = [{"accuracy": 0.9}, {"accuracy": 0.7, "scale": 0.5}]
    task = {"name": "t", "wcet": "2 ms", "period": "9 ms", "variants": choices}
    spec = api.load({"platform": "uniprocessor", "tasks": [task]}).lower()
    grown = _task_on_one_more(spec, spec.tasks[0])
    assert [node.times for node in (*grown.nodes, *grown.all_nodes)] == [(2_000_000,) * 2] * 2 + [(1_000_000,) * 2]
