"""Columns of text: as wide as they are displayed, and fitted into the room there is."""

from __future__ import annotations

import random

import pytest

from rtsched.columns import aligned, fitting, listed, padded, shortened, width, wrapped

ROWS = [
    ["task", "jobs", "misses", "mean", "p95", "max", "deadline", "test"],
    ["obstacle_detection_in_front_of_the_left_camera[0]", "7", "0", "12.1 ms", "22.36 ms", "22.36 ms", "33.33 ms", "np"],
    ["任务調度器的攝影機辨識模型と物体検出タスク名前", "70000", "12", "14.52 ms", "24.78 ms", "1.5243 s", "33.33 ms", "np"],
    ["é́́́", "1", "0", "1 ns", "1 ns", "1 ns", "1 ns", "–"],
]  # fmt: skip


def test_width_is_what_is_displayed() -> None:
    assert [width(text) for text in ("abc", "任务", "é", "e\u0301", "ﬁ…", "Ａ")] == [3, 4, 1, 1, 2, 2]
    assert padded("任", 4) == "任  "
    assert padded("任", 4, right=True) == "  任"


def test_the_middle_of_a_name_is_left_out() -> None:
    assert shortened("obstacle_detection[12]", 12) == "obstac…n[12]"
    assert shortened("任务調度器的攝影機", 9) == "任务…影機"
    assert shortened("short", 5) == "short"
    drawn = random.Random(1)
    for _ in range(300):
        text = "".join(drawn.choice("ab_任務\u0301é") for _ in range(drawn.randrange(30)))
        for columns in (1, 2, 5, 12):
            assert width(shortened(text, columns)) <= columns


def test_without_a_limit_everything_has_its_width() -> None:
    lines = aligned([["name", "a"], ["x" * 100, "1"]]).split("\n")
    assert lines[1] == "─" * 103
    assert wrapped("word " * 100, "note: ") == ["note: " + "word " * 100]


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_table_fits_and_keeps_its_numbers(columns: int) -> None:
    with fitting(columns):
        text = aligned(ROWS, names=(0, -1))
    assert all(width(line) <= columns for line in text.split("\n"))
    for row in ROWS:
        for cell in row[1:]:
            assert cell in text
    for block in text.split("\n\n"):
        head, rule, *rows = block.split("\n")
        assert {width(line) for line in (rule, rows[0], rows[1])} == {
            width(head)
        }  # the last column stands to the right
    assert ("obstacle_detection_in_front_of_the_left_camera[0]" in text) == (columns == 200)
    assert ("\n\n" in text) == (columns == 60)


def test_headings_are_shortened_before_a_table_is_cut_into_two() -> None:
    rows = [["u", "rm+first-fit+nonpreemptive", "edf"], ["0.5", "99.5 % [98.1, 99.9]", "1 %"]]
    with fitting(32):
        lines = aligned(rows, names=()).split("\n")
    assert lines == ["u    rm+first-…reemptive  edf", "─" * 29, "0.5  99.5 % [98.1, 99.9]  1 %"]


def test_what_cannot_fit_is_not_cut() -> None:
    with fitting(20):
        assert "123456789012345678901234567890" in aligned([["a", "b"], ["x", "123456789012345678901234567890"]])


def test_text_is_wrapped_below_itself() -> None:
    rows = [["1 ms", "任务 " * 12 + "waits"], ["12.5 ms", "runs"]]
    with fitting(40):
        lines = listed(rows, right=[0])
    assert all(width(line) <= 40 for line in lines)
    assert lines[0].startswith("   1 ms  任务 任务")
    assert lines[1].startswith(" " * 9 + "任务")
    assert lines[-1] == "12.5 ms  runs"
    assert listed([]) == []


def test_another_mark_for_consoles_without_it() -> None:
    with fitting(10, "~"):
        assert shortened("obstacle_detection", 9) == "obst~tion"
