"""Rebuilds the thirteen ``platforms/xrbench_*.yaml``, the accelerator organisations of the XRBench study.

Usage: ``python analysis/build_platforms.py DATA_DIR [OUTPUT_DIR]``. DATA_DIR holds the raw CSV files; the output
depends on nothing else. The processing elements come from the profile, the rest from the study's description.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Final

#: Organisation -> dataflows, shared memory in MiB and network width of each accelerator.
ORGANISATIONS: Final = {
    "Single_4K": (("WS", "OS", "RS"), 4, 256),
    "Dual_4K": (("WS_WS", "OS_OS", "RS_RS", "WS_OS"), 2, 128),
    "Dual_4K_BigLittle": (("WS_OS",), 2, 128),
    "Dual_4K_LittleBig": (("WS_OS",), 2, 128),
    "Quad_4K": (("WS_WS_WS_WS", "OS_OS_OS_OS", "RS_RS_RS_RS", "WS_OS_WS_OS"), 2, 128),
}
DATAFLOWS: Final = {"WS": "weight-stationary", "OS": "output-stationary", "RS": "row-stationary"}

TEMPLATE: Final = """\
name: {name}
title: XRBench accelerators, {elements} PEs, {dataflows}
processors:
{accelerators}
memory: {{bandwidth: 128 GB/s}}
notes:
  - A design of the XRBench study, not a chip. Its latencies and energies come out of the cost model MAESTRO and are
    predictions, the same in every scenario of the study. An accelerator runs a whole inference to its end.
  - The shared memory and the width of the on-chip network (in the model's unit) are those of each accelerator; each
    processing element has a memory of its own.
sources:
  processors: xrbench
  memory: xrbench
  notes: xrbench
"""
ACCELERATOR: Final = """\
  acc{number}:
    kind: npu
    frequency_max: 1 GHz
    facts: {{pes: {pes}, dataflow: {dataflow}, pe_memory_kib: 8, shared_memory_mib: {memory}, noc_width: {width}}}"""


def main(arguments: list[str]) -> int:
    """Write the files; the exit code is 2 when the arguments are wrong."""
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    output = Path(arguments[1]) if len(arguments) == 2 else Path(__file__).parent.parent / "platforms"
    files = platforms(Path(arguments[0]))
    for name, text in files.items():
        (output / f"{name}.yaml").write_text(text, encoding="utf-8")
    print(f"{output}: {len(files)} platforms")
    return 0


def platforms(data: Path) -> dict[str, str]:
    """The text of every file by its name."""
    elements: dict[tuple[str, str], dict[int, str]] = {}
    with (data / "xrbench" / "profile.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            sizes = elements.setdefault((row["organisation"], row["dataflow"]), {})
            sizes[int(row["accelerator"])] = row["pes"]
    files = {}
    for organisation, (combinations, memory, width) in ORGANISATIONS.items():
        for combination in combinations:
            name = f"xrbench_{organisation}_{combination}".lower()
            flows = combination.split("_")
            sizes = elements[organisation, combination]
            files[name] = TEMPLATE.format(
                name=name,
                elements=_sum([sizes[number] for number in range(len(flows))]),
                dataflows=combination.replace("_", " "),
                accelerators="\n".join(
                    ACCELERATOR.format(
                        number=number,
                        pes=sizes[number],
                        dataflow=DATAFLOWS[flow],
                        memory=memory,
                        width=width,
                    )
                    for number, flow in enumerate(flows)
                ),
            )
    return files


def _sum(sizes: list[str]) -> str:
    """ "4096", "2 x 2048" or "3072 + 1024"."""
    if len(set(sizes)) > 1:
        return " + ".join(sizes)
    return sizes[0] if len(sizes) == 1 else f"{len(sizes)} x {sizes[0]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
