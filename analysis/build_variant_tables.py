"""Rebuilds ``platforms/variants.csv`` and ``platforms/exits.csv`` from the raw tables.

Usage: ``python analysis/build_variant_tables.py DATA_DIR [FOLDER]``. DATA_DIR holds the raw CSV files; the output
depends on them and on the names in ``platforms/*.yaml`` only. It is written to FOLDER (default: ``platforms``).

``variants.csv`` has one row per family, value and place where a time is known, else one row without a place. Accuracies
are fractions. An empty cell means "not known"; `status` and `threads` are those of the time. A device without a file
in ``platforms/`` keeps a name of its own (``pixel_1``). Numbers are copied as printed, but for per cent / 100, GMACs x
1000 and 1000 / frames per second rounded to 0.001 ms. What is left out, and what was chosen:

* SubFlow published no time per subnet. Of its one batch the times at u = 0.1 and 1.0 are known; `relative_time` is the
  line between them, 0.62 + 0.38 u, hence derived. Elsewhere the line is another one.
* Once-for-all: GPU rows are batches of 16 and 64. AutoSlim: separately trained networks, no family to switch in.
* timm: the architectures that also occur in ``latency.csv``, and those of its edge table up to 10 M parameters; of each
  the weight set with the best top-1 at its largest size. No times.
* timm, pruned: architectures whose full selves stand there at the same input size, and that have fewer MACs when pruned
  (EfficientNet-EL and -ES are pruned without). Distilled: architectures of three sizes or more from one teacher. Every
  variant has weights of its own. No times.
* PicoDet's table: networks at two or more input sizes. Its GFLOPs do not say what they count: no MACs.
* TensorRT YOLO: nobody published its accuracy by input size: empty.
* AI Hub: networks of one component, on the NPU; per precision one runtime, for accuracy and times alike: the one with
  times on most platforms, then the fastest. Accuracies were measured on another phone (Galaxy S25) on a part of each
  data set: differences below a point are noise. Metrics that are no share of right answers are left out (dB, errors,
  SSIM, colourfulness), and so are the masked language models, whose figures contradict their unit, and networks whose
  accuracy at one precision differs by more than 3 points between runtimes (there it is not the precision that counts).
* FCN-ResNet18: rows with status `bound` are from a slower board; the true time lies below.

``exits.csv``: the share of inputs that leaves at each exit is published, the accuracy at an exit and its time are not.
The row ``all`` is the network with exits as a whole (its accuracy and mean time), the row ``baseline`` the same network
without. The mean is sum(share x time), so with two exits, if the last takes as long as the baseline, the first is left:
that much is derived (status `derived`; a branch's own cost is in none of it). With three exits two times stay unknown:
empty. Shares stand as printed (B-LeNet's sum to 99.93 %; the derivation normalises them).
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import yaml

PLATFORMS: Final = Path(__file__).parent.parent / "platforms"
VARIANTS: Final = (
    "family", "network", "knob", "value", "metric", "accuracy", "mmacs", "params_m", "latency_ms", "relative_time",
    "platform", "processor", "threads", "input", "precision", "runtime", "status", "source", "note",
)  # fmt: skip
EXITS: Final = (
    "family", "network", "exit", "share", "accuracy", "relative_cost", "latency_ms", "threshold", "status", "source",
)  # fmt: skip

#: Devices that the raw list of devices does not name: their platforms, or a name of their own.
DEVICES: Final = {
    "Pixel 3 (Snapdragon 845)": "snapdragon_845",
    "fps_jetson_nano": "jetson_nano",
    "fps_jetson_xavier": "jetson_agx_xavier",
}
#: Once-for-all: device -> (family, platform); those without a time have no platform.
OFA: Final = {
    "ResNet50 Design Space": ("ofa_resnet50d", ""),
    "FLOPs": ("ofa_flops", ""),
    "LG G8": ("ofa_lg_g8", "lg_g8"),
    "Samsung S7 Edge": ("ofa_galaxy_s7_edge", "galaxy_s7_edge"),
    "Samsung Note8": ("ofa_galaxy_note8", "galaxy_note8"),
    "Samsung Note10": ("ofa_galaxy_note10", "galaxy_note10"),
    "Google Pixel1": ("ofa_pixel_1", "pixel_1"),
    "Google Pixel2": ("ofa_pixel_2", "pixel_2"),
    "Intel Xeon CPU with MKL-DNN (Batch Size 1)": ("ofa_xeon", "intel_xeon"),
}
#: timm: architectures with a pruned self, and the input size at which both stand there.
PRUNED: Final = {"ecaresnet50d": "224", "ecaresnet101d": "224", "efficientnet_b1": "240"}
#: timm: sizes of one architecture that learnt from one teacher.
DISTILLED: Final = {
    "deit": {size: f"deit_{size}_distilled_patch16_224" for size in ("tiny", "small", "base")},
    "pit": {size: f"pit_{size}_distilled_224" for size in ("ti", "xs", "s", "b")},
    "resmlp": {"12": "resmlp_12_224", "24": "resmlp_24_224", "36": "resmlp_36_224", "big": "resmlp_big_24_224"},
}
#: Columns of MobileNet's table: one thread on one big core. (platform, processor)
PIXELS: Final = {
    "pixel1_big1t_ms": ("pixel_1", "cpu"),
    "pixel2_big1t_ms": ("pixel_2", "cpu"),
    "pixel3_big1t_ms": ("snapdragon_845", "gold"),
}
#: timm's architectures that have times in latency.csv.
TIMM_MEASURED: Final = (
    "convnext_base", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_b4", "resnet101", "resnet152",
    "resnet18", "resnet34", "resnet50",
)  # fmt: skip
TIMM_EDGE_PARAMS_M: Final = 10
AIHUB_DEVICES: Final = ("Samsung Galaxy S24", "QCS8550 (Proxy)")
AIHUB_PRECISIONS: Final = {"float": "fp16", "w8a8": "int8"}
#: AI Hub's metrics that are a share of right answers, in per cent.
AIHUB_METRICS: Final = {
    "Classification Accuracy": "top1",
    "Mean Intersection Over Union": "miou",
    "Mean Average Precision": "map",
    "Delta Threshold Accuracy": "delta1",
}
#: Networks whose runtimes disagree by more points than this at one precision are left out.
AIHUB_SPREAD: Final = 3
YOLO_DEVICES: Final = ("OrinAGX-64GB", "OrinNano-8GB", "XavierNX-8GB")
#: Figures of FCN-ResNet18 from a slower board: data set -> (column, platform).
BOUNDS: Final = {
    "cityscapes": ("fps_jetson_xavier", "jetson_agx_orin_64"),
    "deepscene": ("fps_jetson_nano", "jetson_xavier_nx"),
}
RELATIVE_NOTE: Final = (
    "relative_time = 0.62 + 0.38 u, the line through the only two published times (one batch of 10 000 images on a GPU)"
)

Row = dict[str, str]
#: From a device's name to its platform's.
Place = Callable[[str], str]
#: Milliseconds by (model, precision, runtime) and device.
Times = dict[tuple[str, str, str], dict[str, str]]


def main(arguments: list[str]) -> int:
    """Write both tables; the exit code is 2 when the arguments are wrong."""
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    data = Path(arguments[0])
    folder = Path(arguments[1]) if len(arguments) == 2 else PLATFORMS
    for name, header, rows in (("variants", VARIANTS, variants(data)), ("exits", EXITS, exits(data))):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        print(f"{folder / name}.csv: {len(rows)} rows")
    return 0


def variants(data: Path) -> list[Row]:
    """All rows of variants.csv: by family, and in a family from the smallest value to the largest."""
    place = _places(data)
    makers: tuple[Callable[[Path, Place], Iterator[Row]], ...] = (
        subflow, mobilenet, ofa, slimmable, timm, pruned_and_distilled, picodet, segmentation, yolo, aihub, tflite,
    )  # fmt: skip
    rows = [row for maker in makers for row in maker(data, place)]
    return sorted(rows, key=lambda row: (row["family"], _rank(row["value"]), row.get("platform", ""), _text(row)))


def _text(row: Row) -> tuple[str, ...]:
    return tuple(row.get(column, "") for column in VARIANTS)


def _rank(value: str) -> tuple[tuple[Decimal, ...], str]:
    """Numbers by size (1.0/224: width, then size; 512x256: likewise), words by letters after them."""
    try:
        return tuple(Decimal(part) for part in value.replace("x", "/").split("/")), ""
    except ArithmeticError:
        return (), value


def _places(data: Path) -> Place:
    """From a device's name to its platform's, by the raw list of devices and the names and aliases of the files."""
    devices = {row["device"]: row["platform"] for row in read(data, "devices.csv")} | DEVICES
    files = {path.stem: path for path in sorted(PLATFORMS.glob("*.yaml"))}
    aliases: dict[str, str] = {}
    for name, path in files.items():
        for alias in yaml.safe_load(path.read_text(encoding="utf-8")).get("aliases", ()):
            aliases.setdefault(alias, name)

    def place(device: str) -> str:
        name = devices[device]
        return name if name in files else aliases.get(name, name)

    return place


def read(data: Path, name: str) -> list[Row]:
    """The rows of one raw table."""
    with (data / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fraction(percent: str) -> str:
    """A percentage as a fraction, all digits kept."""
    return format((Decimal(percent) / 100).normalize(), "f")


def milliseconds(frames_per_second: str) -> str:
    """1000 / frames per second, rounded to 0.001 ms."""
    return str((1000 / Decimal(frames_per_second)).quantize(Decimal("0.001")))


def plain(number: Decimal) -> str:
    """A number without an exponent or zeros at its end."""
    return format(number.normalize(), "f")


def point(names: tuple[str, str, str, str, str], source: str, **cells: str) -> Row:
    """A row about (family, network, knob, value, metric)."""
    return dict(zip(VARIANTS[:5], names, strict=True)) | cells | {"source": source}


def timed(row: Row, platform: str, processor: str, latency_ms: str, status: str = "measured", **cells: str) -> Row:
    """`row` with a time."""
    place = {"platform": platform, "processor": processor, "latency_ms": latency_ms, "status": status}
    return row | place | cells


def subflow(data: Path, place: Place) -> Iterator[Row]:
    """SubFlow's LeNet-5: accuracy by the share u of each layer's neurons."""
    for row in read(data, "subflow_lenet_mnist.csv"):
        share = row["network_utilization"]
        names = ("subflow_lenet5_mnist", "lenet5", "subnet", share, "mnist_top1")
        line = plain(Decimal("0.62") + Decimal("0.38") * Decimal(share))
        cells = {"accuracy": row["accuracy"], "relative_time": line, "status": "derived", "note": RELATIVE_NOTE}
        yield point(names, "subflow", **cells)


def mobilenet(data: Path, place: Place) -> Iterator[Row]:
    """MobileNetV2 by width and resolution; MobileNetV3 by width in fp32, and by precision at width 1.0."""
    for row in read(data, "mobilenet_width_res.csv"):
        model, width, precision = row["model"], row["width"], row["precision"]
        if model == "mobilenet_v2":
            yield from _mobilenet(row, model, "width/resolution", f"{width}/{row['resolution']}")
            continue
        if precision == "fp32" and not model.endswith("_minimalistic"):
            yield from _mobilenet(row, model, "width", width)
        if width == "1.0" and model != "mobilenet_v3_small_minimalistic":
            yield from _mobilenet(row, f"{model}_precision", "precision", precision)


def _mobilenet(row: Row, family: str, knob: str, value: str) -> Iterator[Row]:
    about = point(
        (family, row["model"], knob, value, "imagenet_top1"),
        "mobilenet_readme",
        accuracy=fraction(row["top1"]),
        mmacs=row["mmacs"],
        params_m=row["params_m"],
        input=f"{row['resolution']}x{row['resolution']}",
        precision=row["precision"],
    )
    for column, (platform, processor) in PIXELS.items():
        if row[column]:
            yield timed(about, platform, processor, row[column], threads="1")


def ofa(data: Path, place: Place) -> Iterator[Row]:
    """Once-for-all's subnets, found for one device each."""
    for row in read(data, "ofa_subnets.csv"):
        if row["device"] in OFA:
            family, platform = OFA[row["device"]]
            network = "ofa_resnet50d" if family == "ofa_resnet50d" else "ofa_mobilenet_v3"
            names = (family, network, "subnet", row["net"], "imagenet_top1")
            mmacs = plain(Decimal(row["mmacs"]))
            about = point(names, "ofa", accuracy=fraction(row["top1"]), mmacs=mmacs, params_m=row["params_m"])
            yield timed(about, platform, "cpu", row["latency_ms"]) if platform else about


def slimmable(data: Path, place: Place) -> Iterator[Row]:
    """Slimmable networks: one set of weights for all widths."""
    for row in read(data, "width_slimmable.csv"):
        if row["width"]:
            network = row["model"].lower().replace(" ", "_").replace("-", "_")
            names = (f"slimmable_{network}", network, "width", row["width"], "imagenet_top1")
            yield point(names, "slimmable", accuracy=fraction(row["top1"]), mmacs=plain(Decimal(row["mmacs"])))


def timm(data: Path, place: Place) -> Iterator[Row]:
    """Classifiers at two or more input sizes, one weight set of each."""
    edge = {row["arch"] for row in read(data, "timm_edge.csv")}
    sets: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in read(data, "timm_multires.csv"):
        small = row["arch"] in edge and Decimal(row["params_m"]) <= TIMM_EDGE_PARAMS_M
        if small or row["arch"] in TIMM_MEASURED:
            sets[row["arch"]][row["model"]].append(row)
    for arch, models in sets.items():
        largest = {model: max(rows, key=lambda row: int(row["img_size"])) for model, rows in models.items()}
        model = min(models, key=lambda name: (-Decimal(largest[name]["top1"]), name))
        for row in models[model]:
            yield point(
                (f"timm_{arch}", arch, "resolution", row["img_size"], "imagenet_top1"),
                "timm",
                accuracy=fraction(row["top1"]),
                mmacs=plain(Decimal(row["gmacs"]) * 1000),
                params_m=row["params_m"],
                input=f"{row['img_size']}x{row['img_size']}",
                note=f"weights {model}",
            )


def pruned_and_distilled(data: Path, place: Place) -> Iterator[Row]:
    """Classifiers and their pruned selves, and sizes of one architecture learnt from one teacher; at one input size."""
    best: dict[tuple[str, str], Row] = {}
    for row in read(data, "timm_imagenet.csv"):  # from the best down
        if "distilled" in row["model"] or not any(row["arch"].startswith(name) for name in DISTILLED):
            best.setdefault((row["arch"], row["img_size"]), row)
    named = [
        (f"timm_pruned_{arch}", value, best[arch + ending, size])
        for arch, size in PRUNED.items()
        for value, ending in (("full", ""), ("pruned", "_pruned"))
    ]
    named += [
        (f"timm_distilled_{name}", value, best[arch, "224"])
        for name, sizes in DISTILLED.items()
        for value, arch in sizes.items()
    ]
    for family, value, row in named:
        yield point(
            (family, row["arch"], "subnet", value, "imagenet_top1"),
            "timm",
            accuracy=fraction(row["top1"]),
            mmacs=plain(Decimal(row["gmacs"]) * 1000),
            params_m=row["params_m"],
            input=f"{row['img_size']}x{row['img_size']}",
            note=f"weights {row['model']}",
        )


def picodet(data: Path, place: Place) -> Iterator[Row]:
    """Detectors by input size, four threads on a Snapdragon 865."""
    rows = [row for row in read(data, "det_picodet.csv") if row["lat_sd865_4t_ms"] not in ("", ".")]
    for row in rows:
        if sum(other["model"] == row["model"] for other in rows) > 1:
            network = row["model"].lower().replace(" ", "-")
            size = row["input"].partition("x")[0]
            names = (network.replace("-", "_"), network, "resolution", size, "coco_map50_95")
            about = point(names, "picodet", accuracy=fraction(row["map50_95"]), params_m=row["params_m"])
            platform = place("lat_sd865_4t_ms")
            yield timed(about, platform, "cpu", row["lat_sd865_4t_ms"], threads="4", input=row["input"])


def segmentation(data: Path, place: Place) -> Iterator[Row]:
    """FCN-ResNet18 by resolution on two Jetsons, and as bounds on two faster ones."""
    for row in read(data, "jetson_seg_resolution.csv"):
        network = row["network"].rpartition("-")[0]
        dataset = network.rpartition("-")[2]
        size = row["resolution"]
        names = (network.replace("-", "_"), network, "resolution", size, f"{dataset}_pixel_accuracy")
        cells = {"accuracy": fraction(row["accuracy_pct"]), "input": size, "precision": "fp16"}
        about = point(names, "jetson_inference", **cells)
        for column in ("fps_jetson_nano", "fps_jetson_xavier"):
            yield timed(about, place(column), "gpu", milliseconds(row[column]), "derived")
        if dataset in BOUNDS:
            column, platform = BOUNDS[dataset]
            yield timed(about, platform, "gpu", milliseconds(row[column]), "bound")


def yolo(data: Path, place: Place) -> Iterator[Row]:
    """TensorRT YOLO by input size: the engine alone, median; no accuracy."""
    for row in read(data, "jetson_trt_yolo_imgsz.csv"):
        if row["framework"] == "tensorrt" and row["device"] in YOLO_DEVICES:
            names = (f"trt_{row['model']}", row["model"], "resolution", row["imgsz"], "")
            about = point(names, "trtutils", input=row["imgsz"], runtime="tensorrt")
            yield timed(about, place(row["device"]), "gpu", row["median_ms"])


def aihub(data: Path, place: Place) -> Iterator[Row]:
    """Networks on the NPU of two Snapdragons by precision; see the top for the choice of networks and runtimes."""
    components: dict[str, set[str]] = defaultdict(set)
    times: Times = defaultdict(dict)
    for row in read(data, "aihub_perf.csv"):
        components[row["model_id"]].add(row["component"])
        if row["device"] in AIHUB_DEVICES and row["unit"] == "NPU":
            times[row["model_id"], row["precision"], row["runtime"]][row["device"]] = row["latency_ms"]
    choices: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in read(data, "aihub_accuracy_quant.csv"):
        if row["metric"] in AIHUB_METRICS and len(components[row["model_id"]]) == 1:
            choices[row["model_id"]][row["precision"]].append(row)
    facts = {row["model_id"]: row for row in read(data, "aihub_models.csv")}
    for model, precisions in choices.items():
        if any(_spread(rows) > AIHUB_SPREAD for rows in precisions.values()):
            continue
        timed_rows = ([row for row in rows if _times(row, times)] for rows in precisions.values())
        best = [min(rows, key=lambda row: _runtime_rank(row, times)) for rows in timed_rows if rows]
        for row in best if len(best) > 1 else ():
            for device, latency in _times(row, times).items():
                yield timed(_aihub(row, facts[model]), place(device), "npu", latency)


def _times(row: Row, times: Times) -> Row:
    """The times of an accuracy's model, precision and runtime by device."""
    return times.get((row["model_id"], row["precision"], row["runtime"]), {})


def _spread(rows: list[Row]) -> Decimal:
    """By how many points the runtimes of one precision disagree."""
    accuracies = [Decimal(row["on_device_metric"]) for row in rows]
    return max(accuracies) - min(accuracies)


def _runtime_rank(row: Row, times: Times) -> tuple[int, list[Decimal], str]:
    """What to sort runtimes by: platforms with times, the times, the name."""
    known = _times(row, times)
    return -len(known), [Decimal(known[device]) for device in AIHUB_DEVICES if device in known], row["runtime"]


def _aihub(row: Row, facts: Row) -> Row:
    precision = AIHUB_PRECISIONS.get(row["precision"], row["precision"])
    metric = f"{row['dataset']}_{AIHUB_METRICS[row['metric']]}"
    return point(
        (f"aihub_{row['model_id']}", row["model_id"], "precision", precision, metric),
        "aihub",
        accuracy=fraction(row["on_device_metric"]),
        params_m=facts["params"].removesuffix("M") if facts["params"].endswith("M") else "",
        input=facts["input"],
        precision=precision,
        runtime=row["runtime"],
    )


def tflite(data: Path, place: Place) -> Iterator[Row]:
    """TensorFlow Lite on a Snapdragon 845: by precision where both have a top-1, and by width and resolution."""
    rows = [row for row in read(data, "tflite_hosted.csv") if row["top1"]]
    both = {row["model"] for row in rows if row["precision"] == "fp32"}
    both &= {row["model"] for row in rows if row["precision"] == "int8"}
    for row in rows:
        network, precision = row["model"].lower(), row["precision"]
        if row["model"] in both:
            yield from _tflite(row, place, f"tflite_{network}", "precision", precision)
        name, *sizes = network.rsplit("_", 2)
        if name in ("mobilenet_v1", "mnasnet"):
            family = f"tflite_{name}" if precision == "fp32" else f"tflite_{name}_{precision}"
            yield from _tflite(row, place, family, "width/resolution", "/".join(sizes))


def _tflite(row: Row, place: Place, family: str, knob: str, value: str) -> Iterator[Row]:
    names = (family, row["model"].lower(), knob, value, "imagenet_top1")
    cells = {"accuracy": fraction(row["top1"]), "precision": row["precision"], "runtime": "tflite"}
    for column, processor, threads in (("cpu4t_big_ms", "gold", "4"), ("gpu_ms", "gpu", "")):
        if row[column]:
            about = point(names, "tflite", threads=threads, **cells)
            yield timed(about, place(row["device"]), processor, row[column])


def exits(data: Path) -> list[Row]:
    """All rows of exits.csv: BranchyNet's three networks on its CPU."""
    rows = [row for row in read(data, "early_exit_branchynet.csv") if row["platform"] == "CPU"]
    found: list[Row] = []
    for baseline, branchy in zip(rows[::2], rows[1::2], strict=True):
        found += _exits(baseline, branchy)
    return found


def _exits(baseline: Row, branchy: Row) -> Iterator[Row]:
    name = branchy["network"].lower().replace("/", "_").replace("-", "_")
    full, mean = Decimal(baseline["latency_ms"]), Decimal(branchy["latency_ms"])
    shares = [Decimal(share) / 100 for share in branchy["exit_pct_per_exit"].split(";")]
    thresholds = branchy["entropy_thresholds"].split(";")
    times: list[Decimal | None] = [None] * len(shares)
    if len(shares) == 2:
        total = sum(shares)
        times = [(mean * total - shares[1] * full) / shares[0], full]
    common = {"family": f"branchynet_{name}", "network": baseline["network"].partition("/")[0].lower()}
    for number, (share, time) in enumerate(zip(shares, times, strict=True)):
        yield common | {
            "exit": str(number + 1),
            "share": plain(share),
            "relative_cost": "" if time is None else _rounded(time / full),
            "latency_ms": "" if time is None else _rounded(time),
            "threshold": thresholds[number] if number < len(thresholds) else "",
            "status": "measured" if time is None else "derived",
            "source": "branchynet",
        }
    for exit_, row in (("all", branchy), ("baseline", baseline)):
        yield common | {
            "exit": exit_,
            "accuracy": fraction(row["accuracy_pct"]),
            "relative_cost": _rounded(Decimal(row["latency_ms"]) / full),
            "latency_ms": row["latency_ms"],
            "status": "measured",
            "source": "branchynet",
        }


def _rounded(value: Decimal) -> str:
    return plain(value.quantize(Decimal("0.0001")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
