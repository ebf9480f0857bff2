"""What `show` says and draws: the facts of a platform, what they allow, and a picture in which nothing overlaps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from matplotlib.figure import Figure

from rtsched import show
from rtsched.cli import cli
from rtsched.errors import InputError
from rtsched.model import catalogue
from rtsched.model.platform import Platform
from rtsched.plot.gantt import render
from rtsched.plot.platform import block_diagram
from rtsched.plot.sheet import LOOKS

#: A chip with one of everything.
EVERYTHING = """\
name: everything
title: A chip with one of everything
aliases: [all]
processors:
  big:
    kind: cpu
    core: Cortex-A78
    cores: 4
    frequency_domains: [[0, 1], [2, 3]]
    operating_points:
      - {frequency: 500 MHz, microvolt: 600000, milliwatt: 120}
      - {frequency: 2400 MHz, microvolt: 1000000, milliwatt: 1400}
    power: {active: 1.4 W, idle: 30 mW, coefficient: 379}
    switch_latency: 50 us
    context_switch: 5 us
    migration: 20 us
  farm: {kind: cpu, cores: 4, core: Cortex-A55, threads: {'1': 1, '2': 1.9, '4': 3.4}}
  cores: {kind: cpu, cores: 64, speed: 0.5}
  gpu:
    kind: gpu
    model: Example GPU
    peak: {fp16: 20 TFLOPS, int8: 40 TOPS}
    operating_points: [{frequency: 300 MHz, microvolt: 700000}, {frequency: 900 MHz, microvolt: 900000}]
    power: {active: 9 W}
    block_level:
      sms: 16
      threads: 1536
      shared_memory: 100 kB
      registers: 65536
      blocks: 16
      max_shared_memory: 48 kB
      streams: 6
      priorities: 3
      copy_engines: 2
      copy_bandwidth: 12 GB/s
      channels: 8
      launch: 5 us
      time_slice: 2 ms
      context_switch: 100 us
      mig: [3, 4]
  npu:
    kind: npu
    cores: 2
    contexts: 3
    checkpoint: {state: 1 MiB, bandwidth: 8 GB/s}
    weights: {capacity: 8 MB, bandwidth: 4 GB/s}
    peak: {int8: 6 TOPS}
    facts: {macs: 1024}
  a_dsp_with_an_extraordinarily_long_name: {kind: dsp, model: "A product whose name goes on and on, and then on", contexts: 4}
  dla: {kind: dla, cores: 2, frequency_max: 1100.8 MHz}
  m7: {kind: mcu, core: Cortex-M7, power: {active: 50 mW}}
  edge: {kind: cloud, model: An edge server, cores: 2}
  cloud: {kind: cloud, model: A data centre, cores: 32}
links:
  fabric: {between: [big, gpu], latency: 2 us, bandwidth: 16 GB/s}
  axi: {between: [big, npu], latency: 1 us, bandwidth: 8 GB/s}
  noc: {between: [cores, farm], latency: 500 ns}
  wifi:
    between: [big, edge]
    latency: 4 ms
    bandwidth: 20 MB/s
    markov: {states: [{bandwidth: 20 MB/s, dwell: 1 s}, {bandwidth: 2 MB/s, dwell: 200 ms}]}
  lte:
    between: [m7, edge]
    latency: 40 ms
    bandwidth: 1 MB/s
    trace: [{at: 0 s, bandwidth: 1 MB/s}, {at: 1 s, bandwidth: 2 MB/s}]
  fibre: {between: [edge, cloud], latency: 10 ms, bandwidth: 1 GB/s}
memory: {bandwidth: 51.2 GB/s, capacity: 8 GB, load_bandwidth: 1 GB/s, contention: {model: proportional, usable: 0.8}}
base_power: 1.2 W
thermal:
  node: {resistance: 8, capacitance: 12}
  trips: [{temperature: 85, caps: {big: 500 MHz}}, {temperature: 95, caps: {big: 500 MHz, gpu: 300 MHz}}]
power_modes:
  low: {big: {cores: 2, frequency_max: 500 MHz}, dla: {cores: 0}}
  full: {}
notes: [A made-up chip.]
assumed: ["gpu.block_level: the registers", the latency of axi, the capacity of the DRAM, that it exists]
sources: {processors.big: "alpha, beta", memory: alpha, notes: "A report, 2020"}
"""

#: What a data sheet tells, and no more.
SPECIFICATIONS = """\
title: Some phone
processors:
  cpu: {kind: cpu, core: Kryo, cores: 8, frequency_max: 2840 MHz}
  gpu: {kind: gpu, model: Adreno, peak: {fp32: 1228 GFLOPS}}
memory: {bandwidth: 44 GB/s}
"""


def rtsched(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def written(folder: Path, text: str) -> str:
    path = folder / "chip.yaml"
    path.write_text(text)
    return str(path)


def platforms() -> list[str]:
    return catalogue.names("platforms")


def squeezed(text: str) -> str:
    """`text` with every run of blanks as one, so that columns and line breaks do not matter."""
    return " ".join(text.split())


def answers(name: str) -> dict[str, str]:
    found = show.abilities(catalogue.load_platform(name), catalogue.latency_table())
    return {ability.name: ability.answer for ability in found}


# ---- the text --------------------------------------------------------------------------------------------------------


def test_a_measured_chip_says_what_it_has() -> None:
    view = show.describe("rk3588", "platform")
    text = squeezed(view.text)
    for line in (
        "rk3588: Rockchip RK3588",
        "little: 4 × Cortex-A55 (cpu)",
        "voltage known (675–950 mV)",
        "frequency domains cores 0 1 | 2 3",
        "npu: 3 × npu",
        "peak int8 6 TOPS",
        "what can be simulated",
        "task sets yes: ",
    ):
        assert line in text
    assert view.kind == "platform"
    assert view.platform is not None
    assert answers("rk3588")["networks by name"] != "no"
    sources = [line.split(": ")[1] for line in view.text.splitlines() if line.startswith("  source: ")]
    assert len(sources) == len(set(sources))
    assert "ncnn" in sources


def test_the_textbook_chip_has_task_sets_only() -> None:
    text = squeezed(show.describe("uniprocessor").text)
    assert "cpu: cpu service preemptive" in text
    assert "energy no: no power is known of any cluster" in text
    assert "GPU block level no: there is no GPU" in text
    assert "Only task sets with execution times of your own can be simulated on this platform." in text


def test_specifications_alone_simulate_nothing_but_task_sets(tmp_path: Path) -> None:
    name = written(tmp_path, SPECIFICATIONS)
    text = squeezed(show.describe(name).text)
    assert "clock up to 2.84 GHz" in text
    assert "networks by name no: no latency is known here: give a 'wcet'" in text
    assert "frequency scaling no: " in text
    assert "memory contention no: a bandwidth, but no contention model" in text
    assert "Only task sets with execution times of your own can be simulated on this platform." in text
    found = answers(name)
    assert [ability for ability, answer in found.items() if answer != "no"] == ["task sets"]


def test_everything_is_told(tmp_path: Path) -> None:
    text = squeezed(show.describe(written(tmp_path, EVERYTHING)).text)
    for line in (
        "also called all",
        "service preemptive, context switch 5 us, migration 20 us",
        "operating points 2, 500–2400 MHz, voltage known (600–1000 mV) and power of a busy core known (120–1400 mW)",
        "frequency change takes 50 us",
        "power active 1.4 W, idle 30 mW, coefficient 379 uW / (MHz V²) (each processor)",
        "one server speed-up per number of threads 1: 1, 2: 1.9, 4: 3.4",
        "cores: 64 × cpu service preemptive speed 1/2",
        "peak fp16 20 TFLOPS, int8 40 TOPS",
        "gpu: Example GPU (gpu) service block by block",
        "16 SMs of 1536 threads, shared memory 100 kB, 65536 registers, 16 block slots",
        "a block has at most 1024 threads, shared memory 48 kB; mode exact",
        "streams 6, 3 priorities set by the policy, 8 channels a context (fifo), launches of 5 us; 2 copy engines at 12 GB/s",
        "GPU contexts time slice 2 ms, switch 100 us",
        "MIG instances of 3, 4 sevenths",
        "contexts 3 a core, which share its speed",
        "checkpoint 1 MiB over 8 GB/s, each way",
        "weights room for 8 MB, loaded at 4 GB/s",
        "facts macs 1024",
        "fabric big – gpu, latency 2 us, 16 GB/s",
        "noc cores – farm, latency 500 ns, unlimited bandwidth",
        "wifi big – edge, latency 4 ms, 20 MB/s, varying at random between 2 states",
        "lte m7 – edge, latency 40 ms, 1 MB/s, varying at 2 instants",
        "bandwidth 51.2 GB/s capacity 8 GB loading evicted networks come back at 1 GB/s",
        "contention proportional, 80 % of the bandwidth usable",
        "base power 1.2 W",
        "thermal model one node of 8 K/W and 12 J/K, ambient 25 °C, hysteresis 3 K",
        "above 95 °C big at most 500 MHz, gpu at most 300 MHz",
        "power modes big dla low 2 cores, 500 MHz off full – –",
        "note: A made-up chip.",
        "assumed: that it exists",
        "source: alpha: processors.big, memory",
        "source: A report, 2020: notes",
    ):
        assert line in text, line


def test_everything_can_be_simulated_in_part_at_least(tmp_path: Path) -> None:
    platform = catalogue.load_platform(written(tmp_path, EVERYTHING))
    rows = [
        {"platform": "all", "processor": "gpu", "network": "n"},
        {"platform": "all", "processor": "x", "network": "n"},
    ]
    found = {ability.name: ability for ability in show.abilities(platform, rows)}
    assert {name for name, ability in found.items() if ability.answer == "no"} == set()
    assert found["networks by name"].answer == "in part"
    assert "1 latencies" not in found["networks by name"].reason
    assert "none on big, farm" in found["networks by name"].reason
    assert "1 more is of 'x', no cluster, and not looked up" in found["networks by name"].reason
    energy = found["energy"].reason
    assert "big by the measured power of each operating point" in energy
    assert "gpu by voltage and active power" in energy
    assert "m7 by active power only" in energy
    assert "edge" not in energy


def test_an_energy_per_inference_is_energy_in_part(tmp_path: Path) -> None:
    row = {"platform": "chip", "processor": "gpu", "network": "n", "energy_mj": "3.5"}
    found = show.abilities(catalogue.load_platform(written(tmp_path, SPECIFICATIONS)), [row, row | {"energy_mj": ""}])
    (energy,) = (ability for ability in found if ability.name == "energy")
    assert (energy.answer, energy.reason) == (
        "in part",
        "no power is known of any cluster; an energy per inference for 1 of the latencies",
    )


@pytest.mark.parametrize(
    ("contention", "line"),
    [
        ("{model: power-law, a: 0.5, b: 2}", "contention power-law, a 0.5, b 2"),
        (
            "{model: pairwise, pairs: [{victim: gpu, beside: npu, slowdown: 1.4}]}",
            "contention pairwise, measured, at most × 10: gpu beside npu × 1.4",
        ),
        (
            "{model: pccs, processors: {gpu: {minor_below: 1, intensive_from: 9, rate: 0.01, minor_loss: 0.1, balance: 20, knee: 30}}}",
            "contention pccs: gpu (minor_below 1, intensive_from 9, rate 0.01, minor_loss 0.1, balance 20, knee 30)",
        ),
    ],
)
def test_every_contention_model_is_told_and_drawn(tmp_path: Path, contention: str, line: str) -> None:
    name = written(tmp_path, EVERYTHING.replace("{model: proportional, usable: 0.8}", contention))
    assert line in squeezed(show.describe(name).text)
    assert "contention" in " ".join(
        label.get_text() for label in block_diagram(catalogue.load_platform(name)).axes[0].texts
    )


def test_heat_needs_power_to_come_from(tmp_path: Path) -> None:
    thermal = "thermal: {node: {resistance: 8, capacitance: 12}}\n"
    assert answers(written(tmp_path, SPECIFICATIONS + thermal))["heat and throttling"] == "no"
    heated = SPECIFICATIONS.replace("core: Kryo", "core: Kryo, power: {active: 2 W}") + thermal
    assert answers(written(tmp_path, heated))["heat and throttling"] == "in part"
    assert "initially" not in show.describe(written(tmp_path, heated)).text


# ---- kinds and mistakes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("platform", "multicore:4"),
        ("platform", "jetson_agx_orin"),
        ("workload", "dhall"),
        ("network", "yolov8n"),
        ("scheduler", "cbs"),
        ("ordering", "edf"),
        ("placement", "first-fit"),
    ],
)
def test_a_kind_and_a_name(kind: str, name: str) -> None:
    result = rtsched("show", kind, name)
    assert result.exit_code == 0, result.exception
    assert result.output == rtsched("show", name).output
    assert json.loads(rtsched("show", kind, name, "--json").output)
    assert show.describe(name, kind).kind == kind


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("platfrom", "rk3588"), "no kind of thing is called 'platfrom'; did you mean platform?"),
        (("zebra", "rk3588"), "no kind of thing is called 'zebra'; kinds: platform, workload, network"),
        (("platform", "rk3589"), "no platform is called 'rk3589'; did you mean rk3588"),
        (("network", "yolov8nn"), "no network is called 'yolov8nn'; did you mean yolov8n"),
        (("network", "rk3588"), "no network is called 'rk3588'"),
        (("ordering", "edff"), "no ordering is called 'edff'; did you mean 'edf'"),
        (("workload", "rk3588"), "no workload is called 'rk3588'"),
        (("platform",), "'platform' is a kind of thing; write `rtsched show platform NAME`"),
        (("nobody-knows-this",), "nothing is called 'nobody-knows-this'; `rtsched list` names everything"),
        (("platform", "rk3588", "twice"), "is no [KIND] NAME"),
    ],
)
def test_mistakes_are_named(words: tuple[str, ...], message: str) -> None:
    result = rtsched("show", *words)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


def test_mistakes_exit_with_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rtsched.cli import main

    for words, message in (
        (["platform", "no-such-chip"], "no platform is called"),
        (
            ["edf", "--png", str(tmp_path / "a.png")],
            "--png draws platforms, and 'edf' is none (ordering); leave --png out",
        ),
        (["rk3588", "--png", str(tmp_path / "a.gif")], "pictures are .png, .svg, .pdf; rename it"),
        (["rk3588", "--png", str(tmp_path / "nowhere" / "a.png")], "cannot be written"),
        (["rk3588", "--png", str(tmp_path / "nothing")], "pictures are .png, .svg, .pdf; rename it"),
    ):
        monkeypatch.setattr("sys.argv", ["rtsched", "show", *words])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 2
        assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# ---- the picture -----------------------------------------------------------------------------------------------------


def boxes_and_texts(drawn: Platform | Figure, dpi: int) -> tuple[dict[str, Any], list[tuple[str, Any]], Any]:
    """The named boxes, the visible texts, each with its place in pixels, and the page."""
    figure = drawn if isinstance(drawn, Figure) else block_diagram(drawn)
    figure.set_dpi(dpi)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    (axes,) = figure.axes
    boxes: dict[str, Any] = {
        str(patch.get_gid()): patch.get_window_extent(renderer) for patch in axes.patches if patch.get_gid()
    }
    texts: list[tuple[str, Any]] = [(text.get_text(), text.get_window_extent(renderer)) for text in axes.texts]
    return boxes, texts, figure.bbox


def collisions(drawn: Platform | Figure, dpi: int = 100) -> Iterator[str]:
    """Texts that leave the page or the box they stand in, or lie on another text; boxes that overlap."""
    boxes, texts, page = boxes_and_texts(drawn, dpi)
    for text, place in texts:
        for name, box in [("page", page), *boxes.items()]:
            x, y = (place.x0 + place.x1) / 2, (place.y0 + place.y1) / 2
            if box.contains(x, y) and not (box.x0 <= place.x0 and place.x1 <= box.x1):
                yield f"{text!r} leaves {name}"
    for index, (text, place) in enumerate(texts):
        for other, there in texts[index + 1 :]:
            wide = min(place.x1, there.x1) - max(place.x0, there.x0)
            high = min(place.y1, there.y1) - max(place.y0, there.y0)
            if wide > 1 and high > 0.3 * min(place.height, there.height):
                yield f"{text!r} lies on {other!r}"
    clusters = [(name, box) for name, box in boxes.items() if name != "chip"]
    for index, (name, box) in enumerate(clusters):
        yield from (f"{name} lies on {other}" for other, there in clusters[index + 1 :] if box.overlaps(there))


def many(count: int) -> Platform:
    """A platform of `count` clusters in a chain of links, all kinds in turn."""
    kinds = list(LOOKS)
    clusters: dict[str, Any] = {
        f"cluster{index}": {
            "kind": kinds[index % len(kinds)],
            "cores": 1 + 3 * index,
            "core": f"Core type {index}",
            "frequency_max": 1_000_000_000 + index,
            "peak": {"int8": "6 TOPS"},
        }
        for index in range(count)
    }
    links = {
        f"link{index}": {"between": [f"cluster{index}", f"cluster{index + 1}"], "latency": 1000, "bandwidth": 10**9}
        for index in range(count - 1)
    }
    return Platform.model_validate({"processors": clusters, "links": links, "memory": {"bandwidth": 10**10}})


@pytest.mark.parametrize("name", platforms())
def test_every_platform_of_the_catalogue_is_told_and_drawn(name: str, tmp_path: Path) -> None:
    view = show.describe(name, "platform")
    assert view.platform is not None
    path = tmp_path / "chip.svg"
    figure = block_diagram(view.platform, path)
    ElementTree.parse(path)
    drawing = path.read_text()
    for cluster in view.platform.processors:
        assert f"\n  {cluster}: " in view.text
        assert f'id="cluster-{cluster}"' in drawing
    assert list(collisions(figure)) == []


@pytest.mark.parametrize("dpi", [72, 100, 150])
def test_nothing_overlaps_at_any_resolution(dpi: int, tmp_path: Path) -> None:
    assert list(collisions(catalogue.load_platform(written(tmp_path, EVERYTHING)), dpi)) == []


@pytest.mark.parametrize("count", [*range(1, 9), 11, 16])
def test_the_layout_works_for_any_number_of_clusters(count: int) -> None:
    assert list(collisions(many(count))) == []


@pytest.mark.parametrize("cores", [1, 5, 7, 16, 17, 1024])
def test_any_number_of_cores_fits(cores: int) -> None:
    domains = [list(range(start, min(start + 3, cores))) for start in range(0, cores, 3)]
    for more in ({}, {"frequency_domains": domains}, {"kind": "npu", "contexts": 64}):
        clusters = {name: {"cores": cores, **more} for name in "abcdefgh"}
        assert list(collisions(Platform.model_validate({"processors": clusters}))) == []


def test_a_platform_without_a_chip_is_drawn_too() -> None:
    platform = Platform.model_validate({"processors": {"far": {"kind": "cloud"}}, "memory": {}})
    assert list(collisions(platform)) == []


def test_the_picture_shows_what_stands_where(tmp_path: Path) -> None:
    boxes, texts, _ = boxes_and_texts(catalogue.load_platform(written(tmp_path, EVERYTHING)), 100)
    chip = boxes["chip"]
    for cluster in ("big", "gpu", "npu", "m7"):
        box = boxes[f"cluster-{cluster}"]
        assert chip.x0 < box.x0
        assert box.x1 < chip.x1
    assert boxes["cluster-edge"].x0 > chip.x1
    assert boxes["memory"].y1 < chip.y0
    words = [text for text, _ in texts]
    assert {"A chip with one of everything †", "gpu †", "DRAM †", "big", "axi: 1 us, 8 GB/s †"} <= set(words)
    assert any(word.startswith("a_dsp_") and word.endswith("…") for word in words)
    assert "sources: alpha, beta, A report, 2020" in words


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_same_platform_same_bytes(kind: str) -> None:
    platform = catalogue.load_platform("rk3588")
    assert render(block_diagram(platform), kind) == render(block_diagram(platform), kind)


def test_the_command_draws_and_tells(tmp_path: Path) -> None:
    path = tmp_path / "chip.png"
    result = rtsched("show", "platform", "multicore:4", "--png", path)
    assert result.exit_code == 0, result.exception
    assert path.read_bytes().startswith(b"\x89PNG")
    assert "cpu: 4 × cpu" in result.output
    result = rtsched("show", "rk3588", "--png", tmp_path / "chip.pdf", "--json")
    assert json.loads(result.output)["shown"]["name"] == "rk3588"
    assert (tmp_path / "chip.pdf").read_bytes().startswith(b"%PDF")


def test_a_theorem_is_shown_with_its_needs_and_source() -> None:
    view = show.describe("np-edf", "theorem")
    for words in ("exact", "Uniprocessor", "J = 0.", "Mode: nonpreemptive.", "Jeffay, Stanat, Martel"):
        assert words in view.text
    assert show.describe("np-edf").data == view.data
    with pytest.raises(InputError, match="did you mean np-edf"):
        show.describe("np-edff", "theorem")
