"""Smaller variants for good: of one task, and of all of them together."""

from __future__ import annotations

from collections.abc import Iterator

from rtsched.model.config import plain
from rtsched.schedulability.analyse import GroupAnalysis
from rtsched.verify.actions.action import Change
from rtsched.verify.actions.file_tasks import FileTask, FileTasks
from rtsched.verify.verification import Verification


def of_task(tasks: FileTasks, task: FileTask) -> Iterator[Change]:
    """One task in each smaller variant, the largest first."""
    for level in range(1, _count(task)):
        setting = _setting(tasks, task, level)
        if setting is not None:
            yield Change(
                "variant", f"fix {task.shown} at its variant {_name(task, level)!r}", _lost([(task, level)]), (setting,)
            )


def together(_found: Verification, tasks: FileTasks, part: GroupAnalysis | None = None) -> Iterator[Change]:
    """All tasks (of a part) that have variants a step smaller, then two, ….

    A task that has none so small takes its smallest.
    """
    mine = tasks.all if part is None else tasks.of(part.view.tasks)
    with_some = [task for task in mine if _count(task) > 1]
    if len(with_some) < 2:
        return
    for level in range(1, max(map(_count, with_some))):
        chosen = [(task, min(level, _count(task) - 1)) for task in with_some]
        settings = [_setting(tasks, task, each) for task, each in chosen]
        names = ", ".join(f"{task.name} at {_name(task, each)!r}" for task, each in chosen)
        if None not in settings:
            yield Change(
                "variant", f"fix smaller variants: {names}", _lost(chosen), tuple(each for each in settings if each)
            )


def _count(task: FileTask) -> int:
    quality = task.spec.quality
    return 0 if quality is None else len(quality.variants)


def _name(task: FileTask, level: int) -> str:
    assert task.spec.quality is not None
    return task.spec.quality.variants[level].name


def _setting(tasks: FileTasks, task: FileTask, level: int) -> str | None:
    """The task with this variant only; None where the file cannot say it."""
    variants = task.model.variants
    assert variants is not None
    assert task.spec.quality is not None
    name = _name(task, level)
    if variants.family is not None:
        between = {} if variants.between == "none" else {"between": variants.between}
        return tasks.setting(task, "variants", {"family": variants.family, "values": [name], **between})
    choice = next((each for each in variants.choices if each.name == name), None)
    if choice is None:
        number = task.spec.quality.variants[level].index
        choice = variants.choices[number] if number < len(variants.choices) else None
    return None if choice is None else tasks.setting(task, "variants", {"choices": [plain(choice)]})


def _lost(chosen: list[tuple[FileTask, int]]) -> str:
    """The accuracy that goes."""
    said, unknown = [], []
    for task, level in chosen:
        quality = task.spec.quality
        assert quality is not None
        best, then = quality.variants[0].accuracy, quality.variants[level].accuracy
        if best is None or then is None:
            unknown.append(task.name)
        else:
            said.append(f"{task.name} {100 * then:.3g} % instead of {100 * best:.3g} % ({quality.measure})")
    text = f"accuracy: {'; '.join(said)}" if said else ""
    if unknown:
        text += f"{'; ' if text else ''}the accuracy of {', '.join(unknown)} is not known"
    return text
