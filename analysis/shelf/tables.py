"""Writes the tables of this folder's README.md out of the studies' databases: who is how far from EDF, and where.

rtsched sweep analysis/shelf/shelf.yaml -o shelf.db
rtsched sweep analysis/shelf/erring.yaml -o erring.db
python analysis/shelf/tables.py shelf.db erring.db
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from rtsched.experiment.results import Results

README = Path(__file__).parent / "README.md"
BASE = "EDF"
#: value by (system, policy), the mean over its seeds
Values = dict[tuple[str, str], float]


def values(results: Results, metric: str) -> Values:
    """A metric of every system under every policy that runs it."""
    found: dict[tuple[str, str], list[float]] = {}
    for record in results.records():
        if record["metric"] == metric and record["task"] is None and record["value"] is not None:
            found.setdefault((record["system"], record["policy"]), []).append(record["value"])
    return {key: float(np.mean(each)) for key, each in found.items()}


def systems_of(results: Results) -> list[str]:
    """The systems of a study, in its order."""
    return list(dict.fromkeys(results.axes_at(point)["system"] for point in range(len(results.outline.points))))


def interval(differences: Sequence[float]) -> str:
    """The mean with its 95 % bootstrap interval over systems, in points."""
    sample = np.asarray(differences)
    drawn = np.random.default_rng(0).choice(sample, (10_000, len(sample))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{100 * sample.mean():+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def ranks(missed: Values, policies: Sequence[str], systems: Sequence[str]) -> dict[str, list[float]]:
    """The rank of each policy among those that run a system, for each: 0 best, 1 worst, ties in the middle."""
    found: dict[str, list[float]] = {policy: [] for policy in policies}
    for system in systems:
        here = {policy: missed[system, policy] for policy in policies if (system, policy) in missed}
        for policy, value in here.items():
            others = [other for name, other in here.items() if name != policy]
            if others:
                worse = sum(other > value for other in others) + sum(other == value for other in others) / 2
                found[policy].append(1 - worse / len(others))
    return found


def standings(results: Results) -> Iterator[str]:
    """A row for each policy, the best rank first."""
    policies, systems = list(results.outline.policies), systems_of(results)
    missed, answered = values(results, "miss_ratio"), values(results, "kept_accuracy")
    cost = values(results, "uxcost")
    placed = ranks(missed, policies, systems)
    yield "| policy | systems | rank | misses against EDF's (points) | better, equal, worse | accuracy kept (points) | "
    yield "UXCost / EDF's |\n"
    yield "|---|---|---|---|---|---|---|\n"
    for policy in sorted(policies, key=lambda each: (np.mean(placed[each]) if placed[each] else 2, each)):
        both = [(missed[s, policy], missed[s, BASE]) for s in systems if (s, policy) in missed and (s, BASE) in missed]
        if not both:
            yield f"| {policy} | 0 | – | – | – | – | – |\n"
            continue
        apart = [mine - theirs for mine, theirs in both]
        score = f"{sum(d < 0 for d in apart)}, {sum(d == 0 for d in apart)}, {sum(d > 0 for d in apart)}"
        gained = [
            answered[s, policy] - answered[s, BASE]
            for s in systems
            if (s, policy) in answered and (s, BASE) in answered
        ]
        dear = [cost[s, policy] / cost[s, BASE] for s in systems if cost.get((s, policy)) and cost.get((s, BASE))]
        yield (
            f"| {policy} | {len(both)} | {np.mean(placed[policy]):.2f} | {interval(apart)} | {score} | "
            f"{interval(gained) if gained else '–'} | {f'{np.exp(np.mean(np.log(dear))):.2f}' if dear else '–'} |\n"
        )


def by_system(results: Results) -> Iterator[str]:
    """A row for each system: who misses least, and what EDF misses."""
    missed = values(results, "miss_ratio")
    yield "| system | policies | EDF misses | least | by |\n|---|---|---|---|---|\n"
    for system in systems_of(results):
        here = {policy: value for (where, policy), value in missed.items() if where == system}
        least = min(here.values())
        best = [policy for policy, value in here.items() if value == least]
        named = ", ".join(best[:6]) + (f" and {len(best) - 6} more" if len(best) > 6 else "")
        yield f"| `{system}` | {len(here)} | {here.get(BASE, float('nan')):.1%} | {least:.1%} | {named} |\n"


def erring(true: Results, wrong: Results) -> Iterator[str]:
    """A row for each policy that goes by expected times: what it misses more when they err, those hurt most first."""
    base, hurt = values(true, "miss_ratio"), values(wrong, "miss_ratio")
    rows = []
    for policy in wrong.outline.policies:
        apart = [hurt[key] - base[key] for key in hurt if key[1] == policy and key in base]
        if apart and any(apart):
            rows.append(
                (float(np.mean(apart)), f"| {policy} | {len(apart)} | {interval(apart)} | {100 * max(apart):+.1f} |\n")
            )
    yield "| policy | systems | misses more (points) | at worst |\n|---|---|---|---|\n"
    yield from (row for _, row in sorted(rows, reverse=True))


#: What papers say, and why it is otherwise here: (policy, against whom, figure, published, why).
ONE = "our definition, not the paper's; XRBench's seven have a single processor"
LAST = "DREAM drops frames early, which here keeps more of the others than variants do"
CLAIMS = (
    ("Terastal-style", "FIFO", "misses", "-41 %", ONE),
    ("Terastal-style", "EDF", "misses", "-31 %", ONE),
    ("Terastal-style", "DREAM-style", "misses", "-36 %", LAST),
    ("DREAM-style", "EDF", "UXCost", "-32 %", "there of the best baseline, here of EDF; where energies are known"),
    ("Band LSF", "Band fixed worker", "in time", "up to 3.8x", "there the best mix; XRBench's seven have one unit"),
    ("Dysta", "SJF", "misses", "-10 %", "no system here records sparsity: Dysta differs from SJF by slack alone"),
)  # fmt: skip


def claims(results: Results) -> Iterator[str]:
    """A row for each published figure that these systems can be held against."""
    missed, cost = values(results, "miss_ratio"), values(results, "uxcost")
    yield "| policy | against | figure | published | here | systems | why it differs |\n|---|---|---|---|---|---|---|\n"
    for policy, other, figure, published, why in CLAIMS:
        found = cost if figure == "UXCost" else missed
        both = [
            (found[s, policy], found[s, other])
            for s in systems_of(results)
            if (s, policy) in found and (s, other) in found
        ]
        mine, theirs = (np.array(each) for each in zip(*both, strict=True))
        if figure == "UXCost":
            kept = (mine > 0) & (theirs > 0)
            here = f"{100 * (np.exp(np.mean(np.log(mine[kept] / theirs[kept]))) - 1):+.0f} %"
        elif figure == "in time":
            most = ((1 - mine) / np.maximum(1 - theirs, 1e-9))[theirs < 1].max()
            here = f"{(1 - mine).mean() / (1 - theirs).mean():.2f}x; at most {most:.1f}x"
        else:
            here = f"{100 * (mine.sum() / theirs.sum() - 1):+.0f} %"
        yield f"| {policy} | {other} | {figure} | {published} | {here} | {len(both)} | {why} |\n"


def refusals(results: Results) -> Iterator[str]:
    """Why policies do not run systems, most frequent first."""
    counted: dict[tuple[str, str], set[str]] = {}
    for row in results.failures():
        about = results.about(row.run)
        why = row.note.removeprefix(f"{about['policy']}, seed {about['seed']}: ").split("; ")[0]
        why = re.sub(r"task '[^']*'", "a task", why)
        counted.setdefault((about["policy"], why[:160]), set()).add(about["system"])
    yield "| policy | systems | what it says |\n|---|---|---|\n"
    for (policy, why), systems in sorted(counted.items(), key=lambda each: (each[0][0], -len(each[1]))):
        yield f"| {policy} | {len(systems)} | {why} |\n"


def main(paths: Sequence[str]) -> None:
    """Put the tables between their marks."""
    true, wrong = (Results.open(path) for path in paths)
    tables = {
        "standings": standings(true), "systems": by_system(true), "claims": claims(true),
        "erring": erring(true, wrong), "refusals": refusals(true),
    }  # fmt: skip
    text = README.read_text()
    for name, lines in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        text = re.sub(
            f"(?s){begin}.*?{end}", lambda _, lines=lines, b=begin, e=end: b + "\n" + "".join(lines) + "\n" + e, text
        )
    README.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
