"""How many random sets each theorem accepts, all together, and how many nothing refutes: a figure per model.

    python analysis/acceptance/acceptance.py                  # everything: figures, data, the table of the page
    python analysis/acceptance/acceptance.py graphs --sets 500
    python analysis/acceptance/acceptance.py --quick          # one figure, few sets
    python analysis/acceptance/acceptance.py --draw           # figures and table from the data that are there

Every theorem of the registry is asked that applies. Each set runs a few times besides; a miss in a set that a theorem
accepts, or a theorem that accepts what an exact or a necessary test refutes, ends the script, with the set in a file.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # also where this file is loaded from elsewhere

import judge  # noqa: E402
import latencies  # noqa: E402
import picture  # noqa: E402
import tables  # noqa: E402
from judge import Known  # noqa: E402
from panels import FIGURES, Figure, Panel  # noqa: E402
from tables import Count  # noqa: E402

SEED, SETS, RUNS, JOBS = 2026, 100, 2, 2
#: Sets that one worker takes at a time.
TOGETHER = 10
Known_ = dict[str, Known]
#: A panel, the place of a load, the first set and the one after the last, runs, where to write what is unsound.
Asked = tuple[str, int, int, int, int, str]


def one_set(panel: Panel, place: int, number: int, runs: int, where: Path) -> Known_:
    """What is known of one set, by policy; SystemExit where something is unsound."""
    key = [SEED, zlib.crc32(panel.world.encode()), place, number]
    drawn = panel.draw(np.random.default_rng(np.random.SeedSequence(key)), panel.xs[place])
    found = {}
    for name, case in drawn.items():
        try:
            found[name] = judge.know(case, number, runs)
        except judge.UnsoundError as error:
            about = f"{panel.name} at {panel.xs[place]:g}, set {number}, {name or 'its policy'}"
            path = where / f"unsound_{panel.name}_{place}_{number}.json"
            judge.write(case, error, path, about)
            raise SystemExit(f"{about}: {error}; the set is in {path}") from error
    return found


def several(asked: Asked) -> tuple[str, int, list[Known_]]:
    """Some sets of one point, in a worker."""
    name, place, first, last, runs, where = asked
    panel = next(panel for figure in FIGURES for panel in figure.panels if panel.name == name)
    return name, place, [one_set(panel, place, number, runs, Path(where)) for number in range(first, last)]


def chunks(figure: Figure, sets: int, runs: int, where: Path, *, quick: bool) -> Iterator[Asked]:
    """The work of one figure, in the order in which it is counted; when quick, some points of its first panel."""
    for panel in figure.panels[:1] if quick else figure.panels:
        count = max(1, round(sets * panel.part))
        for place in range(0, len(panel.xs), 3 if quick else 1):
            for first in range(0, count, TOGETHER):
                yield panel.name, place, first, min(count, first + TOGETHER), runs, str(where)


def counted(figure: Figure, work: Sequence[Asked], jobs: int) -> list[Count]:
    """All curves of a figure."""
    known: dict[str, dict[int, list[Known_]]] = {}

    def keep(done: Iterable[tuple[str, int, list[Known_]]]) -> None:
        for name, place, sets in done:
            known.setdefault(name, {}).setdefault(place, []).extend(sets)

    if jobs == 1:
        keep(map(several, work))
    else:
        with ProcessPoolExecutor(jobs) as pool:
            keep(pool.map(several, work))
    return [row for panel in figure.panels if panel.name in known for row in tables.rows(panel, known[panel.name])]


def main(arguments: Sequence[str] | None = None) -> None:
    """Count, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [figure.name for figure in FIGURES]
    parser.add_argument("figures", nargs="*", help=f"some of {', '.join([*names, 'chains'])}; default: all")
    parser.add_argument("--sets", type=int, default=SETS, help="sets a point")
    parser.add_argument("--runs", type=int, default=RUNS, help="runs a set")
    parser.add_argument("--jobs", type=int, default=JOBS, help="processes")
    parser.add_argument("--quick", action="store_true", help="of the first panel a few points, two sets each")
    parser.add_argument("--draw", action="store_true", help="only draw what was counted")
    parser.add_argument("--out", type=Path, default=HERE, help="the folder that is written to")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.figures if name not in (*names, "chains")]
    if unknown:
        parser.error(f"there is no figure {unknown[0]!r}; there are {', '.join([*names, 'chains'])}")
    if asked.quick and asked.out == HERE:
        parser.error("--quick says little: name a folder of its own with --out")
    if min(asked.sets, asked.runs, asked.jobs) < 1:
        parser.error("--sets, --runs and --jobs are at least 1")
    wanted = asked.figures or (names[:1] if asked.quick else [*names, "chains"])
    sets, jobs = (2, 1) if asked.quick else (asked.sets, asked.jobs)
    asked.out.mkdir(parents=True, exist_ok=True)
    for figure in FIGURES:
        if figure.name not in wanted:
            continue
        data = asked.out / f"{figure.name}.csv"
        if not asked.draw:
            work = list(chunks(figure, sets, asked.runs, asked.out, quick=asked.quick))
            tables.write(data, counted(figure, work, jobs))
        picture.save(asked.out / f"{figure.name}.png", picture.draw(figure, tables.read(data)))
        print(data, flush=True)
    if "chains" in wanted:
        data = asked.out / "chains.csv"
        if not asked.draw:
            latencies.write(data, latencies.study(sets))
        picture.save(asked.out / "chains.png", picture.ratios(latencies.read(data)))
        print(data, flush=True)
    if asked.out == HERE and not asked.quick:
        tables.page(HERE)


if __name__ == "__main__":
    main()
