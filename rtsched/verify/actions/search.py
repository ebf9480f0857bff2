"""The search for actions: gentle changes first, each tried on the file, and pairs where none alone does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from rtsched.model.taskgraph import weakest
from rtsched.schedulability.analyse import GroupAnalysis
from rtsched.verify.actions import durations, orders, pieces, places, smaller
from rtsched.verify.actions.action import KINDS, Action, Actions, Change
from rtsched.verify.actions.file_tasks import FileTasks
from rtsched.verify.actions.trials import Trial, Trials
from rtsched.verify.verification import Verification

#: So many actions of one kind are told for a part, and so many tasks of a part are moved or shrunk, the latest first.
MOST_OF_A_KIND, MOST_TASKS = 2, 8
#: So many of the changes that help, but not enough, are tried two by two; for them so many tries are kept.
MOST_PAIRED, KEPT = 8, 30


@dataclass(frozen=True)
class _Tried:
    """A change, and what an analysis said of it."""

    change: Change
    trial: Trial


def actions(found: Verification, most: int | None = None) -> Actions:
    """For what is not proven of a verified system the changes that make it so, the gentlest first.

    At most `most` changes are tried (None: by the size of the system); the answer does not depend on any clock.
    """
    if found.verdict == "schedulable":
        return Actions()
    key = f"actions:{most}"
    if key not in found.margin_cache:
        found.margin_cache[key] = _Search(found, most).actions()
    made: Actions = found.margin_cache[key]
    return made


class _Search:
    """One search: what was tried, and what came of it."""

    def __init__(self, found: Verification, most: int | None) -> None:
        self.found = found
        self.tasks = FileTasks(found)
        self.trials = Trials(found, most)
        self.base = self.trials.base
        self.parts = [
            (part, frozenset(found.system.tasks[place].name for place in part.view.tasks))
            for part in found.analysis.parts
            if found.part_verdict(part) != "schedulable"
        ]
        self.made: list[Action] = []
        self.partial: list[_Tried] = []

    def actions(self) -> Actions:
        """Singles, then pairs for what no single change solves, then the first of each part together."""
        for changes in self._ladders():
            self._climb(changes)
        self._pairs()
        self._together()
        rank = {kind: place for place, kind in enumerate(KINDS)}
        self.made.sort(key=lambda each: ("+" in each.kind, max(rank[kind] for kind in each.kind.split("+"))))
        return Actions(tuple(self.made), self.trials.tried, self.trials.most)

    def _ladders(self) -> Iterator[Iterable[Change]]:
        """Changes of one sort, each time from the gentlest on: the first that suffices ends them."""
        found, tasks = self.found, self.tasks
        anywhere = places.free(found)
        for part, _ in self.parts:
            yield orders.priorities(found, tasks, part)
        yield orders.policies(found, tasks)
        for part, _ in self.parts:
            for task in tasks.of(self._latest(part)):
                yield places.processors(found, tasks, task, anywhere)
        yield places.pins(found, tasks, anywhere)
        yield places.clocks(found)
        for part, _ in self.parts:
            yield pieces.splits(found, tasks, part)
        for part, _ in self.parts:
            for task in tasks.of(self._latest(part)):
                yield smaller.of_task(tasks, task)
            if not any(part.view.name in each.part.split(" and ") or each.part == "system" for each in self.made):
                yield smaller.together(found, tasks, part)
        if len(self.parts) > 1 and not any(each.part == "system" for each in self.made):
            yield smaller.together(found, tasks)
        yield places.boards(found)
        shrink: tuple[Callable[[Verification, FileTasks, GroupAnalysis], Iterator[Change]], ...]
        shrink = (durations.shorter, durations.rarer, durations.faster)
        for change in shrink:
            for part, _ in self.parts:
                yield change(found, tasks, part)

    def _latest(self, part: GroupAnalysis) -> list[int]:
        """The tasks of a part that are worth moving: those that take most of it."""
        specs = self.found.system.tasks
        load = {
            place: specs[place].volume / (specs[place].period or specs[place].deadline) for place in part.view.tasks
        }
        return sorted(part.view.tasks, key=lambda place: (-load[place], place))[:MOST_TASKS]

    def _climb(self, changes: Iterable[Change]) -> None:
        """Try changes until one suffices; of the others the best is kept for pairs."""
        best: _Tried | None = None
        for change in changes:
            if self.trials.spent(min(KEPT, self.trials.most // 4)):
                break
            trial = self.trials.trial(change.settings)
            if trial is None:
                continue
            if self._take(change, trial):
                return
            tried = _Tried(change, trial)
            if self._helps(trial) and (best is None or self._rank(tried) < self._rank(best)):
                best = tried
        if best is not None:
            self.partial.append(best)

    def _take(self, change: Change, trial: Trial) -> bool:
        """Whether a change makes the whole system provable, or a part of it and loses nothing; then it is kept."""
        solved = [part for part, names in self.parts if names <= trial.proven]
        if trial.verdict == "schedulable":
            where = "system"
        elif solved and self.base.proven <= trial.proven:
            where = " and ".join(part.view.name for part in solved)
        else:
            return False
        if sum(each.part == where and each.kind == change.kind for each in self.made) < MOST_OF_A_KIND:
            basis = weakest([trial.basis, *(["modelled"] if change.carried else [])])  # type: ignore[list-item]
            gained = tuple(sorted(trial.proven - self.base.proven))
            self.made.append(
                Action(where, change.kind, change.text, change.cost, change.settings, trial.verdict, basis, gained)
            )
        return True

    def _helps(self, trial: Trial) -> bool:
        """Whether something is better than before, and nothing that was proven is lost."""
        if not self.base.proven <= trial.proven:
            return False
        better = trial.lateness < self.base.lateness or trial.load < self.base.load
        return self.base.proven < trial.proven or better

    def _rank(self, tried: _Tried) -> tuple[int, float, float]:
        trial = tried.trial
        return -len(trial.proven), trial.lateness, trial.load

    def _solved(self) -> set[str]:
        """The parts for which there is an action."""
        names = {name for each in self.made for name in each.part.split(" and ")}
        return {part.view.name for part, _ in self.parts} if "system" in names else names

    def _pairs(self) -> None:
        """Two changes at once, for parts that none alone makes provable."""
        if all(part.view.name in self._solved() for part, _ in self.parts):
            return
        best = sorted(self.partial, key=self._rank)[:MOST_PAIRED]
        kept = [each for each in self.partial if each in best]  # the gentlest first again
        found = 0
        for first, second in sorted(combinations(kept, 2), key=lambda pair: kept.index(pair[0]) + kept.index(pair[1])):
            both = combined(first.change, second.change)
            trial = None if both is None else self.trials.trial(both.settings)
            if both is not None and trial is not None and self._take(both, trial):
                found += 1
            if found == MOST_OF_A_KIND or self.trials.spent():
                return

    def _together(self) -> None:
        """The first action of each part, where it takes several to make the whole system provable."""
        if len(self.parts) < 2 or any(each.part == "system" for each in self.made):
            return
        first: Change | None = None
        for part, _ in self.parts:
            mine = next((each for each in self.made if part.view.name in each.part.split(" and ")), None)
            if mine is None:
                return
            change = Change(mine.kind, mine.text, mine.cost, mine.settings)
            first = change if first is None else combined(first, change) or first
        trial = None if first is None else self.trials.trial(first.settings)
        if first is not None and trial is not None and trial.verdict == "schedulable":
            self._take(first, trial)


def combined(first: Change, second: Change) -> Change | None:
    """Both changes at once; None where they set the same, or it is the same one."""
    paths = {each.partition("=")[0] for each in first.settings}
    more = {each.partition("=")[0] for each in second.settings}
    if any(
        one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.") for one in paths for other in more
    ):
        return None
    kinds = dict.fromkeys([*first.kind.split("+"), *second.kind.split("+")])
    return Change(
        "+".join(kinds),
        f"{first.text}, and {second.text}",
        first.cost if first.cost == second.cost else f"{first.cost}; {second.cost}",
        (*first.settings, *second.settings),
        (*first.carried, *second.carried),
    )
