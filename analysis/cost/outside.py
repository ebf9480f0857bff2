"""How far the cost model is off on networks unlike those that it was fitted to.

Usage: ``python analysis/cost/outside.py [--write FOLDER]``. The networks are well-known ones that the latency tables
have and that no model is fitted to; their layers are written down here, and ``--write`` makes network files of them,
those that the tests read. What follows from it stands in README.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from rtsched.dnn import calibration, cost, network_file, onnx
from rtsched.dnn.graph import trimmed
from rtsched.dnn.network import Network, Operator
from rtsched.model import catalogue

GRAPHS: Final = Path(__file__).parents[2] / "tests" / "data" / "graphs_more"


@dataclass(frozen=True)
class Map:
    """Feature maps: who made them, channels, height and width."""

    maker: int
    channels: int
    height: int
    width: int

    @property
    def size(self) -> int:
        return self.channels * self.height * self.width


@dataclass
class Builder:
    """A network, layer by layer; activations and biases go with what is before them."""

    operators: list[Operator] = field(default_factory=list)

    def add(
        self, kind: str, sources: list[Map], macs: int, weights: int, shape: tuple[int, int, int], **more: Any
    ) -> Map:
        index = len(self.operators)
        made = Map(index, *shape)
        read = 4 * sum(source.size for source in sources)
        before = tuple(sorted({source.maker for source in sources if source.maker >= 0}))
        self.operators.append(
            Operator(
                index,
                f"{kind}{index}",
                kind,
                macs,
                weights,
                4 * weights,
                read,
                4 * made.size,
                made.size,
                before,
                **more,
            )
        )
        return made

    def conv(self, x: Map, out: int, kernel: int, stride: int = 1, groups: int = 1, pad: int | None = None) -> Map:
        pad = kernel // 2 if pad is None else pad
        height, width = ((side + 2 * pad - kernel) // stride + 1 for side in (x.height, x.width))
        weights = out * x.channels // groups * kernel * kernel
        shape = (out, height, width)
        return self.add("Conv", [x], weights * height * width, weights, shape, depthwise=groups == x.channels > 1)

    def pool(self, x: Map, kernel: int, stride: int, pad: int = 0) -> Map:
        # without padding sizes are rounded up, as in Caffe
        height, width = (
            (side + 2 * pad - kernel + (0 if pad else stride - 1)) // stride + 1 for side in (x.height, x.width)
        )
        return self.add("MaxPool", [x], 0, 0, (x.channels, height, width))

    def mean(self, x: Map) -> Map:
        return self.add("GlobalAveragePool", [x], 0, 0, (x.channels, 1, 1))

    def linear(self, x: Map, out: int) -> Map:
        return self.add("Gemm", [x], x.size * out, x.size * out, (out, 1, 1))

    def plus(self, x: Map, y: Map) -> Map:
        return self.add("Add", [x, y], 0, 0, (x.channels, x.height, x.width))

    def concat(self, *parts: Map) -> Map:
        return self.add(
            "Concat", list(parts), 0, 0, (sum(each.channels for each in parts), parts[0].height, parts[0].width)
        )

    def network(self, name: str) -> Network:
        return Network(name, tuple(self.operators), len(self.operators), 0, 0, {})


def image(side: int = 224) -> Map:
    return Map(-1, 3, side, side)


def vgg(counts: tuple[int, ...]) -> Builder:
    make, x = Builder(), image()
    for channels, count in zip((64, 128, 256, 512, 512), counts, strict=True):
        for _ in range(count):
            x = make.conv(x, channels, 3)
        x = make.pool(x, 2, 2)
    for size in (4096, 4096, 1000):
        x = make.linear(x, size)
    return make


def alexnet() -> Builder:
    make = Builder()
    x = make.pool(make.conv(image(), 64, 11, 4, pad=2), 3, 2)
    x = make.pool(make.conv(x, 192, 5), 3, 2)
    for channels in (384, 256, 256):
        x = make.conv(x, channels, 3)
    x = make.pool(x, 3, 2)
    for size in (4096, 4096, 1000):
        x = make.linear(x, size)
    return make


def resnet(counts: tuple[int, ...], groups: int = 1, base: int = 64, deep: bool = True, side: int = 224) -> Builder:
    make = Builder()
    x = make.pool(make.conv(image(side), 64, 7, 2), 3, 2, 1)
    for stage, count in enumerate(counts):
        for block in range(count):
            stride = 2 if stage and not block else 1
            width, out = base * groups * 2**stage, (256 if deep else 64) * 2**stage
            if deep:
                y = make.conv(make.conv(make.conv(x, width, 1), width, 3, stride, groups), out, 1)
            else:
                y = make.conv(make.conv(x, out, 3, stride), out, 3)
            x = make.plus(y, x if x.channels == out and stride == 1 else make.conv(x, out, 1, stride))
    make.linear(make.mean(x), 1000)
    return make


def squeezenet(version: int) -> Builder:
    make = Builder()
    x = make.conv(image(), 64 if version else 96, 3 if version else 7, 2, pad=0)
    pools = (0, 2, 4) if version else (0, 3, 7)
    for place, squeeze in enumerate((16, 16, 32, 32, 48, 48, 64, 64)):
        if place in pools:
            x = make.pool(x, 3, 2)
        thin = make.conv(x, squeeze, 1)
        x = make.concat(make.conv(thin, 4 * squeeze, 1), make.conv(thin, 4 * squeeze, 3))
    make.mean(make.conv(x, 1000, 1))
    return make


def densenet(counts: tuple[int, ...], growth: int, first: int) -> Builder:
    make = Builder()
    x = make.pool(make.conv(image(), first, 7, 2), 3, 2, 1)
    for stage, count in enumerate(counts):
        for _ in range(count):
            x = make.concat(x, make.conv(make.conv(x, 4 * growth, 1), growth, 3))
        if stage + 1 < len(counts):
            x = make.pool(make.conv(x, x.channels // 2, 1), 2, 2)
    make.linear(make.mean(x), 1000)
    return make


def googlenet() -> Builder:
    make = Builder()
    x = make.pool(make.conv(make.conv(make.pool(make.conv(image(), 64, 7, 2), 3, 2), 64, 1), 192, 3), 3, 2)
    blocks = (
        (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128),
        (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128),
    )  # fmt: skip
    for place, (one, three_in, three, five_in, five, pooled) in enumerate(blocks):
        if place in (2, 7):
            x = make.pool(x, 3, 2)
        parts = (
            make.conv(x, one, 1),
            make.conv(make.conv(x, three_in, 1), three, 3),
            make.conv(make.conv(x, five_in, 1), five, 5),
            make.conv(make.pool(x, 3, 1, 1), pooled, 1),
        )
        x = make.concat(*parts)
    make.linear(make.mean(x), 1000)
    return make


def mnasnet(share: float, side: int) -> Builder:
    def wide(channels: int) -> int:
        scaled = max(8, int(channels * share + 4) // 8 * 8)
        return scaled + 8 if scaled < 0.9 * channels * share else scaled

    make = Builder()
    x = make.conv(image(side), wide(32), 3, 2)
    x = make.conv(make.conv(x, x.channels, 3, 1, x.channels), wide(16), 1)
    for kernel, stride, growth, out, count in (
        (3, 2, 3, 24, 3), (5, 2, 3, 40, 3), (5, 2, 6, 80, 3), (3, 1, 6, 96, 2), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1),
    ):  # fmt: skip
        for number in range(count):
            y = make.conv(x, x.channels * growth, 1)
            y = make.conv(make.conv(y, y.channels, kernel, 1 if number else stride, y.channels), wide(out), 1)
            x = make.plus(x, y) if number else y
    make.linear(make.mean(make.conv(x, 1280, 1)), 1000)
    return make


#: Networks of the latency tables (name, source) that no model is fitted to, and their operators.
UNSEEN: Final[dict[tuple[str, str], Callable[[], Builder]]] = {
    ("vgg16", "ncnn"): lambda: vgg((2, 2, 3, 3, 3)),
    ("alexnet", "ncnn"): alexnet,
    ("resnet50", "ncnn"): lambda: resnet((3, 4, 6, 3)),
    ("squeezenet", "ncnn"): lambda: squeezenet(1),
    ("googlenet", "ncnn"): googlenet,
    ("mnasnet", "ncnn"): lambda: mnasnet(1.0, 224),
    ("resnet50", "aihub"): lambda: resnet((3, 4, 6, 3)),
    ("resnet101", "aihub"): lambda: resnet((3, 4, 23, 3)),
    ("resnext50", "aihub"): lambda: resnet((3, 4, 6, 3), groups=32, base=4),
    ("wideresnet50", "aihub"): lambda: resnet((3, 4, 6, 3), base=128),
    ("squeezenet1_1", "aihub"): lambda: squeezenet(1),
    ("googlenet", "aihub"): googlenet,
    ("densenet121", "aihub"): lambda: densenet((6, 12, 24, 16), 32, 64),
    ("mnasnet05", "aihub"): lambda: mnasnet(0.5, 224),
}


@cache
def operators(name: str, source: str) -> Network | None:
    """The operators of a network that no model is fitted to; None if they are not written down here."""
    if (name, source) == ("vit", "aihub"):
        return trimmed(onnx.load(GRAPHS / "vit_b_16_plain.onnx"))
    build = UNSEEN.get((name, source))
    return None if build is None else build().network(name)


@dataclass(frozen=True)
class Point:
    """One network on one cluster: what the model says, and what was measured."""

    platform: str
    cluster: str
    kind: str
    precision: str
    network: str
    source: str
    model: cost.CostModel
    operators: Network
    error: float


def points() -> Iterator[Point]:
    """Every unseen network wherever it was measured and a model stands."""
    rows = catalogue.latency_table()
    for name in catalogue.names("platforms"):
        platform = catalogue.load_platform(name)
        if set(platform.aliases) & set(catalogue.names("platforms")):
            continue  # the same chip under another name
        for cluster, about in platform.processors.items():
            seen = {row["precision"] for row in cost.measured_on(platform, cluster, rows, None)[0]}
            for precision in sorted({"fp32" if each in ("", "float") else each for each in seen}):
                model = cost.model_for(platform, cluster, rows, precision)
                if model is None:
                    continue
                found: dict[tuple[str, str], float] = {}
                for row in cost.measured_on(platform, cluster, rows, precision)[0]:
                    key = (row["network"], row["source"])
                    if operators(*key) is not None:
                        found[key] = min(found.get(key, float("inf")), float(row["latency_ms"]) * 1e6)
                for key, time in found.items():
                    network = operators(*key)
                    assert network is not None
                    error = model.network(network) / time - 1
                    yield Point(name, cluster, about.kind, precision, *key, model, network, error)


def shares(errors: Sequence[float]) -> str:
    """Quantiles of errors, as a row of the table in README.md."""
    ordered = np.abs(errors)
    cells = [len(errors), *(f"{100 * np.quantile(ordered, share):.0f} %" for share in (0.5, 0.75, 0.9, 1.0))]
    return " | ".join(map(str, cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="put the networks there as network files")
    folder = parser.parse_args().write
    found = list(points())
    groups: dict[tuple[str, str], list[Point]] = {}
    for point in found:
        side = "outside" if calibration.outside(point.model, point.operators) else "within"
        groups.setdefault((side, point.kind), []).append(point)
    print("| range | processor | networks | half | three in four | nine in ten | worst | medians up to | covered |")
    print("|---|---|---|---|---|---|---|---|---|")
    for (side, kind), group in sorted(groups.items(), reverse=True):
        clusters: dict[tuple[str, str], list[float]] = {}
        for point in group:
            clusters.setdefault((point.platform, point.cluster), []).append(abs(point.error))
        medians = max(float(np.median(errors)) for errors in clusters.values())
        covered = np.mean([abs(each.error) <= calibration.stated(each.model, each.operators).typical for each in group])
        held = np.mean([abs(each.error) <= each.model.error for each in group])
        print(f"| {side} | {kind} | {shares([each.error for each in group])} | {100 * medians:.0f} % "
              f"| {100 * covered:.0f} % ({100 * held:.0f} %) |")  # fmt: skip
    if folder is not None:
        for name in sorted({(point.network, point.source) for point in found}):
            network = operators(*name)
            assert network is not None
            (folder / f"{name[0]}.csv").write_text(network_file.write(replace(network, name=name[0])))


if __name__ == "__main__":
    main()
