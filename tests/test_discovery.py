"""Corpus files are known by their content; what is broken fails, what is foreign is ignored."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import DATA
from tests.corpus.discovery import discover

ROOT = Path(__file__).parents[1]
RUN = "P01_fp_A_060"


def some(kind: str, count: int = 2) -> dict[str, object]:
    """A few records of a kind."""
    for path in sorted((DATA / "corpus").glob("*.json")):
        data = json.loads(path.read_text())
        if data["kind"] == kind if "kind" in data else False:
            return {**data, "instances": data["instances"][:count]}
    raise AssertionError(kind)


def fill(folder: Path) -> None:
    """A corpus under names that say nothing."""
    (folder / "deep" / "down").mkdir(parents=True)
    (folder / "deep" / "a.txt").write_text(json.dumps(some("sim_uniproc")))
    (folder / "b.json.gz").write_bytes(gzip.compress(json.dumps(some("sim_global")).encode()))
    (folder / "mine.json").write_text('{"kind": "shopping", "instances": [1]}')
    (folder / "notes.md").write_text("# notes")
    (folder / "noise").write_bytes(bytes(range(256)))
    for path in (DATA / "traces").glob(f"{RUN}*"):
        shutil.copy(path, folder / "deep" / "down")
    shutil.copy(DATA / "traces" / "isolated_start.json", folder / "deep" / "down" / "samples.json")


def test_records_are_found_by_content(tmp_path: Path) -> None:
    fill(tmp_path)
    found = discover(tmp_path)
    assert [kind for kind, _, _ in found.records] == ["sim_global"] * 2 + ["sim_uniproc"] * 2
    assert [name for name, _, _ in found.runs] == [RUN]
    assert not found.later


def pytest_on(folder: Path) -> subprocess.CompletedProcess[str]:
    options = ["-m", "corpus", "--corpus", str(folder), "-p", "no:cacheprovider", "-vv"]
    command = [sys.executable, "-m", "pytest", "tests/test_corpus.py", "-k", "record", *options]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}  # without workers
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False, env=alone)


def test_pytest_runs_the_adapters_on_another_folder(tmp_path: Path) -> None:
    fill(tmp_path)
    good = pytest_on(tmp_path)
    assert good.returncode == 0, good.stdout[-2000:]
    for name in ("test_record[sim_uniproc-sim_uniproc-000]", f"test_recorded_run[{RUN}]"):
        assert name in good.stdout


def test_broken_and_wrong_records_fail(tmp_path: Path) -> None:
    wrong = some("sim_uniproc")
    wrong["instances"][0]["expected"]["jobs"][0][-1] += 1  # type: ignore[index]
    del wrong["instances"][1]["input"]["platform"]  # type: ignore[index]
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    (tmp_path / "cut.json").write_text(json.dumps(some("sim_global"))[:-40])
    (tmp_path / "run.csv").write_text(
        "task,job,variant,release_us,start_us,finish_us,deadline_us,cpu_us,nivcsw,status,core\n"
    )
    done = pytest_on(tmp_path)
    assert done.returncode == 1
    failed = [line.split("::")[1].split(" ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert sorted(failed) == [
        "test_all_recorded_runs_together", "test_record[sim_global-cut]", "test_record[sim_uniproc-sim_uniproc-000]",
        "test_record[sim_uniproc-sim_uniproc-001]", "test_recorded_run[run]",
    ]  # fmt: skip


def test_gpu_vectors_are_found_in_yaml(tmp_path: Path) -> None:
    vectors = DATA / "gpu"
    shutil.copy(vectors / "x1_head_of_line.yaml", tmp_path / "anything.txt")
    both = [(vectors / f"{name}.yaml").read_text() for name in ("spread", "pack")]
    (tmp_path / "two.yaml").write_text("---\n".join(both))
    (tmp_path / "broken.yaml").write_text("kind: gpu_vector\ngpu: {sms: [\n")
    (tmp_path / "README.md").write_text("kind: gpu_vector\n")
    (tmp_path / "other.yaml").write_text("kind: shopping\n")
    found = discover(tmp_path)
    assert [name for _, name, _ in found.records] == ["x1_head_of_line", "broken", "spread", "pack"]
    assert "is no YAML" in found.records[1][2]
    wrong = (vectors / "x1_head_of_line.yaml").read_text().replace("end: 5 ms", "end: 6 ms")
    (tmp_path / "wrong.yaml").write_text(wrong.replace("name: x1", "name: wrong"))
    done = pytest_on(tmp_path)
    assert done.returncode == 1
    assert "2 failed" in done.stdout
    assert "gpu_vector-wrong_head_of_line" in done.stdout


def test_tables_of_scores_and_graphs_are_found(tmp_path: Path) -> None:
    (tmp_path / "here.txt").write_text((DATA / "xrbench" / "expected_public.csv").read_text())
    shutil.copytree(DATA / "graphs", tmp_path / "graphs")
    kinds = [kind for kind, _, _ in discover(tmp_path).records]
    assert (kinds.count("xrbench_cell"), kinds.count("onnx_counts")) == (16, 17)
