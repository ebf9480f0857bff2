"""Examples of textbooks on the board, with what a teacher writes beside them."""

from __future__ import annotations

from rtsched.schedulability.analyse import Applied
from rtsched.schedulability.models import Cluster, Sporadic, Uniprocessor
from rtsched.schedulability.steps.numbers import Scale
from rtsched.schedulability.steps.steps import board, working
from rtsched.schedulability.theorem import theorems
from tests.schedulability.test_analyse import analysed, flow

TICKS = Scale("ns", 1)


def written(test: str, model: object) -> list[str]:
    """The lines of one test about a model, in ticks."""
    theorem = theorems()[test]
    return [line.text for line in working(Applied(theorem, model, theorem(model)), TICKS).lines]


def test_response_times_of_buttazzo() -> None:
    # Buttazzo, Hard Real-Time Computing Systems, chapter 4: C 1 1 2 1, T 4 5 6 11, D 3 4 5 10
    tasks = [Sporadic(str(i), *each) for i, each in enumerate([(1, 4, 3), (1, 5, 4), (2, 6, 5), (1, 11, 10)], 1)]
    # 1 + 1 + 1 + 2 = 5; at 5: 2, 1, 1 jobs -> 1 + 2 + 1 + 2 = 6; at 6: 2, 2, 1 -> 7; at 7: 2, 2, 2 -> 9;
    # at 9: 3, 2, 2 -> 10; at 10: 3, 2, 2 -> 10
    assert written("fp-rta", Uniprocessor(tuple(tasks))) == [
        "1: 1 → 1 ≤ 3",
        "2: 1 → 2 → 2 ≤ 4",
        "   2 = 1 + ⌈2/4⌉·1",
        "3: 2 → 4 → 4 ≤ 5",
        "   4 = 2 + ⌈4/4⌉·1 + ⌈4/5⌉·1",
        "4: 1 → 5 → 6 → 7 → 9 → 10 → 10 ≤ 10",
        "   10 = 1 + ⌈10/4⌉·1 + ⌈10/5⌉·1 + ⌈10/6⌉·2",
    ]


def test_a_second_job_that_is_the_worst() -> None:
    # Lehoczky 1990: C 26, 62; T 70, 100; D of the second 120: its jobs take 114, 102, 116, 104, 118, 106, 94
    tasks = Sporadic("1", 26, 70, 70), Sporadic("2", 62, 100, 120)
    lines = written("fp-rta", Uniprocessor(tasks))
    # 5 * 62 + 8 * 26 = 518, the end of the fifth, which came at 400
    assert lines[2:] == [
        "2, job 1 of 7: 62 → 88 → 114 → 114 ≤ 120",
        "2, job 5 of 7: w = 404 → 466 → 492 → 518 → 518; R = 518 − 400 = 118 ≤ 120, the worst",
        "   518 = 5·62 + ⌈518/70⌉·26",
    ]


def test_liu_layland_and_the_hyperbolic_bound() -> None:
    # 1/2 + 1/3 = 0.8333 > 0.8284 = 2 (2^(1/2) - 1), and 3/2 * 4/3 = 2 <= 2: Bini, Buttazzo, Buttazzo 2003
    model = Uniprocessor((Sporadic("a", 1, 2, 2), Sporadic("b", 1, 3, 3)))
    assert written("liu-layland", model) == [
        "U = 1/2 + 1/3 = 5/6 ≈ 0.8333 > 0.8284 = 2·(2^(1/2) − 1)",
        "exactly: (U/2 + 1)^2 = 2.0069 > 2",  # (1 + 5/12)^2 = 289/144
    ]
    assert written("hyperbolic", model) == ["Π (U + 1) = (1/2 + 1) · (1/3 + 1) = 2 ≤ 2"]
    assert written("overload", model) == ["U = 1/2 + 1/3 = 5/6 ≈ 0.8333 ≤ 1"]


def test_a_load_beside_its_bound_is_told_apart() -> None:
    # 0.828427125 beside 2 (2^(1/2) - 1) = 0.8284271247...
    model = Uniprocessor((Sporadic("b", 414_213_563, 10**9, 10**9), Sporadic("a", 828_427_124, 2 * 10**9, 2 * 10**9)))
    first, second = written("liu-layland", model)
    assert first.endswith("0.82842713 > 0.82842712 = 2·(2^(1/2) − 1)")
    assert second == "exactly: (U/2 + 1)^2 = 2.0000000004 > 2"


def test_processor_demand_of_baruah() -> None:
    # Baruah, Rosier, Howell's criterion on Buttazzo's example: C 2 2 3, T 6 8 9, D 4 5 7
    tasks = Sporadic("1", 2, 6, 4), Sporadic("2", 2, 8, 5), Sporadic("3", 3, 9, 7)
    # the busy period: 7 -> 2*2+2+3 = 9 -> 2*2+2*2+3 = 11 -> 2*2+2*2+2*3 = 14 -> 3*2+2*2+2*3 = 16 -> 16
    assert written("edf-qpa", Uniprocessor(tasks, "EDF")) == [
        "U = 2/6 + 2/8 + 3/9 = 11/12 ≈ 0.9167 ≤ 1",
        "the busy period ends: L = 7 → 9 → 11 → 14 → 16 → 16; no deadline after it counts",
        "t = 4: 2 ≤ 4",
        "t = 5: 2 + 2 = 4 ≤ 5",
        "t = 7: 2 + 2 + 3 = 7 ≤ 7",
        "t = 10: 2·2 + 2 + 3 = 9 ≤ 10",
        "t = 13: 2·2 + 2·2 + 3 = 11 ≤ 13",
        "t = 16: 3·2 + 2·2 + 2·3 = 16 ≤ 16",
        "at no deadline is more due than there is time for",
        # dbf(16) = 16; the deadline before 16 is 13 with 11; dbf(11) = 9, dbf(9) = 7, dbf(7) = 7, then 5 with 4, then 4
        "QPA looks, from the last deadline down, only at t = 16 (demand 16) → 13 (demand 11) → 11 (demand 9) → "
        "9 (demand 7) → 7 (demand 7) → 5 (demand 4)",
    ]


def test_the_first_crossing() -> None:
    tasks = Sporadic("a", 1, 4, 3), Sporadic("b", 2, 6, 4), Sporadic("c", 3, 10, 5)
    lines = written("edf-qpa", Uniprocessor(tasks, "EDF"))
    assert lines[2:6] == [
        "t = 3: 1 ≤ 3",
        "t = 4: 1 + 2 = 3 ≤ 4",
        "t = 5: 1 + 2 + 3 = 6 > 5",
        "the first crossing is at t = 5",
    ]


def test_a_can_message_behind_another() -> None:
    # Davis, Burns, Bril, Lukkien 2007, section 3: the second instance of the third message is the late one
    tasks = Sporadic("A", 100, 250, 250), Sporadic("B", 100, 350, 325), Sporadic("C", 100, 350, 325)
    lines = written("np-fp-rta", Uniprocessor(tasks, mode="nonpreemptive"))
    assert lines[0] == "A: s = 99 → 99; R = 99 + 100 = 199 ≤ 250"
    # 200 + (floor(600/250) + 1) 100 + (floor(600/350) + 1) 100 - 100 = 100 + 300 + 200 = 600
    assert "C, job 2 of 2: s = 200 → 300 → 400 → 500 → 600 → 600; R = 600 + 100 − 350 = 350 > 325, the worst" in lines
    assert lines[-1] == "   600 = 2·100 − 100 + (⌊600/250⌋ + 1)·100 + (⌊600/350⌋ + 1)·100"


def test_gfb_of_goossens_funk_baruah() -> None:
    # 4 tasks of 1/3 on two processors: 4/3 <= 2 - 1 * 1/3 = 5/3
    thirds = tuple(Sporadic(str(i), 1, 3, 3) for i in range(4))
    assert written("gfb", Cluster(thirds, 2, "EDF")) == [
        "Σ δ = 1/3 + 1/3 + 1/3 + 1/3 = 4/3 ≈ 1.3333 ≤ 1.6667 = 2 − 1 · 0.3333 (max δ, 0)"
    ]


#: Sections of four tasks in three resources, in ms, most urgent first (0: it has none).
TABLE = {"t1": (1, 2, 0), "t2": (0, 9, 3), "t3": (8, 7, 0), "t4": (6, 5, 4)}


def table(protocol: str) -> list[str]:
    """How the blocking terms of the table come about under a protocol."""
    rows = []
    for number, (task, lengths) in enumerate(TABLE.items()):
        at, sections = 0, []
        for resource, length in zip("ABC", lengths, strict=True):
            if length:
                sections.append(f"{{resource: {resource}, start: {at} ms, length: {length} ms}}")
                at += length
        rows.append(
            f"name: {task}, wcet: {at} ms, period: {100 + number} ms, priority: {number}, sections: [{', '.join(sections)}]"
        )
    resources = ", ".join(f"{each}: {{protocol: {protocol}}}" for each in "ABC")
    analysis = analysed(flow(*rows, more=f"resources: {{{resources}}}"))
    found = board(analysis.parts[0], analysis)
    return [line.text for line in found.given if line.kind == "blocking"]


def test_blocking_of_sha_rajkumar_lehoczky() -> None:
    # ceilings: A t1, B t1, C t2. t1 is blocked through A and B alone: by task 9 (t2 in B) + 8 + 6 = 23, by resource
    # max(8, 6) + max(9, 7, 5) = 17. t2 through all three: by task 8 + 6 = 14, by resource 8 + 7 + 4 = 19. t3: 6 or 15.
    assert table("inheritance") == [
        "B(t1) = 17: the longest of each resource, summed, of 9 (t2 in B), 8 (t3 in A), 7 (t3 in B), 6 (t4 in A), "
        "5 (t4 in B)",
        "B(t2) = 14: the longest of each task, summed, of 8 (t3 in A), 7 (t3 in B), 6 (t4 in A), 5 (t4 in B), "
        "4 (t4 in C)",
        "B(t3) = 6: the longest of each task, summed, of 6 (t4 in A), 5 (t4 in B), 4 (t4 in C)",
    ]
    assert [text.split(" of ")[0] for text in table("ceiling")] == [
        "B(t1) = 9: the longest section",
        "B(t2) = 8: the longest section",
        "B(t3) = 6: the longest section",
    ]
