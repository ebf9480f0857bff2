"""Every key of the parameters has an effect: it changes what is drawn, or is refused."""

from __future__ import annotations

import pickle
import subprocess
import sys
import types as python_types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

import rtsched
from rtsched.errors import InputError
from rtsched.generate import Generate, draw, key
from rtsched.model.document import parse_value

CHIP = {"processors": {"cpu": {"cores": 4}, "npu": {"kind": "npu"}}}

CUT = (
    "networks: {of: [mobilenet_v2, resnet18], precision: fp16, supported: {npu: 0.1}, tolerance: 0.1}; "
    "platform: snapdragon_8gen2; utilisation: {npu: 0.1}; tasks: {npu: 4}"
)

#: By key of each model (alternatives of a union by their kind): what it is changed to, and what stands beside it.
LINES: dict[str, tuple[str, str]] = {
    "platform": ("multicore:2", ""),
    "tasks": ("11", ""),
    "utilisation": ("0.5", ""),
    "total_utilisation": ("0.4", ""),
    "utilisations.kind": ("uunifast", ""),
    "utilisations.uunifast-discard.most": ("0.3", "utilisations: {kind: uunifast-discard}"),
    "utilisations.randfixedsum.least": ("0.01", ""),
    "utilisations.randfixedsum.most": ("0.2", ""),
    "utilisations.dirichlet-rescale.least": ("0.01", "utilisations: {kind: dirichlet-rescale}"),
    "utilisations.dirichlet-rescale.most": ("0.2", "utilisations: {kind: dirichlet-rescale}"),
    "periods.kind": ("automotive", ""),
    "periods.log-uniform.shortest": ("20 ms", ""),
    "periods.log-uniform.longest": ("200 ms", ""),
    "periods.log-uniform.granularity": ("1 us", ""),
    "periods.uniform.shortest": ("20 ms", "periods: {kind: uniform}"),
    "periods.uniform.longest": ("200 ms", "periods: {kind: uniform}"),
    "periods.uniform.granularity": ("1 us", "periods: {kind: uniform}"),
    "periods.harmonic.shortest": ("20 ms", "periods: {kind: harmonic}"),
    "periods.harmonic.longest": ("40 ms", "periods: {kind: harmonic}"),
    "periods.harmonic.factor": ("3", "periods: {kind: harmonic}"),
    "periods.limited-hyperperiod.unit": ("2 ms", "periods: {kind: limited-hyperperiod}"),
    "periods.limited-hyperperiod.rows": ("[[10, 20], [1, 7]]", "periods: {kind: limited-hyperperiod}"),
    "periods.camera-rates.rates": ("[30 Hz, 60 Hz]", "periods: {kind: camera-rates}"),
    "periods.listed.of": ("[5 ms, 9 ms]", "periods: {kind: listed, of: [5 ms, 7 ms]}"),
    "periods.listed.shares": ("[1, 9]", "periods: {kind: listed, of: [5 ms, 7 ms]}"),
    "deadlines.kind": ("constrained", ""),
    "deadlines.constrained.least": ("0.5", "deadlines: {kind: constrained}"),
    "deadlines.constrained.most": ("0.5", "deadlines: {kind: constrained}"),
    "deadlines.arbitrary.longest": ("3", "deadlines: {kind: arbitrary}"),
    "graph.kind": ("layered", "graph: {kind: fork-join}"),
    "graph.erdos-renyi.nodes": ("7", "graph: {kind: erdos-renyi}"),
    "graph.erdos-renyi.probability": ("0.6", "graph: {kind: erdos-renyi}"),
    "graph.erdos-renyi.one_source": ("true", "graph: {kind: erdos-renyi}"),
    "graph.erdos-renyi.one_sink": ("true", "graph: {kind: erdos-renyi}"),
    "graph.erdos-renyi.types": ("{cpu: 1, npu: 5}", "graph: {kind: erdos-renyi}; platform: CHIP"),
    "graph.layered.layers": ("2", "graph: {kind: layered}"),
    "graph.layered.width": ("3", "graph: {kind: layered}"),
    "graph.layered.probability": ("0.9", "graph: {kind: layered}"),
    "graph.layered.one_source": ("true", "graph: {kind: layered}"),
    "graph.layered.one_sink": ("true", "graph: {kind: layered}"),
    "graph.layered.types": ("{cpu: 1, npu: 5}", "graph: {kind: layered}; platform: CHIP"),
    "graph.fork-join.depth": ("3", "graph: {kind: fork-join}"),
    "graph.fork-join.branches": ("5", "graph: {kind: fork-join}"),
    "graph.fork-join.probability": ("0.9", "graph: {kind: fork-join}"),
    "graph.fork-join.types": ("{cpu: 1, npu: 5}", "graph: {kind: fork-join}; platform: CHIP"),
    "unrelated.most": ("2", "unrelated: {}; platform: CHIP"),
    "unrelated.speeds": ("consistent", "unrelated: {}; platform: CHIP"),
    "unrelated.supported": ("0.5", "unrelated: {}; platform: CHIP"),
    "networks.of": (
        "[mobilenet_v2, squeezenet]",
        "networks: all; platform: rk3588; utilisation: {gpu: 0.8}; tasks: {gpu: 4}",
    ),
    "networks.rates": ("[15 Hz]", "networks: all; platform: rk3588; utilisation: {gpu: 0.8}; tasks: {gpu: 4}"),
    "networks.tolerance": ("0.3", "networks: all; platform: rk3588; utilisation: {gpu: 0.8}; tasks: {gpu: 4}"),
    "networks.variants": ("true", "networks: all; platform: snapdragon_845; utilisation: {gpu: 0.6}; tasks: {gpu: 4}"),
    "networks.precision": (
        "int8",
        "networks: {of: [mobilenet_v2, resnet18], precision: fp16, tolerance: 0.3}; platform: snapdragon_8gen2; utilisation: {npu: 0.05}; "
        "tasks: {npu: 4}",
    ),
    "networks.supported": ("{npu: 0.3}", CUT),
    "networks.always": ("[Conv, Gemm, Add]", CUT),
    "networks.units": ("[npu]", "networks: {tolerance: 0.5}; platform: rk3588; utilisation: 0.4; tasks: 8"),
    "offsets.least": ("0.2", "offsets: 1"),
    "offsets.most": ("0.5", "offsets: 1"),
    "jitter.least": ("0.2", "jitter: 1"),
    "jitter.most": ("0.5", "jitter: 1"),
    "execution": ("{kind: uniform, low: 0.5}", ""),
    "task": ("{on_miss: abort}", ""),
    "scheduler": ("rm", ""),
    "simulate": ("{until: 1 s}", ""),
}
#: What belongs to system files, where `tests/test_keys.py` looks after it.
WHOLE = ("platform", "execution", "scheduler", "simulate", "task")


def keys(model: type[BaseModel], place: str = "") -> Iterator[str]:
    """All keys that parameters can have; those of a law behind its kind."""
    for name, field in model.model_fields.items():
        inner = [] if name in WHOLE else list(models(field.annotation))
        laws = [law for law in inner if "kind" in law.model_fields]
        if name == "kind":
            continue
        if laws:
            yield f"{place}{name}.kind"
        elif not inner:
            yield f"{place}{name}"
        for each in inner:
            kind = f"{get_args(each.model_fields['kind'].annotation)[0]}." if each in laws else ""
            yield from keys(each, f"{place}{name}.{kind}")


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Annotated, Union, python_types.UnionType):
        for each in get_args(annotation):
            yield from models(each)
    else:
        assert get_origin(annotation) in (None, tuple, dict, Literal), annotation


def asked(beside: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in filter(None, beside.split("; ")):
        name, _, text = part.partition(": ")
        found[name] = CHIP if text == "CHIP" else parse_value(text)
    return found


def drawn(parameters: dict[str, Any]) -> list[Any]:
    """Some systems, but for what they say of the parameters."""
    systems = rtsched.generate(parameters, count=10, seed=1)
    return [{name: value for name, value in system.items() if name != "generated"} for system in systems]


def test_no_key_is_without_a_line() -> None:
    found = list(keys(Generate))
    assert sorted(found) == sorted(set(found) | set(LINES)) == sorted(LINES)


@pytest.mark.parametrize("place", LINES)
def test_every_key_changes_what_is_drawn(place: str) -> None:
    value, beside = LINES[place]
    before = asked(beside)
    after = {**before}
    steps = place.split(".")
    steps = [steps[0], *steps[-1:]] if len(steps) > 1 else steps
    if len(steps) == 1:
        after[steps[0]] = parse_value(value)
    elif steps[1] == "kind":
        after[steps[0]] = value if isinstance(after.get(steps[0]), str | None) else {"kind": value}
    else:
        own = before.get(steps[0], {})
        own = own if isinstance(own, dict) else {"most": own} if isinstance(own, int) else {}
        after[steps[0]] = {**own, steps[1]: parse_value(value)}
    assert drawn(after) != drawn(before)
    assert key(after) != key(before)


def test_every_kind_of_system_loads_runs_and_is_analysed() -> None:
    beside = sorted(
        {beside for _, beside in LINES.values()} | {"unrelated: {}; graph: {kind: layered}; platform: CHIP"}
    )
    for each in beside:
        parameters = {"tasks": 4, "utilisation": 0.4, **asked(each)}
        if "networks" in parameters and isinstance(parameters["utilisation"], dict):
            parameters["tasks"] = dict.fromkeys(parameters["utilisation"], 4)
        system = draw(parameters, seed=3)
        assert rtsched.simulate(system, until="500 ms").check() == []
        assert rtsched.analyse(system, runs=1).verdict in ("schedulable", "unschedulable", "unknown")


def test_the_same_is_the_same_however_it_is_written() -> None:
    one = Generate(periods="uniform", offsets=0.5, utilisations={"most": 0.9}, simulate={"until": "1 s"})
    other = Generate.model_validate(
        {
            "simulate": {"until": 10**9},
            "utilisations": {"kind": "randfixedsum", "most": 0.9},
            "offsets": {"least": 0, "most": 0.5},
            "periods": {"kind": "uniform", "longest": "1000 ms"},
        }
    )
    assert one.content == other.content
    assert one == other
    assert draw(one, seed=1) == draw(other, seed=1)
    assert key(one) == key(other)
    assert len({key(one), key(one, seed=1), key(one, index=1), key(Generate())}) == 4


def test_parameters_come_back_out_of_a_document_and_draw_the_same() -> None:
    for _, beside in LINES.values():
        system = draw(asked(beside), seed=2, index=3)
        assert draw(system["generated"]["parameters"], seed=2, index=3) == system


@pytest.mark.parametrize(
    ("task", "error"),
    [
        ({"period": "1 ms"}, "task: 'period' of a task comes out of the other keys; leave it out"),
        ({"instances": 3}, "task: 'instances' of a task comes out of the other keys"),
        ({"on_mis": "abort"}, "task: on_mis: unknown key 'on_mis'; did you mean 'on_miss'"),
        ({"arrival": {"kind": "sporadic", "mean_extra": "1"}}, "task: arrival.mean_extra: '1' has no unit"),
    ],
)
def test_keys_of_tasks_are_checked(task: dict[str, Any], error: str) -> None:
    with pytest.raises(InputError, match=error):
        Generate(task=task)


def test_keys_of_tasks_go_to_every_task() -> None:
    system = draw({"task": {"arrival": {"kind": "sporadic", "mean_extra": "5 ms"}, "on_miss": "abort"}})
    assert all(task["on_miss"] == "abort" for task in system["tasks"])
    assert rtsched.load(system).system.tasks[9].arrival.kind == "sporadic"


def test_the_place_of_a_network_is_the_unit_that_it_loads() -> None:
    with pytest.raises(InputError, match="task: 'processors' of a network is the unit that it loads; leave it out"):
        Generate(platform="rk3588", networks="all", task={"processors": ["npu"]})


def test_parameters_change_by_path_and_travel_to_other_processes() -> None:
    asked = Generate(periods="uniform", platform=CHIP)
    slower = asked.with_({"periods.longest": "2 s", "utilisation": 0.4})
    assert (slower.periods.kind, slower.utilisation) == ("uniform", 0.4)
    assert Generate().with_({"periods.longest": "50 ms"}) == Generate(periods={"longest": "50 ms"})
    system = draw(slower)
    assert draw(pickle.loads(pickle.dumps(slower))) == system


def test_the_room_is_called_as_the_function_is_whoever_has_imported_it() -> None:
    code = (
        "import rtsched; first = rtsched.generate(tasks=2); import rtsched.generate.parameters; "
        "assert rtsched.generate(tasks=2) == first; assert rtsched.generate.Generate().tasks == 10"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
