"""A time put into a system file: what stood there stays, comments too."""

from __future__ import annotations

import pytest

from rtsched.errors import InputError
from rtsched.model.document import parse_yaml
from rtsched.samples.into import Place, flow, put

FILE = """\
# the box
platform: rk3588   # a chip
tasks:
  - name: loop     # 200 Hz
    wcet: 2 ms     # a guess
    period: 5 ms
  - {name: flow, wcet: "1 ms", period: 20 ms}
  - name: both
    wcet:
      big: 2 ms    # fast
      little: 5 ms # slow

    period: 50 ms
  - name: pipe
    period: 30 ms
    graph:
      nodes:
        pre: {wcet: 1 ms}
        net:
          wcet: {big: 3 ms, little: 9 ms}
          origin:
            big: {kind: typical}
            # a word
      edges: [[pre, net]]
"""
ORIGIN = {"kind": "high-water", "n": 5, "file": "a: b.csv"}


def changed(place: Place, text: str = FILE) -> list[tuple[str, str]]:
    """The lines that are new, each beside the one that it replaces or follows."""
    after = put(text, "s.yaml", place, 1_234_567, ORIGIN).splitlines()
    return [line for line in after if line not in text.splitlines()]


@pytest.mark.parametrize(
    ("place", "lines"),
    [
        (
            Place("loop"),
            [
                "    wcet: 1.234567 ms     # a guess",
                '    origin: {kind: high-water, n: 5, file: "a: b.csv"}',
            ],
        ),
        (
            Place("flow"),
            ['  - {name: flow, wcet: 1.234567 ms, origin: {kind: high-water, n: 5, file: "a: b.csv"}, period: 20 ms}'],
        ),
        (
            Place("both", cluster="little"),
            [
                "      little: 1.234567 ms # slow",
                '    origin: {little: {kind: high-water, n: 5, file: "a: b.csv"}}',
            ],
        ),
        (
            Place("pipe", "pre"),
            ['        pre: {wcet: 1.234567 ms, origin: {kind: high-water, n: 5, file: "a: b.csv"}}'],
        ),
        (
            Place("pipe", "net", "little"),
            [
                "          wcet: {big: 3 ms, little: 1.234567 ms}",
                '            {big: {kind: typical}, little: {kind: high-water, n: 5, file: "a: b.csv"}}',
            ],
        ),
    ],
    ids=str,
)
def test_only_the_time_and_its_origin_change(place: Place, lines: list[str]) -> None:
    assert changed(place) == lines


def test_a_second_time_replaces_the_first() -> None:
    once = put(FILE, "s.yaml", Place("loop"), 1_000_000, {"kind": "declared"})
    assert put(once, "s.yaml", Place("loop"), 1_234_567, ORIGIN) == put(
        FILE, "s.yaml", Place("loop"), 1_234_567, ORIGIN
    )


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (Place("nobody"), "there is no task 'nobody'; it has loop, flow, both, pipe"),
        (Place("pipe"), "name a node of its graph with --node"),
        (Place("pipe", "post"), "has no node 'post'; pre, net"),
        (Place("loop", "x"), "no graph"),
        (Place("both"), "say which with --cluster"),
        (Place("both", cluster="gpu"), "has no time on 'gpu'; it has big, little"),
        (Place("loop", cluster="big"), "leave --cluster out"),
    ],
    ids=str,
)
def test_what_cannot_be_replaced_is_said(place: Place, said: str) -> None:
    with pytest.raises(InputError) as refused:
        put(FILE, "s.yaml", place, 1, ORIGIN)
    assert said in str(refused.value)


def test_what_an_anchor_shares_is_left_alone() -> None:
    text = "tasks:\n  - &a {name: x, wcet: 1 ms, period: 5 ms}\nother: *a\n"
    with pytest.raises(InputError, match="an anchor"):
        put(text, "s.yaml", Place("x"), 1, ORIGIN)


@pytest.mark.parametrize("word", ["no", "1e3", "", "a: b", "#", "\x1b[31m", "\u202ex", '"', "null", "☃", "{", "'"])
def test_every_text_comes_back(word: str) -> None:
    written = flow({"reason": word, "p": 1e-9, "margin": 1.2, "q": 0.999})
    assert parse_yaml(f"a: {written}").data["a"] == {"reason": word, "p": 1e-9, "margin": 1.2, "q": 0.999}


def test_a_single_cluster_need_not_be_named() -> None:
    text = FILE.replace("wcet: {big: 3 ms, little: 9 ms}\n          origin:", "wcet: {big: 3 ms}\n          origin:")
    lines = changed(Place("pipe", "net"), text)
    assert [line.strip() for line in lines][:1] == ["wcet: {big: 1.234567 ms}"]
    assert "big: {kind" not in "".join(lines)
