"""Writes the tables of this folder's README.md out of what was run and measured: who is how far from EDF, and where.

rtsched sweep analysis/shelf/shelf.yaml -o shelf.db
rtsched sweep analysis/shelf/shelf.yaml --set 'set={…}' -o erring.db      (as the page has it)
python analysis/shelf/measure.py measured.csv
python analysis/shelf/papers.py papers.csv
python analysis/shelf/tables.py shelf.db erring.db measured.csv papers.csv
"""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from rtsched.experiment.results import Results
from rtsched.experiment.store import Row

README = Path(__file__).parent / "README.md"
BASE = "EDF"
#: Policies that are not on the shelf, and why; all others that rtsched brings are (a test holds it).
OUT = {
    "composed": "is what every order, place and adaptation here is put into",
    "global": "is where `EDF` and all other orders run",
    "partitioned": "is another name of `first-fit`",
}
#: Who runs fewer systems than this stands in a table of its own.
FEW = 10
#: A window whose optimum is known to this part of it has regrets that count.
CLOSE = 0.05
#: value by (system, policy), the mean over its seeds
Values = dict[tuple[str, str], float]


def values(results: Results, metric: str, seeds: Container[int] | None = None) -> Values:
    """A metric of every system under every policy that runs it (under `seeds`); of several measures none."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for record in results.records():
        if seeds is not None and record["seed"] not in seeds:
            continue
        name = str(record["metric"])
        if record["task"] is None and record["value"] is not None and name.partition(".")[0] == metric:
            found.setdefault((record["system"], record["policy"]), {}).setdefault(name, []).append(record["value"])
    return {key: float(np.mean(next(iter(each.values())))) for key, each in found.items() if len(each) == 1}


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


def beside(found: Values, policy: str, systems: Sequence[str]) -> list[tuple[float, float]]:
    """A policy's values and EDF's, on the systems where both have one."""
    return [(found[s, policy], found[s, BASE]) for s in systems if (s, policy) in found and (s, BASE) in found]


def apart(pairs: Iterable[tuple[float, float]]) -> str:
    """The mean difference in points with its interval; a dash where there is nothing to compare."""
    found = [mine - theirs for mine, theirs in pairs]
    return interval(found) if found else "–"


def ratio(pairs: Iterable[tuple[float, float]]) -> str:
    """The geometric mean of the quotients."""
    found = [mine / theirs for mine, theirs in pairs if mine > 0 and theirs > 0]
    return f"{np.exp(np.mean(np.log(found))):.2f}" if found else "–"


def standings(results: Results, measured: Measured, few: bool) -> Iterator[str]:
    """A row for each policy that runs many systems, or `few`; the best rank first."""
    systems = systems_of(results)
    missed, tail = values(results, "miss_ratio"), values(results, "p95")
    placed, left, speed = ranks(missed, results.outline.policies, systems), regrets(measured), measured["a_second"]
    chosen = [policy for policy, each in placed.items() if each and (len(each) < FEW) == few]
    yield "| policy | systems | rank | misses against EDF's (points) | better, equal, worse | p95 / EDF's | "
    yield "regret (EDF's there) | decisions a second / EDF's |\n"
    yield "|---|---|---|---|---|---|---|---|\n"
    for policy in sorted(chosen, key=lambda each: (np.mean(placed[each]), each)):
        both = beside(missed, policy, systems)
        score = [sum(mine < theirs for mine, theirs in both), sum(mine == theirs for mine, theirs in both)]
        regret = [f"{100 * np.mean(each):.0f} %" for each in zip(*beside(left, policy, systems), strict=True)]
        yield (
            f"| {policy} | {len(both)} | {np.mean(placed[policy]):.2f} | {apart(both)} | "
            f"{score[0]}, {score[1]}, {len(both) - sum(score)} | {ratio(beside(tail, policy, systems))} | "
            f"{f'{regret[0]} ({regret[1]})' if regret else '–'} | {ratio(beside(speed, policy, systems))} |\n"
        )


def answers(results: Results) -> Iterator[str]:
    """A row for each policy whose answers or energies are not EDF's, the most accuracy kept first."""
    systems, rows = systems_of(results), []
    kept, right = values(results, "kept_accuracy"), values(results, "effective_accuracy")
    energy, cost = values(results, "energy"), values(results, "uxcost")
    for policy in results.outline.policies:
        each = [beside(found, policy, systems) for found in (kept, right, energy, cost)]
        if any(mine != theirs for pairs in each for mine, theirs in pairs):
            gained = float(np.mean([mine - theirs for mine, theirs in each[0]])) if each[0] else -2.0
            cells = [apart(each[0]), apart(each[1]), ratio(each[2]), ratio(each[3])]
            counts = ", ".join(str(len(pairs)) for pairs in each)
            rows.append((-gained, f"| {policy} | {' | '.join(cells)} | {counts} |\n"))
    yield "| policy | accuracy kept (points) | effective accuracy (points) | energy / EDF's | UXCost / EDF's | "
    yield "systems |\n|---|---|---|---|---|---|\n"
    yield from (row for _, row in sorted(rows))


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
    seeds = {record["seed"] for record in wrong.records()}
    base, hurt = values(true, "miss_ratio", seeds), values(wrong, "miss_ratio")
    rows = []
    for policy in wrong.outline.policies:
        apart = [hurt[key] - base[key] for key in hurt if key[1] == policy and key in base]
        if apart and any(apart):
            rows.append(
                (float(np.mean(apart)), f"| {policy} | {len(apart)} | {interval(apart)} | {100 * max(apart):+.1f} |\n")
            )
    yield "| policy | systems | misses more (points) | at worst |\n|---|---|---|---|\n"
    yield from (row for _, row in sorted(rows, reverse=True))


def refusals(results: Results) -> Iterator[str]:
    """Who refuses systems, and the reason that is given most."""
    counted: dict[str, Counter[str]] = {}
    for system, policy, why in sorted({_refusal(results, row) for row in results.failures()}):
        del system
        counted.setdefault(policy, Counter())[why] += 1
    yield "| policy | systems refused | because, mostly | systems |\n|---|---|---|---|\n"
    for policy, reasons in sorted(counted.items()):
        why, systems = reasons.most_common(1)[0]
        yield f"| {policy} | {reasons.total()} | {why} | {systems} |\n"


def _refusal(results: Results, row: Row) -> tuple[str, str, str]:
    about = results.about(row.run)
    why = row.note.removeprefix(f"{about['policy']}, seed {about['seed']}: ").split("; ")[0]
    why = re.sub(r"(task|node) '[^']*'", r"a \1", why).partition(": ")[2] or why
    why = re.sub(r"may run on .*", "may run on several processors", why)
    return about["system"], about["policy"], re.sub(r"\b\d+\b", "several", why)[:160]


def out() -> Iterator[str]:
    """Who is not on the shelf."""
    yield "| policy | why |\n|---|---|\n"
    yield from (f"| `{name}` | {why} |\n" for name, why in OUT.items())


#: by what is told: value by (system, policy)
Measured = dict[str, Values]


def regrets(measured: Measured) -> Values:
    """Those of windows whose optimum is known closely."""
    gaps = {system: gap for (system, _), gap in measured.get("gap", {}).items()}
    return {key: value for key, value in measured.get("regret", {}).items() if gaps[key[0]] <= CLOSE}


#: How the optimum begins a refusal.
UNBOUNDED = "no bound on what policies can reach is known here: "


def windows(path: str) -> Iterator[str]:
    """A row for each system: the window of its regrets, or why there is none."""
    yield "| system | window | optimum known to | left out, so that it is a bound |\n|---|---|---|---|\n"
    for row in csv.DictReader(Path(path).read_text().splitlines()):
        if row["what"] == "gap":
            length, *left = row["note"].rstrip("; ").split("; ")
            left = list(dict.fromkeys(re.sub(r"task '[^']*'", "a task", each) for each in left))
            yield f"| `{row['system']}` | {length} | {float(row['value']):.0%} | {'; '.join(left) or 'nothing'} |\n"
        elif row["what"] == "refused":
            why = row["note"].removeprefix(UNBOUNDED).partition(f" {UNBOUNDED}")[0]
            yield f"| `{row['system']}` | none | – | {why} |\n"


def claims(path: str) -> Iterator[str]:
    """A row for each published figure."""
    yield "| policy | figure | published | evidence | here | factor | system, and why it differs |\n"
    yield "|---|---|---|---|---|---|---|\n"
    for row in csv.DictReader(Path(path).read_text().splitlines()):
        yield "| " + " | ".join(row.values()) + " |\n"


def read_measured(path: str) -> Measured:
    """The table of measure.py."""
    found: Measured = {}
    for row in csv.DictReader(Path(path).read_text().splitlines()):
        found.setdefault(row["what"], {})[row["system"], row["policy"]] = float(row["value"])
    return found


def counts(results: Results) -> Iterator[str]:
    """How much this page is about."""
    yield f"{len(systems_of(results))} systems, {len(results.outline.policies)} policies, {len(list(results))} runs.\n"


def main(paths: Sequence[str]) -> None:
    """Put the tables between their marks."""
    true, wrong = (Results.open(path) for path in paths[:2])
    measured = read_measured(paths[2])
    tables = {
        "counts": counts(true), "standings": standings(true, measured, few=False),
        "few": standings(true, measured, few=True), "answers": answers(true), "systems": by_system(true),
        "claims": claims(paths[3]), "erring": erring(true, wrong), "refusals": refusals(true), "out": out(),
        "windows": windows(paths[2]),
    }  # fmt: skip
    text = README.read_text()
    for name, lines in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        assert begin in text, name
        text = text.partition(begin)[0] + begin + "\n" + "".join(lines) + "\n" + end + text.partition(end)[2]
    README.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
