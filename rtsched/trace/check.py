"""What must hold in every run, whatever the policy: all checks, in their order."""

from __future__ import annotations

from rtsched.trace.checks.batches import batches
from rtsched.trace.checks.batteries import batteries
from rtsched.trace.checks.checkpoints import checkpoints
from rtsched.trace.checks.duplicates import duplicates
from rtsched.trace.checks.gpus import blocks, threads
from rtsched.trace.checks.jobs import after_the_end, deadlines, no_overlap, outcomes
from rtsched.trace.checks.launches import launches
from rtsched.trace.checks.multiprocessors import multiprocessors
from rtsched.trace.checks.nodes import all_nodes, copies, inputs, nodes_run_once, order
from rtsched.trace.checks.planner import decisions
from rtsched.trace.checks.processors import busy, processors_serve_one
from rtsched.trace.checks.resources import ceilings, holders, reserved, sections
from rtsched.trace.checks.shares import shares
from rtsched.trace.checks.spawns import spawned
from rtsched.trace.checks.splits import parts
from rtsched.trace.checks.switches import switched
from rtsched.trace.checks.weights import weights
from rtsched.trace.checks.work import work
from rtsched.trace.trace import Trace


def violations(trace: Trace) -> list[str]:
    """Every rule that the trace breaks, as sentences that name job, processor and time."""
    if not trace.kept:
        return []
    checks = (
        processors_serve_one, nodes_run_once, order, copies, all_nodes, after_the_end, outcomes, deadlines, no_overlap,
        holders, ceilings, sections, busy, work, blocks, threads, shares, weights, decisions, reserved, batches,
        launches, inputs, spawned, duplicates, parts, switched, checkpoints, multiprocessors, batteries,
    )  # fmt: skip
    return [sentence for check in checks for sentence in check(trace)]
