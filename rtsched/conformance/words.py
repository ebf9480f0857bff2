"""What came of checking a policy, as text for a terminal."""

from __future__ import annotations

from rtsched.columns import aligned
from rtsched.conformance.result import Conformance, Finding
from rtsched.conformance.saved import command
from rtsched.units import format_duration
from rtsched.visible import visible


def lines(found: Conformance) -> list[str]:
    """A table of the checks, what decisions cost, and every example."""
    told = [visible(each) for each in _head(found)]
    if found.refused == found.systems:
        return [*told, f"NOT CHECKED: it refuses every system, the first one with: {visible(found.refusal)}"]
    rows = [["check", "claimed", "outcome", "systems"], *map(_cells, found.rows)]
    told += ["", aligned(rows), "", _cost(found)]
    told += [f"determinism: {visible(found.elsewhere)}"] if found.elsewhere else []
    for row in found.rows:
        told += _example(found, row)
    return [*told, "", _verdict(found)]


def _head(found: Conformance) -> list[str]:
    apart = f", {found.refused} of them not for this policy" if found.refused else ""
    stopped = "; ended at the first that hangs" if found.hung else ""
    systems = "1 system" if found.systems == 1 else f"{found.systems} systems"
    return [
        f"{found.policy}: {systems} (seed {found.seed}){apart}{stopped}",
        f"claims: {', '.join(found.claims) or 'nothing'}",
    ]


def _cells(row: Finding) -> list[str]:
    claimed = ("yes" if row.claimed else "no") if row.check.is_claim else "always"
    return [row.check.name, claimed, row.outcome, str(row.asked)]


def _cost(found: Conformance) -> str:
    cost = found.cost()
    median, last = (format_duration(int(cost[name]), digits=3) for name in ("median_ns", "p99_ns"))
    return (
        f"{cost['decisions']:,} decisions, {cost['a_second']:,} a second of this machine's time "
        f"(median {median}, p99 {last})"
    )


def _example(found: Conformance, row: Finding) -> list[str]:
    example = row.example
    if example is None:
        return []
    how = "the smallest system found" if example.small else "the system"
    again = command(found, row.check.name, example.trial.seed)
    told = ["", f"{'FAILS' if row.fails else 'does not hold'}: {row.check.name}: {visible(example.text)}"]
    if example.yaml:
        told += [f"{how}{f'; save it, then: {again}' if again else ''}", visible(example.yaml.rstrip(), lines=True)]
    return told


def _verdict(found: Conformance) -> str:
    if found.failed:
        return f"DOES NOT CONFORM: {', '.join(found.failed)}"
    return "conforms: it keeps what every policy must keep" + (", and what it claims" if found.claims else "")
