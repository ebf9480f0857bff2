"""Every policy and every part of one that is built in keeps the contracts, and what it claims."""

from __future__ import annotations

import pytest

import rtsched
from rtsched.registry import PARTS, REGISTRY
from rtsched.schedulers.claims import CLAIMS

#: Who takes no system as they are drawn: a workload that is theirs.
OWN = {
    "xrbench": "xrbench_vr_gaming",
    "xrbench-fixed": "xrbench_vr_gaming",
    "edf+adaptation=context-aware-style": "wearable_harvest",
    "edf+adaptation=zygarde-energy-style": "wearable_harvest",
    "edf+adaptation=demand-layering": "streamed_layers",
}


def builtin() -> list[str]:
    """Every whole scheduler, and every part beside plain others; in preemptive mode, and the first in each."""
    wholes = [name for name in REGISTRY.names("scheduler") if not REGISTRY.package("scheduler", name)]
    parts = [name for name in REGISTRY.names("ordering") if not REGISTRY.package("ordering", name)]
    for kind in PARTS[1:]:
        names = (name for name in REGISTRY.names(kind) if not REGISTRY.package(kind, name))
        parts += [f"edf+{kind}={name}" for name in names]
    return [*wholes, *parts, "fp+limited", "edf+nonpreemptive", "fp+first-fit+nonpreemptive"]


#: Where the first systems that are drawn are not for a policy: a seed with one that is.
SEEDS = dict.fromkeys(("miriam-style", "moca-style", "orion", "reef"), 1)


@pytest.mark.parametrize("policy", builtin())
def test_what_is_built_in_conforms(policy: str) -> None:
    seed = SEEDS.get(policy, 0)
    found = rtsched.check_scheduler(policy, systems=1, seed=seed, system=OWN.get(policy), others=False, shrink=False)
    assert found.fits, str(found)


@pytest.mark.slow
@pytest.mark.parametrize("policy", builtin())
def test_what_is_built_in_conforms_on_many_systems(policy: str) -> None:
    found = rtsched.check_scheduler(policy, systems=400, seed=11, system=OWN.get(policy), shrink=False)
    assert found.fits, str(found)


def test_what_they_claim_is_what_their_parts_claim_together() -> None:
    def claims(policy: str) -> set[str]:
        return set(rtsched.scheduler(policy).claimed())

    assert claims("edf") == set(CLAIMS) - {"sustainable-release"}
    assert claims("edf+nonpreemptive") == claims("fifo") == {
        "work-conserving", "bounded-inversion", "monotone", "symmetric"
    }  # fmt: skip
    assert claims("lst") == claims("fifo") - {"bounded-inversion"}
    assert claims("edf+subflow") == claims("fifo") - {"symmetric"}
    assert claims("edf+first-fit") == claims("edf") - {"sustainable-processors"}
    assert claims("edf-us") == claims("edf") - {"sustainable-processors", "symmetric"}
    assert claims("dbp-style") == claims("e-pattern-style") == claims("fifo")
    assert claims("split-first-style") == claims("edf")
    assert claims("sdrm3") == claims("prema") == claims("lst")
    assert claims("edf+rtdeepensemble-style") == claims("edf+subflow")
    assert claims("edf+dnn-sam-style") == claims("edf+subflow") - {"monotone"}
    assert claims("band-heft") == claims("cbs") == {"monotone", "symmetric"}
    assert (
        claims("edf-vd-style") == claims("terastal-style") == claims("dream-style") == {"work-conserving", "symmetric"}
    )
    assert claims("polling-server") == claims("xsched-hpf") == {"symmetric"}
    assert claims("dp-wrap") == claims("xsched-up") == set()
