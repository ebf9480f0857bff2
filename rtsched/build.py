"""Which build of rtsched runs: interpreted or, as an experiment, with its engine compiled by mypyc."""

from __future__ import annotations

from importlib.util import find_spec


def is_compiled() -> bool:
    """Whether the engine is compiled (installed with ``RTSCHED_COMPILE=1``): faster, and closed to patches."""
    spec = find_spec("rtsched.engine.core")
    return spec is not None and not str(spec.origin).endswith(".py")


def build() -> str:
    """The build in words."""
    return "compiled by mypyc" if is_compiled() else "interpreted"
