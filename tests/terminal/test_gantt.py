"""The schedule as text: each column is a tick, exact where it says so, and as wide as there is room."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from rtsched import api
from rtsched.columns import width
from rtsched.errors import InputError
from rtsched.page.contents import over
from rtsched.terminal.gantt import Picture, text_gantt
from rtsched.terminal.signs import PLAIN, Signs, signs_for
from tests.cli.command import rtsched
from tests.helpers import cpus, edf, simulate, task

RATES = """\
   ms 0    5    10   15   20   25   30   35
      ┬────┬────┬────┬────┬────┬────┬────┬
      ↑    ↕    ↕    ↕    ↕    ↕    ↕    ↓
short ██   ██   ██   ██   ██   ██   ██
      ↑      ×      ↕      ↕      ↕      ↓
long  ··███/·▒██/·███/·███ ·███/·███/·██

One column is 1 ms.
█ runs   ▒ runs after its deadline   · released, not running   / preempted
↑ release   ↓ deadline   ↕ deadline and release   × deadline missed"""


def test_the_textbook_set() -> None:
    assert text_gantt(api.simulate("buttazzo_rm_edf", scheduler="rm")) == RATES


def test_on_a_stream_of_a_gpu_what_waits_for_room_does_not_run() -> None:
    lines = text_gantt(api.simulate("gpu_head_of_line"), 100).split("\n")
    assert lines[3] == "a first  ██████████████████████████████·█████████████"
    assert lines[8:11] == ["gpu.0    " + "a" * 44, "gpu.1      " + "b" * 18, "gpu.2        " + "c" * 27]


def test_in_ascii_it_has_the_same_shape() -> None:
    plain = text_gantt(api.simulate("buttazzo_rm_edf", scheduler="rm"), signs=PLAIN)
    assert plain.isascii()
    assert plain.split("\n")[3:6] == [
        "short ##   ##   ##   ##   ##   ##   ##",
        "      ^      X      |      |      |      v",
        "long  ..###/.%##/.###/.### .###/.###/.##",
    ]


def test_the_signs_that_a_console_has() -> None:
    assert [signs_for(name) for name in ("utf-8", None)] == [Signs(), Signs()]
    assert [signs_for(name) for name in ("ascii", "cp1252", "latin-1", "nonsense")] == [PLAIN] * 4
    for signs in (Signs(), PLAIN):
        assert all(width(sign) == 1 for sign in vars(signs).values())
        told = list(vars(signs).values())
        assert len({*told}) == len(told)


def test_several_processors_have_rows_with_the_letters_of_tasks() -> None:
    tasks = [task(0, (2, 2), 4), task(1, (3, 3), 6), task(2, (5, 5), 12)]
    lines = text_gantt(simulate(tasks, edf(), processors=cpus(2), until=12)).split("\n")
    assert lines[:10] == [
        "  ns 0    5    10",
        "     ┬────┬────┬──",
        "     ↑   ↕   ↕   ↓",
        "a a  ██  ██  ██",
        "     ↑     ↕     ↓",
        "b b  ███   ███",
        "     ↑           ↓",
        "c c  ··█████",
        "cpu0 aaccccc aa",
        "cpu1 bbb aabbb",
    ]


def test_every_column_of_an_exact_picture_is_what_happened() -> None:
    drawn = random.Random(3)
    for _ in range(25):
        count = drawn.randint(1, 2)
        tasks = [task(place, (drawn.randint(1, 4),) * count, drawn.choice((5, 6, 8, 10))) for place in range(3)]
        trace = simulate(tasks, edf() if drawn.random() < 0.5 else None, processors=cpus(count), until=40)
        picture = Picture(trace, Signs())
        scale = picture.scale(0, picture.end, 120)
        assert scale.exact
        lines = picture.lines(scale)[2:]
        done = over(trace)
        for number in range(3):
            bar = lines[2 * number + 1][picture.gutter :].ljust(scale.count)
            marks = lines[2 * number][picture.gutter :].ljust(scale.count + 1)
            mine = trace.jobs["task"] == number
            for place in range(scale.count):
                begin = place * scale.tick
                rows = trace.slices[(trace.slices["start"] <= begin) & (trace.slices["end"] > begin)]
                runs = any(mine[job] for job in rows["job"])
                there = (mine & (trace.jobs["release"] <= begin) & ((done > begin) | (done < 0))).any()
                assert (bar[place] in "█▒") == runs
                assert (bar[place] in "·/") == (bool(there) and not runs)
            missed = trace.jobs["deadline"][mine & (trace.jobs["outcome"] == 1)]
            assert {place for place, mark in enumerate(marks) if mark == "×"} == {
                int(time) // scale.tick for time in missed
            }


def test_where_it_does_not_fit_columns_are_rounded_and_no_miss_is_lost() -> None:
    trace = simulate([task(0, 3, 5), task(1, 3, 7), task(2, 1, 1000)], until=1000)
    text = text_gantt(trace, 60, start=0, end=1000)
    assert "One column is 20 ns, rounded" in text
    missed = trace.jobs[(trace.jobs["outcome"] == 1) & (trace.jobs["task"] == 1)]["deadline"]
    line = text.split("\n")[4]
    assert {place - 3 for place, mark in enumerate(line) if mark == "×"} == {int(time) // 20 for time in missed}


def test_of_a_long_run_the_first_miss_is_shown() -> None:
    tasks = [task(0, 1, 2), task(1, 2, 10), task(2, 1, None, deadline=1, release=3000)]
    trace = simulate(tasks, until=4000)
    text = text_gantt(trace, 80)
    assert "×" in text
    assert text.endswith("The first miss of a run of 4 us; --from and --to show other parts.")
    assert "One column is 1 ns." in text
    calm = text_gantt(simulate(tasks[:2], until=4000), 80)
    assert calm.endswith("The beginning of a run of 4 us; --from and --to show other parts.")


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_it_fits_the_columns(columns: int) -> None:
    for name in ("dhall", "npu_failure", "gpu_priorities", "priority_inversion_lock", "drone_exits"):
        text = text_gantt(api.simulate(name, until=None if name != "drone_exits" else "200 ms"), columns)
        note = text.split("\n")[-1].startswith("The ")
        lines = text.split("\n")[: -1 if note else None]
        assert max(map(width, [line for line in lines if not line.startswith("One column")])) <= columns


def test_names_are_shown_and_nothing_of_them_runs() -> None:
    names = ("\x1b[31mred\n\u202e", "任务調度器的攝影機辨識模型", "x" * 150)
    trace = simulate([replace(task(number, 1, 9), name=name) for number, name in enumerate(names)], until=9)
    lines = text_gantt(trace, 60).split("\n")
    assert all(line.isprintable() and width(line) <= 60 for line in lines)
    starts = [width(line[: line.index("█")]) for line in lines[2:8] if "█" in line]
    assert starts == [21, 22, 23]


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(InputError, match="kept no trace"):
        text_gantt(api.simulate("buttazzo_rm_edf", trace=False))
    with pytest.raises(InputError, match="before it begins"):
        text_gantt(api.simulate("buttazzo_rm_edf"), start=10, end=5)


def test_aborted_jobs_end_where_they_were_given_up() -> None:
    lines = text_gantt(simulate([task(0, 3, 5), task(1, 3, 7, on_miss="abort")], until=35)).split("\n")
    assert lines[4:6] == ["   ↑      ×      ↕      ↕      ×      ↓", "b  ···██/··██/··██/··██ ··██/··██/··█"]


def test_the_example_of_the_page_is_what_is_printed() -> None:
    text = (Path(__file__).parents[2] / "docs" / "command_line.md").read_text(encoding="utf-8")
    example = text[text.index("```console\n$ rtsched run") :].split("```")[1].split("\n", 2)
    assert example[1] == "$ rtsched run buttazzo_rm_edf --text-gantt"
    assert rtsched("run", "buttazzo_rm_edf", "--text-gantt").output == example[2]
