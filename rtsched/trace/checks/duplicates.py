"""What must hold of nodes that ran twice."""

from __future__ import annotations

from collections.abc import Iterator

from rtsched.trace.checks.common import name_of
from rtsched.trace.duplicates import pairs
from rtsched.trace.trace import COMPLETED, Trace


def duplicates(trace: Trace) -> Iterator[str]:
    """Of a node that runs twice one completes, and the other goes then at the latest."""
    for (job, node), those in pairs(trace).items():
        name = f"node {node} of {name_of(trace, job)}"
        rows = trace.slices[(trace.slices["job"] == job) & (trace.slices["node"] == node)]
        done = rows["end"][rows["reason"] == COMPLETED].tolist()
        if len(done) > 1:
            yield f"{name} completes twice, at {done[0]} and {done[1]}"
        for start, _, end, who in those:
            if done and who < 0:
                yield f"{name} runs twice from {start} on, and neither is cancelled when it is done at {done[0]}"
            if done and done[0] < end:
                yield f"{name} is done at {done[0]}, and runs twice until {end}"
            if ((rows["processor"] == who) & (rows["start"] < end) & (rows["end"] > end)).any():
                yield f"{name} runs on after {end}, where it was cancelled"
