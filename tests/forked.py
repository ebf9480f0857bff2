"""The command line in processes of its own that have read Python's and rtsched's modules already.

One process imports them, reads no entry points, and forks for each command: a tenth of a second in place of one.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import socket
import subprocess
import sys
import traceback
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

#: What most commands need. None of these looks for plug-ins when it is imported.
NEEDED = (
    "rtsched.cli",
    "rtsched.api",
    "rtsched.verify.verification",
    "rtsched.experiment.compare",
    "rtsched.report.html",
)


@cache
def _server() -> tuple[subprocess.Popen[str], socket.socket]:
    """The process that forks, which ends with this one, whose pipe it reads; what carries open files to it."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["OPENBLAS_NUM_THREADS"] = "1"  # who forks has no threads
    here, there = socket.socketpair()
    with there:
        server = subprocess.Popen(
            [sys.executable, __file__, str(there.fileno())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, pass_fds=[there.fileno()],
        )  # fmt: skip
    atexit.register(server.communicate)
    return server, here


def command(*arguments: str, path: tuple[Path, ...] = (), out: int | None = None) -> subprocess.CompletedProcess[str]:
    """`rtsched ARGUMENTS` with these folders as PYTHONPATH, and an open file as its standard output."""
    server, channel = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with TemporaryDirectory() as folder:
        asked = {"arguments": arguments, "path": [*map(str, path)], "cwd": os.getcwd(), "folder": folder,
                 "out": out is not None}  # fmt: skip
        if out is not None:
            socket.send_fds(channel, [b"1"], [out])
        print(json.dumps(asked), file=server.stdin, flush=True)
        code = int(server.stdout.readline())
        printed, err = (Path(folder, name).read_text() for name in ("out", "err"))
    return subprocess.CompletedProcess(["rtsched", *arguments], code, printed, err)


def _run(asked: dict[str, object]) -> int:
    """The command in this process, which is its own; the exit status."""
    for number, name, mode in ((0, os.devnull, os.O_RDONLY), (1, "out", os.O_WRONLY), (2, "err", os.O_WRONLY)):
        file = os.open(os.path.join(str(asked["folder"]), name), mode | (os.O_CREAT if number else 0))
        os.dup2(file, number)
        os.close(file)
    if asked["out"]:
        with socket.socket(fileno=int(sys.argv[1])) as channel:
            (file,) = socket.recv_fds(channel, 1, 1)[1]
        os.dup2(file, 1)
        os.close(file)
    os.chdir(str(asked["cwd"]))
    os.environ["PYTHONPATH"] = os.pathsep.join(asked["path"])  # type: ignore[arg-type]
    here = [] if sys.flags.safe_path else [os.getcwd()]
    sys.path[:] = [*here, *asked["path"], *sys.path]  # type: ignore[misc]
    sys.argv[:] = ["rtsched", *asked["arguments"]]  # type: ignore[misc]
    importlib.invalidate_caches()
    try:
        importlib.import_module("rtsched.cli").main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _serve() -> None:
    """Fork for each line of the standard input; its exit status is a line of the standard output."""
    sys.path[:] = [each for each in sys.path if each != str(Path(__file__).parent)]
    for name in NEEDED:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = _run(json.loads(line))
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    _serve()
