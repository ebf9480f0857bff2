"""Rebuilds ``platforms/latency.csv`` from the raw tables, so that each of its numbers can be audited.

Usage: ``python analysis/build_latency_table.py DATA_DIR [OUTPUT]``. DATA_DIR holds the raw CSV files; the output
depends on nothing else. Rows are sorted and numbers copied as printed, but for three: MLPerf's latency is its p50
rounded to 0.001 ms (the p50 column keeps all digits), the segmentation networks' is 1000 / frames per second rounded
to 0.001 ms, and energies are mJ instead of J or uJ.
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
    "p99_9_ms", "max_ms", "energy_mj", "memory_mb", "status", "source", "edp_ms_mj",
    "n",
)  # fmt: skip

#: ncnn's boards: the beginning of the device's name -> platform, and per (cores, threads) of the source the processor.
#: A set of cores that is no cluster of the platform's file ("big" cores of two kinds, all cores) belongs to the kind.
NCNN_BOARDS: Final[dict[str, tuple[str, dict[tuple[str, str], str]]]] = {
    "Rockchip RK3588 (Cortex-A76 2.4GHz x 4": (
        "rk3588",
        {("little", "1"): "little", ("little", "4"): "little", ("big", "1"): "big", ("big", "4"): "big"},
    ),
    "NVIDIA Jetson AGX Orin": ("jetson_agx_orin_64", {("all", count): "cpu" for count in ("1", "2", "4", "8", "12")}),
    "NVIDIA Jetson Orin Nano": ("jetson_orin_nano", {("all", "1"): "cpu", ("all", "6"): "cpu"}),
    "NVIDIA Jetson Nano": ("jetson_nano", {("all", "1"): "cpu", ("all", "4"): "cpu"}),
    "NVIDIA Jetson TX2 NX": ("jetson_tx2", {("all", "1"): "cpu", ("all", "6"): "cpu"}),
    "Qualcomm SM8550-AB Snapdragon 8 Gen 2": (
        "snapdragon_8gen2",
        {("big", "1"): "cpu", ("big", "4"): "cpu", ("all", "8"): "cpu"},
    ),
    "MediaTek Dimensity 9300": (
        "dimensity_9300",
        {("big", "1"): "cpu", ("big", "4"): "cpu", ("little", "4"): "little", ("all", "8"): "cpu"},
    ),
    "Qualcomm Snapdragon 888": ("snapdragon_888", {}),  # its CPU rows are eight threads on the four big cores
}
AIHUB_BOARDS: Final = {"QCS8550 (Proxy)": "snapdragon_8gen2", "Samsung Galaxy S24": "snapdragon_8gen3"}
#: The source's words for what the NPU computes with; every other word stands as printed.
AIHUB_PRECISIONS: Final = {("NPU", "float"): "fp16", ("NPU", "w8a8"): "int8"}
TENSORRT_BOARDS: Final = {
    "XavierNX-8GB": "jetson_xavier_nx",
    "OrinAGX-64GB": "jetson_agx_orin_64",
    "OrinNano-8GB": "jetson_orin_nano",
}
#: Iterations per model and size, as its author states.
TENSORRT_RUNS: Final = "1000"
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
SOC_PLATFORMS: Final = {f"Snapdragon {number}": f"snapdragon_{number}" for number in (845, 855, 865, 888)}
#: Units of the Snapdragon table. Its CPU rows do not say which cores ran: they belong to the kind, to no cluster.
SOC_UNITS: Final = {"CPU": "cpu", "GPU": "gpu", "GPU-1": "gpu", "DSP": "dsp"}
SOC_NETWORKS: Final = {"resnet-50": "resnet50", "resnet-152": "resnet152"}
SOC_PRECISIONS: Final = {"I8": "int8"}
#: The four big cores of the 845 are one cluster, those of the 855 are two: the kind.
TFLITE_BOARDS: Final = {
    "Pixel 3 (Snapdragon 845)": ("snapdragon_845", "gold"),
    "Pixel 4 (Snapdragon 855)": ("snapdragon_855", "cpu"),
}
#: Cores of the Kirin table. The chip has two pairs of A76 with different clocks; which one ran is not stated.
KIRIN_CORES: Final = {"A55": "little", "A76": "cpu"}
TINY_SYSTEM: Final = "NUCLEO-H7A3ZI-Q_X-CUBE-AI-8.0"
#: The organisations of the XRBench study: its two unequal pairs have one order of dataflows.
XRBENCH_PAIRS: Final = ("Dual_4K_BigLittle", "Dual_4K_LittleBig")

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
    makers = (
        ncnn, aihub, rknn, bolt, soc_cluster, picodet, paddleclas, tflite, tensorrt, torch2trt, mlperf,
        segmentation, segmentation_bounds, coral, mlperf_tiny, xrbench,
    )  # fmt: skip
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
    """CPU rows by cores and threads, GPU rows over Vulkan; no flagged rows; of several runs the one of `_rank`."""
    runs: dict[tuple[str, ...], Row] = {}
    for row in read(data, "ncnn_edge.csv"):
        board = next((board for start, board in NCNN_BOARDS.items() if row["device"].startswith(start)), None)
        if board is None or row["flag"]:
            continue
        platform, cores = board
        if row["gpu"]:
            place = (platform, "gpu", "", "ncnn-vulkan")
        elif (row["cluster"], row["threads"]) in cores:
            place = (platform, cores[row["cluster"], row["threads"]], row["threads"], "ncnn")
        else:
            continue
        key = (*place, row["model"])
        if key not in runs or _rank(row) > _rank(runs[key]):
            runs[key] = row
    for (platform, processor, threads, runtime, _), row in runs.items():
        yield _ncnn(row, platform, processor, threads, runtime)


def _rank(row: Row) -> tuple[int, int]:
    """Which of several runs counts: the one with most loops, of GPU runs that with the fewest CPU threads."""
    return int(row["loops"]), -int(row["threads"])


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
        "n": row["loops"],
    }


def aihub(data: Path) -> Iterator[Row]:
    """Snapdragon 8 Gen 2 (as QCS8550) and 8 Gen 3: per component, unit and precision the fastest runtime.

    A component of a model with several is called model-component. The unit is the primary one; some layers of a few
    networks run elsewhere. CPU and GPU rows are fallbacks, which cores ran is not stated. Inputs are not in the table.
    """
    rows = read(data, "aihub_perf.csv")
    components: dict[str, set[str]] = {}
    for row in rows:
        components.setdefault(row["model_id"], set()).add(row["component"])
    best: dict[tuple[str, ...], Row] = {}
    for row in rows:
        if row["device"] in AIHUB_BOARDS:
            key = tuple(row[column] for column in ("device", "model_id", "component", "unit", "precision"))
            if key not in best or _speed(row) < _speed(best[key]):
                best[key] = row
    for row in best.values():
        model = row["model_id"]
        yield {
            "platform": AIHUB_BOARDS[row["device"]],
            "network": (model if len(components[model]) == 1 else f"{model}-{row['component']}").lower(),
            "processor": row["unit"].lower(),
            "precision": AIHUB_PRECISIONS.get((row["unit"], row["precision"]), row["precision"]),
            "runtime": row["runtime"],
            "latency_ms": row["latency_ms"],
            "memory_mb": row["mem_max_mb"],
            "status": "measured",
            "source": "aihub",
        }


def _speed(row: Row) -> tuple[Decimal, str]:
    """What to sort runtimes by: time, then name."""
    return Decimal(row["latency_ms"]), row["runtime"]


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


def bolt(data: Path) -> Iterator[Row]:
    """Kirin 990, one thread on an A55 or an A76, with both compilers."""
    for row in read(data, "kirin_bolt.csv"):
        if row["kirin_soc"] == "990":
            yield {
                "platform": "kirin_990",
                "network": row["model"],
                "input": _kirin_input(row["input"]),
                "processor": KIRIN_CORES[row["core"]],
                "threads": row["threads"],
                "precision": row["precision"],
                "runtime": f"bolt-{row['compiler']}",
                "latency_ms": row["avg_ms"],
                "status": "measured",
                "source": "bolt",
            }


def _kirin_input(shape: str) -> str:
    """Width x height of "1/3/height/width"; nothing of "/"; any other as printed."""
    sizes = shape.split("/")
    return f"{sizes[3]}x{sizes[2]}" if sizes[:2] == ["1", "3"] else shape.strip("/")


def soc_cluster(data: Path) -> Iterator[Row]:
    """Snapdragon 845 to 888: CPU, GPU and DSP one frame at a time, energy where measured; no batch of 8."""
    for row in read(data, "snapdragon_cpu_gpu_dsp_energy.csv"):
        if row["soc"] in SOC_PLATFORMS and row["unit"] in SOC_UNITS:
            energy = row["energy_j_per_frame"]
            yield {
                "platform": SOC_PLATFORMS[row["soc"]],
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


def paddleclas(data: Path) -> Iterator[Row]:
    """Snapdragon 855: classifiers with one, two and four threads; which cores ran is not stated."""
    for row in read(data, "cpu_sd855_threads.csv"):
        for threads in ("1", "2", "4"):
            yield {
                "platform": "snapdragon_855",
                "network": row["model"].lower(),
                "processor": "cpu",
                "threads": threads,
                "latency_ms": row[f"t{threads}_ms"],
                "status": "measured",
                "source": "paddleclas",
            }


def tflite(data: Path) -> Iterator[Row]:
    """Snapdragon 845 and 855: four threads on the big cores, and the GPU; NNAPI does not say what ran."""
    for row in read(data, "tflite_hosted.csv"):
        if row["device"] in TFLITE_BOARDS:
            platform, cores = TFLITE_BOARDS[row["device"]]
            for column, processor, threads in (("cpu4t_big_ms", cores, "4"), ("gpu_ms", "gpu", "")):
                if row[column]:
                    yield {
                        "platform": platform,
                        "network": row["model"].lower(),
                        "processor": processor,
                        "threads": threads,
                        "precision": row["precision"],
                        "runtime": "tflite",
                        "latency_ms": row[column],
                        "status": "measured",
                        "source": "tflite",
                    }


def tensorrt(data: Path) -> Iterator[Row]:
    """YOLO models by input size on three Jetsons: the engine alone, median; precision and power mode are not stated."""
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
                "n": TENSORRT_RUNS,
            }


def torch2trt(data: Path) -> Iterator[Row]:
    """Classifiers on Jetson Nano, fp16, TensorRT 5."""
    for row in read(data, "jetson_torch2trt.csv"):
        if row["device"] == "Jetson Nano":
            yield {
                "platform": "jetson_nano",
                "network": row["model"],
                "input": _image_size(row["input"].replace("(", "").replace(")", "")),
                "processor": "gpu",
                "precision": {"float16": "fp16"}.get(row["dtype"], row["dtype"]),
                "runtime": "tensorrt",
                "latency_ms": row["latency_tensorrt_ms"],
                "status": "measured",
                "source": "torch2trt",
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


def segmentation(data: Path) -> Iterator[Row]:
    """Segmentation networks on Jetson Nano; the source prints frames per second, hence status derived."""
    for row in read(data, "jetson_seg_resolution.csv"):
        yield {
            "platform": "jetson_nano",
            "network": row["network"].rpartition("-")[0],
            "input": row["resolution"],
            "processor": "gpu",
            "precision": "fp16",
            "latency_ms": milliseconds(1000 / Decimal(row["fps_jetson_nano"])),
            "status": "derived",
            "source": "jetson_inference",
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


def coral(data: Path) -> Iterator[Row]:
    """Coral Dev Board: the Edge TPU and the CPU, whose threads are not stated; the desktop's columns are left out."""
    for row in read(data, "coral_edgetpu.csv"):
        for column, processor in (("devboard_a53_cpu_ms", "cpu"), ("devboard_edgetpu_ms", "npu")):
            yield {
                "platform": "coral_dev_board",
                "network": row["model"].lower(),
                "input": f"{row['input']}x{row['input']}" if row["input"] != "-" else "",
                "processor": processor,
                "latency_ms": row[column],
                "status": "measured",
                "source": "coral",
            }


def mlperf_tiny(data: Path) -> Iterator[Row]:
    """STM32H7A3 with one of the runtimes submitted for it: MLPerf Tiny v1.1, Krai. Energy and latency are two runs."""
    for row in read(data, "mlperf_tiny.csv"):
        if row["system"] == TINY_SYSTEM:
            yield {
                "platform": "stm32h7a3",
                "network": row["task"],
                "processor": "mcu",
                "runtime": "x-cube-ai-8.0",
                "latency_ms": row["latency_ms"],
                "energy_mj": format((Decimal(row["uJ_per_inf"]) / 1000).normalize(), "f"),
                "status": "measured",
                "source": "mlperf_tiny",
            }


def xrbench(data: Path) -> Iterator[Row]:
    """The thirteen organisations of 4096 processing elements: times and energies out of a cost model."""
    for row in read(data, "xrbench/profile.csv"):
        organisation, dataflow = row["organisation"], row["dataflow"]
        if "_4K" in organisation and (organisation not in XRBENCH_PAIRS or dataflow == "WS_OS"):
            yield {
                "platform": f"xrbench_{organisation}_{dataflow}".lower(),
                "network": row["model"].lower(),
                "processor": f"acc{row['accelerator']}",
                "runtime": "maestro",
                "latency_ms": row["latency_ms"],
                "energy_mj": row["energy_mj"],
                "status": "predicted",
                "source": "xrbench",
                "edp_ms_mj": row["edp_ms_mj"],
            }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
