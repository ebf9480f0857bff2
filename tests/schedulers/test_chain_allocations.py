"""The search over allocations of chains misses none that passes, and says when it has not come to its end."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from rtsched.schedulers.chain_allocations import LayerChain, passing
from rtsched.schedulers.chain_responses import response_times


def passes(chains: list[LayerChain], places: list[tuple[str, ...]]) -> bool:
    """Whether an allocation passes the test."""
    demands = []
    for chain, where in zip(chains, places, strict=True):
        pieces: dict[str, list[int]] = {}
        for node, name in zip(chain.nodes, where, strict=True):
            pieces.setdefault(name, []).append(node[name])
        demands.append((chain.period, chain.deadline, pieces))
    return float("inf") not in response_times(demands)


def two(*times: tuple[int, int]) -> list[dict[str, int]]:
    return [{"gpu": gpu, "cpu": cpu} for gpu, cpu in times]


def test_an_allocation_by_hand() -> None:
    # On the GPU the first waits for a node of 6 at each of two: 4 + 2 x 6 > 10. Beside the second on the CPU, for none.
    first, second = LayerChain(10, 10, two((2, 9), (2, 9))), LayerChain(30, 30, two((6, 8), (6, 8)))
    assert passing([first, second], 100) == ([("gpu", "gpu"), ("cpu", "cpu")], True)
    tight = LayerChain(30, 30, two((6, 18), (6, 18)))
    assert passing([first, tight], 100) == (None, True)


CHAINS = st.lists(
    st.builds(
        lambda times, slack, more: LayerChain(sum(min(each) for each in times) * slack // 10 + more, 0, two(*times)),
        st.lists(st.tuples(st.integers(1, 6), st.integers(1, 9)), min_size=1, max_size=3),
        st.integers(10, 40),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=3,
)


@given(CHAINS)
@settings(max_examples=80)
def test_what_is_found_passes_and_where_nothing_is_found_nothing_does(drawn: list[LayerChain]) -> None:
    chains = sorted(drawn, key=lambda chain: chain.period)
    chains = [chain._replace(deadline=chain.period) for chain in chains]
    found = passing(chains, 10**6)
    assert found.settled
    if found.places is not None:
        assert passes(chains, found.places)
        return
    ways = [list(product(*(node for node in chain.nodes))) for chain in chains]
    assert not any(passes(chains, list(places)) for places in product(*ways))


def test_a_search_that_is_cut_off_says_so() -> None:
    chains = [LayerChain(10, 10, two((2, 9), (2, 9))), LayerChain(30, 30, two((6, 8), (6, 8)))]
    assert passing(chains, 1) == (None, False)
    # no way of a chain that takes as long everywhere beats another one, where all sums differ
    many = LayerChain(10**12, 10**12, two(*((2**power, 2**power) for power in range(12))))
    assert passing([many], 10**6) == (None, False)


def test_a_node_with_one_place_stays_there() -> None:
    chain = LayerChain(20, 20, [{"npu": 3}, {"gpu": 9, "cpu": 4}])
    assert passing([chain], 10) == ([("npu", "cpu")], True)
