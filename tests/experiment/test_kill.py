"""Studies whose processes are killed at any moment: the same command goes on, and no row is lost, doubled or changed."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from multiprocessing import get_context
from pathlib import Path

import pytest

import rtsched

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds its processes in /proc")

STUDY = {
    "generate": {"tasks": 4, "platform": "multicore:2", "periods": {"kind": "uniform", "shortest": "5 ms", "longest": "20 ms"}},
    "axes": {"generate.utilisation": [0.5, 0.9]},
    "policies": {"G": "edf", "P": "edf+first-fit"},
    "sets": 100,
    "until": "100 ms",
    "per_task": True,
}  # fmt: skip


def runs(path):
    """What is in a database, in one order; it has to be whole."""
    with closing(sqlite3.connect(path)) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = base.execute("SELECT name FROM sqlite_master WHERE name = 'runs'").fetchall()
        return base.execute("SELECT * FROM runs ORDER BY key").fetchall() if tables else []


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    path = tmp_path_factory.mktemp("undisturbed") / "s.db"
    rtsched.sweep(STUDY, database=path, jobs=1)
    found = runs(path)
    assert len(found) == 2 * 2 * 100
    return found


def begun(path, **keys):
    """A process of its own that does the study."""
    process = get_context("fork").Process(target=_do, args=(path, keys))
    process.start()
    return process


def _do(path, keys):
    rtsched.sweep(STUDY, database=path, jobs=2, **keys)


def children(process):
    with suppress(FileNotFoundError):
        return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return []


def is_alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def await_(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def disturbed(path, seed):
    """Kill something now and then, begin anew where it was the parent; how often it was that."""
    draws = random.Random(seed)
    killed = 0
    for _ in range(4):
        parent = begun(path)
        for _ in range(draws.randint(1, 3)):
            time.sleep(draws.uniform(0, 0.5))
            workers = children(parent.pid)
            if not workers or draws.random() < 0.5:
                parent.kill()
                killed += parent.is_alive()
                break
            with suppress(ProcessLookupError):
                os.kill(draws.choice(workers), signal.SIGKILL)
        parent.join(60)
        assert parent.exitcode in (0, -signal.SIGKILL)
        await_(lambda: not any(map(is_alive, workers)))  # noqa: B023
    return killed


def check(path, seed, undisturbed):
    disturbed(path, seed)
    parent = begun(path)
    parent.join(100)
    assert parent.exitcode == 0
    assert runs(path) == undisturbed


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_study_goes_on_and_has_the_rows_of_an_undisturbed_one(tmp_path, seed, undisturbed):
    check(tmp_path / "s.db", seed, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 52))
def test_killed_fifty_times(tmp_path, seed, undisturbed):
    check(tmp_path / "s.db", seed, undisturbed)


@pytest.mark.parametrize("whom", ["the group", "the parent"])
def test_an_interrupted_command_says_what_is_kept(tmp_path, whom):
    """And leaves no process behind."""
    (tmp_path / "s.yaml").write_text("generate: {tasks: 4}\nsets: 100000\nuntil: 100 ms\n")
    command = [sys.executable, "-m", "rtsched.cli", "sweep", "s.yaml", "-j", "2"]
    parent = subprocess.Popen(command, cwd=tmp_path, start_new_session=True, stderr=subprocess.PIPE, text=True)
    await_(lambda: (tmp_path / "s.db").exists() and runs(tmp_path / "s.db"))
    workers = children(parent.pid)
    assert len(workers) == 2
    (os.killpg if whom == "the group" else os.kill)(parent.pid, signal.SIGINT)
    _, told = parent.communicate(timeout=60)
    assert parent.returncode == 130
    kept = len(runs(tmp_path / "s.db"))
    assert told.split("\n") == [
        f"{kept} of 100000 runs are in s.db; the same command goes on from there",
        "interrupted",
        "",
    ]
    assert not any(map(is_alive, workers))


def test_two_studies_at_once_in_one_database(tmp_path, undisturbed):
    both = [begun(tmp_path / "s.db") for _ in range(2)]
    for each in both:
        each.join(100)
    assert [each.exitcode for each in both] == [0, 0]
    assert runs(tmp_path / "s.db") == undisturbed
