"""The page on policies of clusters: its system is proven as it says, and what it names exists."""

import re
from pathlib import Path

import rtsched
from rtsched.model.config import parse_yaml, validate
from rtsched.model.system import System
from rtsched.registry import REGISTRY
from rtsched.verify.surroundings import surroundings

PAGE = (Path(__file__).parents[1] / "docs" / "clusters.md").read_text(encoding="utf-8")


def test_its_system_is_proven_and_explained_as_it_says() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    system = validate(System, parse_yaml(text))
    found = rtsched.analyse(system, runs=2)
    assert found.proven
    assert f"under `{found.analysis.policy}`" in PAGE
    assert found.analysis.bounds[1].wcrt == 17_000_000
    assert "what waits for npu is served in the order of the policy, fifo" in str(surroundings(found))
    whole = rtsched.analyse(system, scheduler="fp", runs=0)
    assert (whole.analysis.bounds[1].wcrt or 0) < 17_000_000
    trace = rtsched.simulate(system, until="1 s", reasons=True)
    told = {str(trace.explain("detect", index)) for index in range(25)}
    assert any(re.search(r"behind segment\[\d+\] on npu, ahead of it in the FIFO queue", text) for text in told)


def test_the_rules_that_it_names_exist() -> None:
    for name in ("cbs", "band-heft"):
        assert REGISTRY.knows("scheduler", name)
    for name in re.findall(r"^\| [^|]+ \| `([a-z]+)`", PAGE[PAGE.index("## What serves") :], re.MULTILINE):
        assert REGISTRY.knows("ordering", name)
