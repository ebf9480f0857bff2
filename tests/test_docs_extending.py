"""docs/extending.md: every example is a file that runs, says what the page says, and stays with the classes it speaks of."""

from __future__ import annotations

import doctest
import inspect
import re
import runpy
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from rtsched import api
from rtsched.cli import cli
from rtsched.engine.job import Job, Segment
from rtsched.engine.job_path import JobPath
from rtsched.engine.processor import Processor
from rtsched.engine.soc import Soc
from rtsched.engine.task_state import TaskState
from rtsched.engine.views import BELIEFS, TRUTHS
from rtsched.model.taskgraph import NodeSpec
from rtsched.registry import GROUPS, REGISTRY
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.events import EVENTS
from tests.cli.command import rtsched

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text()
#: A file (its name is in its first line), and what it prints.
FILES = re.findall(
    r"^```(?:python|yaml|text)\n(# (\w+\.(?:py|yaml|tasks))\n.*?)^```\n(?:\nIt prints\n\n```text\n(.*?)^```)?",
    PAGE,
    re.MULTILINE | re.DOTALL,
)
PRINTING = [(name, printed) for _, name, printed in FILES if name.endswith(".py")]
COMMANDS = [
    (command, printed)
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for command, printed in re.findall(r"^\$ rtsched (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder of a reader who has saved all files of the page; its modules and names are forgotten."""
    for text, name, _ in FILES:
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(REGISTRY.own)
    yield tmp_path
    REGISTRY.own.clear()
    REGISTRY.own.update(before)
    for _, name, _ in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


@pytest.mark.parametrize(("name", "printed"), PRINTING, ids=[name for name, _ in PRINTING])
def test_an_example_runs_and_prints_what_the_page_says(
    name: str, printed: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_path(str(folder / name), run_name="__main__")
    assert capsys.readouterr().out == printed != ""


@pytest.mark.parametrize(("command", "printed"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_command_says_what_the_page_says(command: str, printed: str, folder: Path) -> None:
    result = rtsched(*shlex.split(command))
    wanted = printed.replace("…", "...")
    said = result.output if result.exit_code == 0 else f"{result.exception}\n"
    assert doctest.OutputChecker().check_output(wanted, said, doctest.ELLIPSIS), said


def test_the_page_has_its_examples() -> None:
    assert len(PRINTING) >= 8
    assert len(COMMANDS) >= 8
    assert len(FILES) == PAGE.count("```python") + PAGE.count("```yaml") + PAGE.count("```text\n# ")
    assert max(lines().values()) <= 45


def lines() -> dict[str, int]:
    """The lines of the policies of the page, by file: up to the system that they are tried on."""
    parts = {name: re.split(r"^(?:SYSTEM|def system|if) ", text, flags=re.MULTILINE)[0] for text, name, _ in FILES}
    return {name: part.count("\n") for name, part in parts.items()}


def test_the_policies_are_as_short_as_the_page_says() -> None:
    said = re.findall(r"^\| `(my_\w+\.py)` \| (\d+) \|$", PAGE, re.MULTILINE)
    assert len(said) == 7
    assert {name: int(count) for name, count in said}.items() <= lines().items()


def rows(start: str, end: str) -> list[tuple[str, str]]:
    """The first two columns of the tables between two texts."""
    part = PAGE[PAGE.index(start) : PAGE.index(end)]
    found = re.findall(r"^\| (.*?) \| (.*?) \|$", part, re.MULTILINE)
    return [row for row in found if row[1] not in ("when", "what it is", "what it does")]


def signature(function: object) -> str:
    """A method as the page writes it: ``start(job, nodes)``."""
    names = list(inspect.signature(function).parameters)[1:]  # type: ignore[arg-type]
    return f"{function.__name__}({', '.join(names)})"  # type: ignore[attr-defined]


def test_every_event_of_a_scheduler_is_on_the_page() -> None:
    named = [cell.strip("`") for cell, _ in rows("| method | when |", "At each event") if cell.startswith("`")]
    assert sorted(named) == sorted(signature(getattr(Scheduler, name)) for name in ("setup", "dispatch", *EVENTS))


#: What only the engine uses of the handle.
ENGINE = {"core", "loop", "begin_run"}


def test_every_public_name_of_the_handle_is_on_the_page() -> None:
    cells = [cell for cell, _ in rows("| to read |", "### What jobs") if cell.startswith("`")]
    named = {name for cell in cells for name in cell.split("`")[1::2]}
    scheduler = api.scheduler("edf")
    api.prepare(api.load("dhall"), None).run(scheduler, 1)
    own = {
        signature(member) if callable(member := getattr(Soc, name, None)) else name
        for name in dir(scheduler.soc)
        if not name.startswith("_") and name not in ENGINE
    }
    assert named == own


VIEWS = {"job": Job, "path": JobPath, "segment": Segment, "processor": Processor, "task": TaskState}


def shown(kinds: dict[type, type], *, own: bool = False) -> set[tuple[str, str]]:
    """What views show: (word for the thing, name); with `own` only what these views have beyond those they derive from."""
    return {
        (word, name if isinstance(getattr(kinds[kind], name), property) else signature(getattr(kinds[kind], name)))
        for word, kind in VIEWS.items()
        for name in (vars(kinds[kind]) if own else dir(kinds[kind]))
        if not name.startswith("_")
    }


def listed(start: str, end: str) -> set[tuple[str, str]]:
    """The first two columns of a table of what things show."""
    part = PAGE[PAGE.index(start) : PAGE.index(end)]
    return set(re.findall(r"^\| (\w+) \| `([^`]+)` \| .+ \|$", part, re.MULTILINE))


def test_all_that_things_show_is_on_the_page() -> None:
    assert listed("### What jobs, segments", "### What a policy cannot") == shown(BELIEFS)
    assert listed("An oracle sees these", "### What is refused") == shown(TRUTHS, own=True)


def test_what_the_page_says_of_a_node_is_there() -> None:
    (names,) = re.findall(r"its node as planned: `([^`]+)`", PAGE)
    assert [name for name in names.split() if not hasattr(NodeSpec, name)] == []


def test_the_truth_that_the_page_forbids_is_there_and_is_not_offered() -> None:
    part = PAGE[PAGE.index("* Read what only the simulation knows") : PAGE.index("* Write to any")]
    forbidden = {name for text in part.split("What was recorded")[0].split("`")[1::2] for name in text.split()}
    slots = {name for each in (Job, Segment, TaskState, Processor, JobPath) for name in each.__slots__}
    assert forbidden <= slots
    assert {"end", "demand", "factor", "difficulty"} <= forbidden
    assert {name for _, name in shown(BELIEFS)} & forbidden == set()


def test_the_entry_points_of_the_page_are_those_of_the_registry() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    groups = tomllib.loads(text)["project"]["entry-points"]
    assert set(groups) == set(GROUPS.values())
    files = {name for _, name, _ in FILES}
    for points in groups.values():
        for place in points.values():
            module, _, name = place.partition(":")
            assert f"{module}.py" in files
            assert re.search(rf"^(?:class|def) {name}\(", PAGE, re.MULTILINE)


def test_every_command_of_the_page_exists() -> None:
    assert {command.split()[0] for command, _ in COMMANDS} <= set(cli.list_commands(click.Context(cli)))
