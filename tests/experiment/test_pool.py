"""Work in many processes: whoever dies on the way, every item has a result, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor, process
from multiprocessing.connection import Connection

import pytest

from rtsched.errors import InputError
from rtsched.experiment import pool
from rtsched.experiment.pool import Crew, GoneError, Processes, Spread


def double(item: int) -> int:
    return 2 * item


def dies(item: int) -> int:
    """Kills its worker at 7, always."""
    if item == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


class DiesOnce:
    """Kills its worker at every tenth item, the first time."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, item: int) -> int:
        path = f"{self.folder}/{item}"
        if item % 10 == 0 and not os.path.exists(path):
            open(path, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return item


def dies_at_any(items: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(dies, items))


def fails(item: int) -> int:
    if item == 7:
        raise InputError("seven")
    return item


def stumbles(item: int) -> int:
    return 1 // (item - 7)


def spread(function, items, crew=None, lost=lambda item, seconds: -item):
    crew = crew or Processes(2)
    try:
        return sorted(result for part in Spread(function, crew, lost).run(items) for result in part)
    finally:
        crew.close()


@pytest.mark.parametrize("count", [0, 1, 2, 7, 2000])
def test_every_item_has_one_result(count):
    assert spread(double, range(count)) == [2 * item for item in range(count)]


def test_any_executor_will_do_and_is_not_shut_down():
    with ThreadPoolExecutor(3) as executor:
        assert spread(double, range(100), Crew(executor, 3)) == [2 * item for item in range(100)]
        assert executor.submit(double, 4).result() == 8


def test_who_kills_every_worker_is_told_apart_and_all_others_go_on():
    assert spread(dies, range(30)) == sorted([*range(7), -7, *range(8, 30)])


def test_what_died_with_a_worker_is_done_again(tmp_path):
    assert spread(DiesOnce(str(tmp_path)), range(35)) == list(range(35))


def breaks_off(item: int) -> int:
    """Kills its worker at 7, when a part of what it found is on its way back."""
    if item == 7:

        def send(self, data, write=None):
            os.write(self._handle, bytes(data)[:5])
            os.kill(os.getpid(), signal.SIGKILL)

        Connection._send = send
    return item


def test_who_dies_in_the_middle_of_what_it_says_holds_up_nobody(monkeypatch):
    monkeypatch.setattr(pool, "LOOK", 0.1)
    assert spread(breaks_off, range(12)) == sorted([*range(7), -7, *range(8, 12)])


def test_a_part_whose_loss_nobody_tells_is_done_again(monkeypatch):
    """One that is handed out at the instant in which a process dies: the executor tells all but that one."""
    tell = process._ExecutorManagerThread.terminate_broken

    def tell_all_but_the_last(self, cause):
        self.pending_work_items.popitem()
        tell(self, cause)

    monkeypatch.setattr(process._ExecutorManagerThread, "terminate_broken", tell_all_but_the_last)
    monkeypatch.setattr(pool, "LOOK", 0.1)
    assert spread(dies, range(30)) == sorted([*range(7), -7, *range(8, 30)])


def test_an_item_that_kills_is_split_and_only_its_piece_is_lost():
    crew = Processes(2)
    work = Spread(dies_at_any, crew, lambda item, seconds: ("lost", *item), lambda item: [(each,) for each in item])
    try:
        found = [result for part in work.run([(1, 2), (6, 7, 8), (9,)]) for result in part]
    finally:
        crew.close()
    assert [each for each in found if each[0] == "lost"] == [("lost", 7)]
    assert sorted(number for each in found if each[0] != "lost" for number in each) == [1, 2, 6, 8, 9]


def test_where_no_worker_stays_alive_that_is_told(monkeypatch):
    """As where processes are not forked, and a script begins its work without a guard."""
    monkeypatch.setattr(pool, "_begin", lambda *_: os._exit(1))
    with pytest.raises(GoneError, match="end as soon as they begin; in a script, call it below `if __name__"):
        spread(double, range(30))


def test_pools_side_by_side_end_by_themselves():
    """A process that one of them forked may hold an end of the other's pipe."""
    one, other = Processes(2), Processes(2)
    assert spread(double, range(5), one) == spread(double, range(5), other)


def test_errors_of_the_work_come_back_as_they_are():
    with pytest.raises(InputError, match="seven"):
        spread(fails, range(30))
    with pytest.raises(ZeroDivisionError) as error:
        spread(stumbles, range(30))
    assert "stumbles" in error.value.__notes__[0]  # where it happened, in the other process


def test_an_executor_that_is_gone_is_told():
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(GoneError, match="takes no more work"):
        spread(double, range(3), Crew(executor, 1))


def test_what_cannot_be_sent_is_refused():
    with pytest.raises(InputError, match="define it at the top of a module, or say jobs=1"):
        spread(lambda item: item, range(3))


def test_workers_end_with_their_parent_whatever_ends_it(tmp_path):
    """Also where it is killed, and also in the middle of their work."""
    script = """
        import os, time, sys
        from rtsched.experiment.pool import Processes, Spread
        def note(item):
            open(f"{sys.argv[1]}/{os.getpid()}", "w").close()
            time.sleep(60)
        for part in Spread(note, Processes(2), None).run(range(4)):
            pass
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script), str(tmp_path)])
    _await(lambda: len(os.listdir(tmp_path)) == 2)
    parent.kill()
    parent.wait()
    _await(lambda: not any(_alive(int(name)) for name in os.listdir(tmp_path)))


def _await(condition) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def _alive(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
