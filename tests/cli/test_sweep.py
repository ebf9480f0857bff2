"""``rtsched sweep`` as a user meets it: a bar that leaves nothing behind, an answer alone on standard output."""

from __future__ import annotations

import json
import os
import select
import struct
import sys
import threading
import time

import pytest

import rtsched
from rtsched.cli import waiting
from tests.cli.command import COMMAND, process
from tests.experiment.test_sweep import STUDY

LOUD = """
import os, rtsched

class Loud(rtsched.Scheduler):
    'Prints, as people do who look for a mistake.'

    def dispatch(self):
        print('printed')
        os.write(1, b'written\\n')
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("s.yaml").write_text(json.dumps({**STUDY, "sets": 2}))
    tmp_path.joinpath("loud.py").write_text(LOUD)
    return tmp_path


def test_what_policies_print_is_not_in_the_answer(study):
    done = process("sweep", "s.yaml", "-s", "edf,loud:Loud", "--json", "-j", 2, env={"PYTHONPATH": str(study)})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["failed"] == 0
    assert b"printed\n" in done.stderr
    assert b"written\n" in done.stderr


def test_nor_in_the_table_of_a_comparison(study):
    done = process("compare", "dhall", "-s", "edf,loud:Loud", "--seeds", 1, "-j", 1, "--csv", "-", "--until", "2 ms",
                   env={"PYTHONPATH": str(study)})  # fmt: skip
    assert done.stdout.startswith(b"policy,seed,")
    assert b"printed" not in done.stdout
    assert b"printed" in done.stderr


def test_results_of_a_sweep_in_a_thread_are_everybodys():
    found = []
    worker = threading.Thread(target=lambda: found.append(rtsched.sweep(STUDY, sets=2, jobs=2, timeout="20 s")))
    worker.start()
    worker.join()
    assert len(list(found[0])) == 8


def test_who_looks_is_told_of_the_points_before_anything_runs():
    told = []
    rtsched.sweep(STUDY, sets=1, jobs=1, look=lambda *far: told.append(far), progress=lambda *far: told.append(far))
    assert told[:2] == [(1, 2), (2, 2)]
    assert {len(each) for each in told[2:]} == {3}


def test_a_bar_has_rate_and_rest_and_is_wiped_away(study):
    """In a terminal of its own, which is interrupted: what is told stands on a line of its own."""
    pty = pytest.importorskip("pty", reason="there are such terminals on POSIX systems only")
    import fcntl
    import termios

    child, terminal = pty.fork()
    if child == 0:
        os.execvp(COMMAND[0], [*COMMAND, "sweep", "s.yaml", "--set", "sets=100000", "-j", "1"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    shown, until, stopped = b"", time.monotonic() + 90, False
    while time.monotonic() < until:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # it has ended
                break
        if not stopped and shown.count(b"runs/s]") > 2:
            os.write(terminal, b"\x03")
            stopped = True
    _, status = os.waitpid(child, 0)
    text = shown.decode()
    assert os.waitstatus_to_exitcode(status) == 130
    bars, _, rest = text.rpartition("runs/s]")
    assert "<" in bars.rpartition("[")[2]  # gone and left
    wiped, told = rest.replace("^C", "").rsplit("\r", 3)[0], rest.split("\r")[-3:]
    assert not wiped.strip()
    assert "runs are in s.db; the same command goes on from there" in told[0]
    assert "interrupted" in told[1]


def test_where_nobody_looks_there_is_no_bar(monkeypatch):
    counter = waiting.Counter(" runs")
    monkeypatch.setattr(waiting, "PATIENCE", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    counter.show(1, 2)
    assert counter.bar is None
