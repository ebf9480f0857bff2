"""Studies on a real Dask cluster: the same rows as alone, whatever happens to its workers, and words where it is gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import rtsched
from rtsched import InputError, Scheduler
from rtsched.experiment import cluster
from rtsched.experiment.pool import GoneError
from rtsched.experiment.results import Results
from rtsched.registry import REGISTRY
from tests.experiment.test_kill import STUDY, await_

pytest.importorskip("distributed", reason="needs a Dask cluster: pip install rtsched[distributed]")

HELD = "from theirs.helper import held\nfrom rtsched import Scheduler\nclass Mine(Scheduler):\n    dispatch = lambda self: held(self)\n"


class Slow(Scheduler):
    """Never comes to an end."""

    def dispatch(self):
        """Again and again."""
        while True:
            pass


class Dask:
    """A scheduler and two workers in processes of their own, in a folder where nothing of this one's files lies."""

    def __init__(self, folder):
        self.folder, self.file = folder, folder / "scheduler.json"
        self.scheduler = self._begun("dask_scheduler", "--port", "0", "--host", "127.0.0.1")
        self.workers = [self._begun("dask_worker", "--nthreads", "2", "--no-nanny") for _ in range(2)]
        await_(self.file.exists)
        await_(lambda: self.file.read_text().endswith("}"))
        self.address = json.loads(self.file.read_text())["address"]

    def _begun(self, what, *options):
        command = [sys.executable, "-m", f"distributed.cli.{what}", "--scheduler-file", self.file, "--no-dashboard"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([*map(str, command), *options], cwd=self.folder, env=_environment(), **quiet)

    def end(self):
        for process in (self.scheduler, *self.workers):
            process.kill()
            process.wait()


def _environment():
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTEST_ADDOPTS")}


@pytest.fixture
def dask(tmp_path_factory):
    """A cluster of one's own, to kill."""
    found = Dask(tmp_path_factory.mktemp("dask"))
    yield found
    found.end()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A cluster of those who leave it as it is."""
    found = Dask(tmp_path_factory.mktemp("dask"))
    yield found
    found.end()


def rows(results):
    return [(row.run, row.status, row.note, row.values) for row in results]


def killed_soon(process):
    def kill():
        time.sleep(0.5)
        process.send_signal(signal.SIGKILL)

    threading.Thread(target=kill).start()


def test_the_same_rows_as_alone_though_a_worker_is_killed(dask):
    with cluster.executor(dask.address) as executor:
        await_(lambda: cluster.workers(executor) == 4)
        killed_soon(dask.workers[0])
        assert rows(rtsched.sweep(STUDY, executor=executor)) == rows(rtsched.sweep(STUDY, jobs=1))
        await_(lambda: cluster.workers(executor) == 2)


def test_workers_need_nothing_that_is_known_here_only(shared, tmp_path, monkeypatch):
    """Classes of files that they lack, what is registered in this process, limits of time in their threads."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "__init__.py").write_text("")
    (tmp_path / "theirs" / "helper.py").write_text("def held(policy):\n    pass\n")
    (tmp_path / "theirs" / "policy.py").write_text(HELD)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(REGISTRY, "own", {("scheduler", "slow"): Slow})
    with cluster.executor(shared.address) as executor:
        for policy, timeout, status in (("theirs.policy:Mine", "10 min", "ok"), ("slow", "1 s", "timeout")):
            found = rtsched.sweep(STUDY, executor=executor, policies={"one": policy}, sets=1, timeout=timeout)
            assert [row.status for row in found] == [status] * 2
    for name in [name for name in sys.modules if name.partition(".")[0] == "theirs"]:
        del sys.modules[name]


def test_a_scheduler_that_goes_away_is_told_and_the_rows_are_kept(dask, tmp_path):
    path = tmp_path / "s.db"
    begun = time.monotonic()
    with cluster.executor(dask.address) as executor:
        killed_soon(dask.scheduler)
        with pytest.raises(GoneError, match="has lost its workers, or its scheduler; when they are back, the same"):
            rtsched.sweep(STUDY, sets=100_000, executor=executor, database=path)
    assert time.monotonic() - begun < 40
    done = len(list(Results.open(path).store.base.execute("SELECT key FROM runs")))
    assert done % 2 == 0


def test_an_address_where_nobody_answers(monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with (
        pytest.raises(InputError, match=r"--dask tcp://127.0.0.1:9: no scheduler answers there"),
        cluster.executor("tcp://127.0.0.1:9"),
    ):
        pass


def test_jobs_have_no_effect_on_a_cluster(shared):
    with cluster.executor(shared.address) as executor, pytest.raises(InputError, match=r"'jobs' .* has no effect"):
        rtsched.sweep(STUDY, executor=executor, jobs=2)


def test_the_command(shared, tmp_path):
    Path(tmp_path / "s.yaml").write_text("generate: {tasks: 3}\nsets: 20\nuntil: 50 ms\n")
    command = [sys.executable, "-m", "rtsched.cli", "sweep", "s.yaml", "--dask", shared.address]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 point x 20 sets x 1 policy x 1 seed, in s.db" in done.stdout
