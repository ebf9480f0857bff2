"""Kernels by what a block computes and moves: their waves by hand, in a run, in a proof, and beside other features."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtsched import analyse
from rtsched.errors import InputError
from rtsched.trace.trace import Trace
from tests.chips import MS, loaded, run

GPU = """
platform:
  name: board
  processors: {gpu: {kind: gpu, block_level: {sms: 4, threads: 1024, streams: STREAMS, waves: {lanes: 64, clock: 1 GHz, bandwidth: 8 GB/s}}}}
simulate: {until: 100 ms}
scheduler: {ordering: fp}
tasks:
"""
US = 1_000


def system(*kernels: str, streams: int = 1, more: str = "") -> str:
    listed = ", ".join(kernels)
    return GPU.replace("STREAMS", str(streams)) + f"  - {{name: net, period: 100 ms, kernels: [{listed}]{more}}}\n"


def finish(trace: Trace, job: int = 0) -> int:
    return int(trace.jobs["finish"][job])


# A multiprocessor does 64 multiply-accumulates a ns, and holds 4 blocks of 256 threads; the GPU holds 16.
COMPUTING = "{blocks: 40, threads: 256, macs: 16000000}"  # 3 waves of 4 x 250 us
MOVING = "{blocks: 40, threads: 256, macs: 16000000, bytes: 900 kB}"  # 36 MB at 8 GB/s: 4.5 ms, more than 3 ms


@pytest.mark.parametrize(
    ("kernels", "done"),
    [
        ([COMPUTING], 3 * MS),
        ([COMPUTING.replace("40", "33")], 3 * MS),  # the last wave has one block, and counts in full
        ([COMPUTING.replace("40", "32")], 2 * MS),
        ([COMPUTING.replace("256", "512")], 2500 * US),  # 2 blocks at once, half as long: 5 waves of 500 us
        ([MOVING], 4500 * US),
        ([MOVING, COMPUTING], 7500 * US),  # a path: the sum of its layers
        ([MOVING.replace("macs: 16000000, ", "")], 4500 * US),
    ],
)
def test_waves_by_hand(kernels: list[str], done: int) -> None:
    assert finish(run(system(*kernels))) == done


@given(
    blocks=st.integers(1, 200), threads=st.sampled_from([64, 128, 256, 512, 1024]), macs=st.integers(1, 10**7),
    moved=st.integers(0, 10**5),
)  # fmt: skip
@settings(max_examples=40)
def test_a_run_alone_takes_the_bound(blocks: int, threads: int, macs: int, moved: int) -> None:
    text = system(f"{{blocks: {blocks}, threads: {threads}, macs: {macs}, bytes: {moved} B}}")
    held = 1024 // threads
    waves = -(-blocks // (4 * held))
    compute, moving = waves * held * macs / 64, blocks * moved / 8
    done = finish(run(text))
    assert max(compute, moving) <= done < max(compute, moving) + 2 * waves


def test_a_proof_has_the_same_bound_and_says_that_it_rests_on_a_model() -> None:
    proof = analyse(loaded(system(MOVING, COMPUTING)))
    assert (proof.verdict, proof.basis) == ("schedulable", "modelled")
    assert [each.wcrt for each in proof.bounds] == [7500 * US]


def test_beside_another_stream_a_kernel_waits_for_room() -> None:
    # both fill the GPU: 3 and 3 waves, in turn
    text = system(COMPUTING, streams=2) + f"  - {{name: other, period: 100 ms, kernels: [{COMPUTING}]}}\n"
    trace = run(text)
    assert max(finish(trace), finish(trace, 1)) == 5 * MS  # 80 blocks in waves of 16


def test_fewer_multiprocessors_have_more_of_the_same_waves() -> None:
    text = system(COMPUTING).replace("streams: 1,", "streams: 1, masks: {net: 1},")
    assert finish(run(text)) == 5 * MS  # 8 blocks at once


def test_an_instance_has_its_part_of_the_bandwidth() -> None:
    # three sevenths: 12 of 28 multiprocessors, and four of eight parts of the memory
    text = system(MOVING).replace("sms: 4,", "sms: 28, mig: [3],")
    assert finish(run(text)) == 9 * MS


def test_the_most_accurate_path_in_time_is_taken() -> None:
    variants = ", variants: [{accuracy: 0.9}, {scale: 0.5, accuracy: 0.8}], deadline: 6 ms"
    text = system(MOVING, COMPUTING, more=variants).replace(
        "ordering: fp", "ordering: fp, adaptation: multi-path-style"
    )
    assert finish(run(text)) == 3750 * US
    assert finish(run(text.replace("deadline: 6 ms", "deadline: 8 ms"))) == 7500 * US


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (system(COMPUTING).replace(", waves: {lanes: 64, clock: 1 GHz, bandwidth: 8 GB/s}", ""), "give its 'block_level' 'waves"),
        (system(MOVING).replace(", bandwidth: 8 GB/s", ""), "needs the 'bandwidth' of the GPU's 'waves'"),
        (system("{blocks: 4, macs: 0}"), "give it 'macs' or 'bytes' of a block"),
        (system("{blocks: 4, macs: 9, time: 1 ms}"), "time"),
        (system("{blocks: 4, threads: 2048, macs: 9}"), "can never run on an SM"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        run(text)
