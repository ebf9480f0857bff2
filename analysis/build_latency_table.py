"""Rebuilds ``platforms/latency.csv`` from the raw tables, so that each of its numbers can be audited.

Usage: ``python analysis/build_latency_table.py DATA_DIR [OUTPUT]``. DATA_DIR holds the raw CSV files; the output
depends on nothing else. Rows are sorted and numbers copied as printed, but for three: MLPerf's latency is its p50
rounded to 0.001 ms (the p50 column keeps all digits), the segmentation networks' is 1000 / frames per second rounded
to 0.001 ms, and energies are mJ instead of J.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

HEADER: Final = (
    "platform", "network", "input", "processor", "threads", "precision", "runtime", "latency_ms", "p50_ms", "p99_ms",
    "p99_9_ms", "max_ms", "energy_mj", "memory_mb", "status", "source",
)  # fmt: skip

NCNN_RK3588: Final = "Rockchip RK3588 (Cortex-A76 2.4GHz x 4 + Cortex-A55 1.8GHz x 4)"
NCNN_AGX_ORIN: Final = "NVIDIA Jetson AGX Orin (Cortex-A78AE 2.2 GHz x 12 + Ampere@1.3 GHz Tensor Cores 64)"
THREADS: Final = ("1", "4")
TENSORRT_BOARDS: Final = {"XavierNX-8GB": "jetson_xavier_nx", "OrinAGX-64GB": "jetson_agx_orin_64"}
MLPERF_BOARDS: Final = {"Xavier NX": "jetson_xavier_nx", "AGX Orin": "jetson_agx_orin_64"}
#: Input and precision of the MLPerf runs where the sources state them.
MLPERF_INPUT: Final = {"ssd-mobilenet": "300x300", "retinanet": "800x800"}
MLPERF_PRECISION: Final = {("Xavier NX", "resnet50"): "int8", ("Xavier NX", "ssd-mobilenet"): "int8"}
#: Segmentation networks measured on a slower board, as upper bounds: platform -> (column, networks).
BOUNDS: Final = {
    "jetson_xavier_nx": ("fps_jetson_nano", ("fcn-resnet18-deepscene-576x320",)),
    "jetson_agx_orin_64": (
        "fps_jetson_xavier",
        tuple(f"fcn-resnet18-cityscapes-{size}" for size in ("512x256", "1024x512", "2048x1024")),
    ),
}
#: Units of the Snapdragon table. Its CPU rows do not say which cores ran: they belong to the kind, to no cluster.
SOC_UNITS: Final = {"CPU": "cpu", "GPU": "gpu", "GPU-1": "gpu", "DSP": "dsp"}
SOC_NETWORKS: Final = {"resnet-50": "resnet50", "resnet-152": "resnet152"}
SOC_PRECISIONS: Final = {"I8": "int8"}

Row = dict[str, str]


def main(arguments: list[str]) -> int:
    """Write the table; the exit code is 2 when the arguments are wrong."""
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    data = Path(arguments[0])
    output = Path(arguments[1]) if len(arguments) == 2 else Path(__file__).parent.parent / "platforms" / "latency.csv"
    rows = table(data)
    with output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HEADER, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{output}: {len(rows)} rows")
    return 0


def table(data: Path) -> list[Row]:
    """All rows, sorted by what they measure."""
    makers = (ncnn, rknn, soc_cluster, picodet, tensorrt, mlperf, segmentation_bounds)
    rows = [row for maker in makers for row in maker(data)]
    return sorted(rows, key=lambda row: tuple(row.get(column, "") for column in HEADER))


def read(data: Path, name: str) -> list[Row]:
    """The rows of one raw table."""
    with (data / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def milliseconds(value: Decimal) -> str:
    """`value` rounded to 0.001 ms."""
    return str(value.quantize(Decimal("0.001")))


def ncnn(data: Path) -> Iterator[Row]:
    """One RK3588 board (little and big with 1 and 4 threads, GPU) and the equal cores of AGX Orin; no flagged rows."""
    usable = [row for row in read(data, "ncnn_edge.csv") if not row["flag"]]
    for row in usable:
        if row["device"] == NCNN_RK3588 and row["gpu"] == "vulkan":
            yield _ncnn(row, "rk3588", "gpu", "", "ncnn-vulkan")
        elif row["device"] == NCNN_RK3588 and row["threads"] in THREADS:
            yield _ncnn(row, "rk3588", row["cluster"], row["threads"], "ncnn")
        elif row["device"] == NCNN_AGX_ORIN and not row["gpu"] and row["threads"] in THREADS:
            yield _ncnn(row, "jetson_agx_orin_64", "cpu", row["threads"], "ncnn")


def _ncnn(row: Row, platform: str, processor: str, threads: str, runtime: str) -> Row:
    return {
        "platform": platform,
        "network": row["model"].lower(),
        "processor": processor,
        "threads": threads,
        "precision": "int8" if row["model"].endswith("_int8") else "",
        "runtime": runtime,
        "latency_ms": row["avg_ms"],
        "max_ms": row["max_ms"],
        "status": "measured",
        "source": "ncnn",
    }


def rknn(data: Path) -> Iterator[Row]:
    """Networks on one core of the RK3588's NPU; the source prints frames per second, hence status derived."""
    rows = [row for row in read(data, "rknn_npu.csv") if row["platform"] == "RK3588@1core"]
    demos = Counter(row["model"] for row in rows)
    for row in rows:
        name = row["model"] if demos[row["model"]] == 1 else f"{row['demo']}-{row['model']}"
        yield {
            "platform": "rk3588",
            "network": name.lower(),
            "input": _image_size(row["input"]),
            "processor": "npu",
            "precision": row["dtype"].lower(),
            "runtime": "rknn",
            "latency_ms": row["latency_ms"],
            "status": "derived",
            "source": "rknn",
        }


def _image_size(shape: str) -> str:
    """Width x height of "[1, 3, height, width]"; any other shape with x between its numbers, or as printed."""
    if not shape.startswith("["):
        return shape
    sizes = shape.strip("[]").split(", ")
    return f"{sizes[3]}x{sizes[2]}" if sizes[:2] == ["1", "3"] and len(sizes) == 4 else "x".join(sizes)


def soc_cluster(data: Path) -> Iterator[Row]:
    """Snapdragon 865: CPU, GPU and DSP one frame at a time, with energy where measured; the batch of 8 is left out."""
    for row in read(data, "snapdragon_cpu_gpu_dsp_energy.csv"):
        if row["soc"] == "Snapdragon 865" and row["unit"] in SOC_UNITS:
            energy = row["energy_j_per_frame"]
            yield {
                "platform": "snapdragon_865",
                "network": SOC_NETWORKS.get(row["model"], row["model"]),
                "processor": SOC_UNITS[row["unit"]],
                "precision": SOC_PRECISIONS.get(row["precision"], row["precision"].lower()),
                "runtime": row["runtime"],
                "latency_ms": row["latency_ms"],
                "energy_mj": format((Decimal(energy) * 1000).normalize(), "f") if energy else "",
                "status": "measured",
                "source": "soc_cluster",
            }


def picodet(data: Path) -> Iterator[Row]:
    """Snapdragon 865: detectors with four threads; which cores ran is not stated, nor the precision."""
    for row in read(data, "det_picodet.csv"):
        latency = row["lat_sd865_4t_ms"]
        if latency not in ("", "."):
            yield {
                "platform": "snapdragon_865",
                "network": row["model"].lower().replace(" ", "-"),
                "input": row["input"],
                "processor": "cpu",
                "threads": "4",
                "latency_ms": latency,
                "status": "measured",
                "source": "picodet",
            }


def tensorrt(data: Path) -> Iterator[Row]:
    """YOLO models by input size on two Jetsons: the engine alone, median; precision and power mode are not stated."""
    for row in read(data, "jetson_trt_yolo_imgsz.csv"):
        if row["framework"] == "tensorrt" and row["device"] in TENSORRT_BOARDS:
            yield {
                "platform": TENSORRT_BOARDS[row["device"]],
                "network": row["model"],
                "input": row["imgsz"],
                "processor": "gpu",
                "runtime": "tensorrt",
                "latency_ms": row["median_ms"],
                "p50_ms": row["median_ms"],
                "max_ms": row["max_ms"],
                "status": "measured",
                "source": "trtutils",
            }


def mlperf(data: Path) -> Iterator[Row]:
    """MLPerf Inference, single stream, NVIDIA's closed submissions: v1.1 on Xavier NX, v3.1 on AGX Orin."""
    for row in read(data, "mlperf_edge_jetson.csv"):
        if row["device"] in MLPERF_BOARDS:
            yield {
                "platform": MLPERF_BOARDS[row["device"]],
                "network": row["model"],
                "input": MLPERF_INPUT.get(row["model"], ""),
                "processor": "gpu",
                "precision": MLPERF_PRECISION.get((row["device"], row["model"]), ""),
                "runtime": "tensorrt",
                "latency_ms": milliseconds(Decimal(row["p50_ms"])),
                **{column: row[column] for column in ("p50_ms", "p99_ms", "p99_9_ms", "max_ms")},
                "status": "measured",
                "source": "mlperf_edge",
            }


def segmentation_bounds(data: Path) -> Iterator[Row]:
    """Segmentation networks from a slower Jetson than the platform: the true time lies below."""
    rows = {(row["network"], row["resolution"]): row for row in read(data, "jetson_seg_resolution.csv")}
    for platform, (column, networks) in BOUNDS.items():
        for network in networks:
            name, _, size = network.rpartition("-")
            yield {
                "platform": platform,
                "network": name,
                "input": size,
                "processor": "gpu",
                "precision": "fp16",
                "latency_ms": milliseconds(1000 / Decimal(rows[network, size][column])),
                "status": "bound",
                "source": "jetson_inference",
            }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
