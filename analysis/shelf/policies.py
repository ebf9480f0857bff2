"""Writes docs/policies.md: a line for every built-in policy, what does not go together and why, what proofs know.

    python analysis/shelf/policies.py

Nothing in the page is written by hand: the lines are the policies' own first sentences, and whether two parts go
together, and what a proof knows of them, is found by running them on small systems.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rtsched import api
from rtsched.engine.beliefs import ALWAYS, AT_SETUP, NEVER
from rtsched.errors import InputError, SchedulerError
from rtsched.model.config import parse_yaml, validate
from rtsched.model.system import System
from rtsched.registry import PARTS, POLICIES, REGISTRY
from rtsched.schedulability.analyse import analyse
from rtsched.schedulers.base import GUESTS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "policies.md"
MODES = ("preemptive", "limited", "nonpreemptive")
BELIEFS = {NEVER: "nothing", AT_SETUP: "times, once", ALWAYS: "times"}

HEAD = """# Policies

Every policy that comes with rtsched. `-s NAME` runs it; its source says the rest: guarantees, needs, how it fails,
paper. A name that ends in `-style` is ours after a paper that was not read: its source says what exactly it does.
Clusters may have orderings of their own ([clusters.md](clusters.md)). This page is written by
`python analysis/shelf/policies.py`, which asks the policies themselves.

*Goes by* says which estimates matter ([estimates.md](estimates.md)): *nothing*; *times, once*, before time starts
(`bias` and `noise`); *times*, at each decision (all four keys). A policy of your own goes by all of them, unless its
class says `believes`.
"""
PAIRS = """
## What goes together

A composed policy is an ordering with a placement, and perhaps an adaptation, an admission and a speed, under one of
three modes of preemption; a whole scheduler takes the parts beside it that its line names. Every two parts run together
on a system that is one for each of them, but these, which are refused before time starts:
"""
PROOFS = """
## What proofs know

Four tasks of one node each (implicit deadlines) are analysed under each ordering: on one core, on two where every task
stays on its own (any packing), and on two where tasks move (`global`). Named are the theorems that can prove deadlines
there; more hold for task graphs, pipelines, locks and GPUs ([analysis.md](analysis.md)). Where there are none the
verdict is `unknown`, whatever a paper proves of the rule.
"""

CHIP = """
name: chip
platform:
  name: chip
  processors:
    cpu:
      cores: 2
      operating_points: [{frequency: 500 MHz, microvolt: 3000000}, {frequency: 1 GHz, microvolt: 5000000}]
      power: {active: 1 W}
    ACCELERATOR
power: {governor: userspace, switch_latency: 0 us, battery: {capacity: 1 Wh}}
simulate: {until: 40 ms}
tasks:
  - name: t
    period: 12 ms
    OVERLAP
    graph:
      nodes:
        x: {wcet: {TIMES3}, loss: {LOSS}}
        y: {wcet: {TIMES4}, loss: {LOSS}}
      edges: [[x, y]]
    QUALITY
  - {name: u, wcet: {TIMES3}, period: 15 ms, deadline: 9 ms, OVERLAP}
"""
ACCELERATORS = {
    "none": "",
    "npu": "npu: {kind: npu}",
    "streams": "gpu: {kind: gpu, block_level: {sms: 2, streams: 2}}",
}
QUALITIES = {
    "plain": "accuracy: 0.9",
    "exits": "exits: [{node: x, accuracy: 0.6}, {node: y, accuracy: 0.9}]",
    "node": "variants: {switch: node, choices: [{accuracy: 0.9}, {scale: 0.6, accuracy: 0.7}]}",
    "job": "variants: [{accuracy: 0.9}, {scale: 0.6, accuracy: 0.7}]",
}


FRAMES = """
name: frames
platform: {name: chip, processors: {cpu: {}, npu: {kind: npu}}}
simulate: {until: 40 ms}
tasks:
  - {name: t, wcet: {cpu: 5 ms, npu: 6 ms}, period: 12 ms, count: 3, overlap: true}
  - {name: u, wcet: {cpu: 6 ms, npu: 5 ms}, period: 10 ms, count: 3, overlap: true}
"""
CORES = """
name: cores
platform: multicore:2
simulate: {until: 40 ms}
tasks:
  - {name: t, wcet: 4 ms, period: 8 ms}
  - {name: u, wcet: 6 ms, period: 10 ms}
"""
DIVIDED = """
name: divided
platform:
  name: board
  processors: {npu: {kind: npu, contexts: 4, sharing: equal}}
  memory: {bandwidth: 10 GB/s, contention: {model: proportional}}
simulate: {until: 40 ms}
tasks:
  - {name: t, wcet: {npu: 3 ms}, period: 8 ms, memory: {bound: 0.5, demand: 6 GB/s}}
  - {name: u, wcet: {npu: 3 ms}, period: 10 ms, memory: {bound: 0.5, demand: 6 GB/s}}
"""
#: What makes a chip's nodes layers that are read from storage.
LAYERS = ("  processors:", "  memory: {capacity: 8 MB, load_bandwidth: 4 GB/s}\n  processors:")
#: Systems other than chips with two cores and an accelerator.
OTHERS = (FRAMES, CORES, CORES.replace("multicore:2", "uniprocessor"), DIVIDED)


def chip(pinned: bool, overlap: bool, quality: str, accelerator: str) -> str:
    """The text of a system."""
    text = CHIP.replace("ACCELERATOR", ACCELERATORS[accelerator]).replace("QUALITY", QUALITIES[quality])
    text = text.replace("    OVERLAP\n", "    overlap: true\n" if overlap else "").replace(
        ", OVERLAP", ", overlap: true" if overlap else ""
    )
    other = {"none": "", "npu": "npu", "streams": "gpu"}[accelerator]
    for work in ("3", "4"):
        places = [place for place in ("cpu", other) if place]
        times = {place: f"{int(work) - (place != 'cpu')} ms" for place in places[-1 if pinned else 0 :]}
        text = text.replace(f"TIMES{work}", ", ".join(f"{place}: {time}" for place, time in times.items()))
        text = text.replace("LOSS", ", ".join(f"{place}: 0.0{3 if place == 'cpu' else 1}" for place in times))
    return text


def layered(text: str) -> str:
    """A chip whose networks do not stay in its memory: each node has weights of its own."""
    return text.replace(*LAYERS).replace(", loss:", ", weights: 4 MB, loss:")


def worlds() -> list[api.Prepared]:
    """Small systems, one of which at least is one for each policy."""
    kinds = itertools.product((True, False), (False, True), QUALITIES, ACCELERATORS)
    chips = [chip(*kind) for kind in kinds]
    storage = [layered(text) for text in chips if "overlap" not in text]
    return [prepared(text) for text in (*OTHERS, *storage, *chips)]


def prepared(text: str) -> api.Prepared:
    """A system, lowered."""
    return api.prepare(api.load(validate(System, parse_yaml(text))))


def own(kind: str) -> list[str]:
    """The built-in names of a kind."""
    return [name for name in REGISTRY.names(kind) if not REGISTRY.package(kind, name)]


def sentence(kind: str, name: str) -> str:
    """What a policy says of itself first."""
    line = (REGISTRY.find(kind, name).__doc__ or "").strip().split("\n")[0]
    return line.replace("|", "\\|")


def tables() -> Iterator[str]:
    """A table for each kind."""
    for kind in ("ordering", "placement", "adaptation", "admission", "speed", "scheduler"):
        takes = " takes |" if kind == "scheduler" else ""
        yield f"\n## {kind.capitalize()}s\n\n| name | does | goes by |{takes}\n|---|---|---|{'---|' if takes else ''}\n"
        for name in own(kind):
            goes_by = BELIEFS[api.scheduler(by_itself(kind, name)).estimates_read()]
            made = REGISTRY.find(kind, name)
            source = f"../{made.__module__.replace('.', '/')}.py"
            parts = f" {', '.join(each for each in GUESTS if each in made.takes) or '–'} |" if takes else ""
            yield f"| [`{name}`]({source}) | {sentence(kind, name)} | {goes_by} |{parts}\n"


def pairs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every two parts, and every part beside a whole scheduler that says that it takes it."""
    simple: dict[str, Any] = {"ordering": "edf"}
    for one, other in itertools.combinations(PARTS, 2):
        for first, second in itertools.product(own(one), own(other)):
            yield first, second, {**simple, one: first, other: second}
    for kind in ("ordering", "placement", "adaptation", "admission", "speed"):
        for name, mode in itertools.product(own(kind), MODES):
            yield name, mode, {**simple, kind: name, "preemption": mode}
    for name in own("scheduler"):
        takes = REGISTRY.find("scheduler", name).takes if name != "composed" else ()  # type: ignore[attr-defined]
        for kind in sorted(takes):
            for part in own(kind):
                yield name, part, {"name": name, kind: part}


def refused(choice: dict[str, Any], systems: list[api.Prepared]) -> str | None:
    """Why a policy runs none of the systems; None where it runs one, which is tried first from then on."""
    why = ""
    for system in [systems[0], *systems[1:]]:
        try:
            system.run(api.scheduler(choice), 0)
        except (InputError, SchedulerError) as error:
            why = str(error)
            continue
        systems[0] = system
        return None
    return why


def together() -> Iterator[str]:
    """Which pairs are refused, and why; before them the policies that none of the systems is one for."""
    systems = worlds()
    systems.insert(0, systems[0])  # the one that was taken last
    alone = {(kind, name): refused(by_itself(kind, name), systems) for kind in POLICIES for name in own(kind)}
    lonely = {name: why for (_, name), why in alone.items() if why is not None}
    reasons: dict[tuple[str, str], list[str]] = {}
    for first, second, choice in pairs():
        if first in lonely or second in lonely:
            continue
        why = refused(choice, systems)
        if why is not None:
            reasons.setdefault((second, re.sub(r" \(found [^)]*\)", "", why)), []).append(first)
    yield "\n| these | with | why not |\n|---|---|---|\n"
    for (second, why), firsts in reasons.items():
        yield f"| {' '.join(f'`{name}`' for name in firsts)} | `{second}` | {why} |\n"
    if lonely:
        yield "\nNot tried, since the small systems lack what they need:\n\n| policy | what it says |\n|---|---|\n"
        yield from (f"| `{name}` | {why} |\n" for name, why in lonely.items())


def by_itself(kind: str, name: str) -> dict[str, Any]:
    """A policy with what is simplest beside it."""
    return {"name": name} if kind == "scheduler" else {"ordering": "edf", kind: name}


FOUR = """
name: four
platform: {name: cores, processors: {cpu: {cores: CORES}}}
simulate: {until: 10 ms}
tasks:
  - {name: a, wcet: 1 ms, period: 10 ms}
  - {name: b, wcet: 2 ms, period: 20 ms}
  - {name: c, wcet: 3 ms, period: 30 ms}
  - {name: d, wcet: 3 ms, period: 40 ms}
"""
SETTINGS = {"one core": (1, "global"), "packed": (2, "worst-fit"), "global": (2, "global")}


def theorems(ordering: str, mode: str, cores: int, placement: str) -> list[str]:
    """Those that can prove deadlines there."""
    policy = api.policy({"ordering": ordering, "placement": placement, "preemption": mode})
    found = analyse(prepared(FOUR.replace("CORES", str(cores))).spec, policy)
    applied = (each.theorem for part in found.parts for each in part.applied if each.theorem.strength != "necessary")
    return list(dict.fromkeys(theorem.name for theorem in applied))


def proofs() -> Iterator[str]:
    """Which theorems hold under each ordering."""
    known: dict[tuple[str, str, str], list[str]] = {}
    for where, mode, name in itertools.product(SETTINGS, MODES, own("ordering")):
        found = theorems(name, mode, *SETTINGS[where])
        known.setdefault((where, mode, " ".join(f"`{each}`" for each in found) or "none"), []).append(f"`{name}`")
    rows: dict[tuple[str, str, str], list[str]] = {}
    for (where, mode, found), names in known.items():
        rows.setdefault((where, " ".join(names), found), []).append(mode)
    yield "\n| where | orderings | preemption | theorems |\n|---|---|---|---|\n"
    for (where, names, found), modes in rows.items():
        yield f"| {where} | {names} | {', '.join(modes)} | {found} |\n"


def page() -> str:
    """The whole page."""
    return "".join([HEAD, *tables(), PAIRS, *together(), PROOFS, *proofs()])


if __name__ == "__main__":
    PAGE.write_text(page())
