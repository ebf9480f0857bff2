"""A run played in a terminal: what each key does, what a screen shows, and that the terminal is then as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from rtsched import api
from rtsched.cli import as_text
from rtsched.columns import width
from rtsched.errors import InputError
from rtsched.terminal.play import Player, play, pressed
from rtsched.terminal.screen import ENTER, LEAVE, check
from rtsched.terminal.signs import PLAIN, Signs
from tests.cli.command import ended, rtsched
from tests.helpers import simulate, task

AFTER_THE_MISS = """\
buttazzo_rm_edf under RateMonotonic, preemptive              7 ms, event 4 of 19
MISSED: long[0]; over: short[1] ok; released: long[1]

   ms 0    5    10   15   20   25   30   35
      ┬────┬────┬────┬────┬────┬────┬────┬
      ↑    ↕
short ██   ██
      ↑      ×
long  ··███/·
             ▲ 7 ms

cpu: long[0] since 7 ms
not running: long[1] (deadline 14 ms)
space: next event   b: back   n: next miss   q: quit"""


@pytest.fixture
def player() -> Player:
    return Player(api.simulate("buttazzo_rm_edf", scheduler="rm"), Signs())


def test_the_first_miss_of_the_textbook_set(player: Player) -> None:
    player.go("miss")
    assert "\n".join(player.frame(80, 24)) == AFTER_THE_MISS
    player.go("miss")
    assert player.now == 7_000_000  # there is no other


def test_keys_go_forth_and_back_and_end(player: Player) -> None:
    keys = iter([" ", "\r ", "xb", "\x1b[C", "\x1b[D", "\x1b[A", "n", "b\x7f", "q "])
    seen: list[int] = []

    def show(lines: list[str]) -> None:
        seen.append(player.place)

    play(player, lambda: next(keys), show, lambda: (80, 24))
    assert seen == [0, 1, 2, 3, 2, 3, 2, 3, 2, 1]
    for last in ("", "\x04", "\x1b", "q"):
        assert list(pressed(iter([" ", last]).__next__)) == ["next"]
    for _ in range(99):
        player.go("next")
    assert player.now == player.instants[-1]
    for _ in range(99):
        player.go("back")
    assert player.now == 0


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (200, 60)])
@pytest.mark.parametrize("name", ["npu_failure", "gpu_priorities", "dhall", "priority_inversion_lock"])
def test_every_frame_fits_the_screen(name: str, size: tuple[int, int]) -> None:
    found = Player(api.simulate(name), PLAIN)
    for place in range(0, len(found.instants), max(1, len(found.instants) // 12)):
        found.place = place
        lines = found.frame(*size)
        assert len(lines) <= size[1]
        assert max(map(width, lines)) <= size[0]
        assert lines[-1].startswith("space: next event")


def test_what_comes_later_is_not_seen_yet() -> None:
    found = Player(simulate([task(0, 2, 5), task(1, 4, 7)], until=35), Signs())
    seen = []
    while not seen or found.place != seen[-1]:
        seen.append(found.place)
        drawn = [line[3:] for line in found.frame(80, 24)[5:9]]
        assert all(len(line) <= found.now + 1 for line in drawn)
        found.go("next")
    assert drawn[1].startswith("██   ██")


def test_a_run_without_jobs_can_be_watched() -> None:
    found = Player(simulate([task(0, 1, None, deadline=5, release=50)], until=10), Signs())
    for way in ("next", "miss", "back"):
        found.go(way)
        assert found.frame(80, 24)[0].endswith("0 ns, event 1 of 1")


# ---- the terminal ----------------------------------------------------------------------------------------------------


def test_where_there_is_no_terminal_it_says_what_to_do_instead() -> None:
    result = ended("run", "buttazzo_rm_edf", "--watch")
    assert result.exit_code == 2
    assert "--watch plays in a terminal, and there is none; write --text-gantt to print" in result.output


@pytest.mark.parametrize("option", ["--watch", "--text-gantt"])
def test_what_does_not_go_together_is_refused(option: str) -> None:
    assert f"leave it out, or {option}" in ended("run", "buttazzo_rm_edf", option, "--json").output
    assert f"leave it out, or {option}" in ended("run", "buttazzo_rm_edf", option, "--no-trace").output


def test_windows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtsched.terminal.screen.os.name", "nt")
    with pytest.raises(InputError, match="not on Windows; write --text-gantt"):
        check()


def test_the_schedule_is_printed_below_the_figures() -> None:
    text = rtsched("run", "buttazzo_rm_edf", "--scheduler", "rm", "--text-gantt").output
    assert text.index("long misses 20 %") < text.index("long  ··███/·▒██/·███")
    part = rtsched("run", "buttazzo_rm_edf", "--text-gantt", "--from", "10 ms", "--to", "20 ms").output
    assert "   ms 10   15   20\n" in part


termios = pytest.importorskip("termios", reason="a terminal of POSIX")
#: The last that a test writes to a terminal.
END = "[end]"


class Terminal:
    """The other end of a terminal that is this process's standard input and output; somebody reads what is written."""

    def __init__(self, keys: bytes = b"") -> None:
        self._keys = keys  # pressed when the first frame is there: what was typed before is forgotten
        self.main, self._end = os.openpty()
        self._heard: list[bytes] = []
        self._reader = Thread(target=self._read, daemon=True)

    @contextmanager
    def attached(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        self._reader.start()
        with (
            os.fdopen(os.dup(self._end), "r", encoding="utf-8") as keys,
            os.fdopen(os.dup(self._end), "w", encoding="utf-8") as out,
            monkeypatch.context() as patch,
        ):
            patch.setattr("sys.stdin", keys)
            patch.setattr("sys.stdout", out)
            patch.setenv("TERM", "xterm")
            yield
            out.write(END)
            out.flush()
            self._reader.join(30)
        os.close(self.main)
        os.close(self._end)

    def _read(self) -> None:
        while not self._heard or END.encode() not in b"".join(self._heard[-2:]):
            self._heard.append(os.read(self.main, 1 << 16))
            if self._keys and b"event 1 of" in b"".join(self._heard):
                os.write(self.main, self._keys)
                self._keys = b""

    @property
    def text(self) -> str:
        """What was written, to the end."""
        return b"".join(self._heard).decode().removesuffix(END)


def modes(terminal: Terminal) -> list[object]:
    found: list[object] = termios.tcgetattr(terminal.main)
    return found


def test_a_run_is_played_and_the_terminal_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = api.simulate("buttazzo_rm_edf", scheduler="rm")
    other = Terminal(b" nq")
    with other.attached(monkeypatch):
        check()
        before = modes(other)
        as_text.watch_it(trace)
        after = modes(other)
    text = other.text
    assert text.index(ENTER) < text.index("event 1 of 19") < text.index("MISSED: long[0]") < text.index(LEAVE)
    assert text.endswith(LEAVE)
    assert after == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_so_it_is_after_an_interruption_and_a_crash(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = api.simulate("buttazzo_rm_edf")
    other = Terminal()
    with other.attached(monkeypatch):
        before = modes(other)

        def frame(*_: object) -> list[str]:
            assert modes(other) != before
            raise error

        monkeypatch.setattr(Player, "frame", frame)
        with pytest.raises(error):
            as_text.watch_it(trace)
        after = modes(other)
    assert other.text.endswith(LEAVE)
    assert after == before


def test_hostile_names_send_nothing_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a\x1b[31mred\n\u202e\x07"
    system = {"platform": "uniprocessor", "tasks": [{"name": name, "wcet": "1 ms", "period": "2 ms"}], "name": name}
    trace = api.simulate(system, until="6 ms")
    other = Terminal(b"  q")
    with other.attached(monkeypatch):
        as_text.watch_it(trace)
    text = other.text
    assert "\x1b[31m" not in text
    assert not set(text) & {"\x07", "\u202e"}
    assert r"a\x1b[31mred" in text
