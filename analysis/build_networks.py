"""Build the catalogue's network files: ``python analysis/build_networks.py GRAPHS [FOLDER]``, of ONNX files.

One CSV a graph, the same bytes every time. The graphs are published topologies with random weights; what is kept are
counts of operators: multiply-accumulates, bytes, and who follows whom.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rtsched.dnn import network_file, onnx
from rtsched.files import write_whole


def main(graphs: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for path in sorted(graphs.glob("*.onnx")):
        write_whole(folder / f"{path.stem}.csv", network_file.write(onnx.load(path)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).parents[1] / "networks"))
