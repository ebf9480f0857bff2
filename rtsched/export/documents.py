"""Every JSON document that rtsched writes: who writes it, the number of its format, and its JSON Schema.

A number changes when a key goes, or comes to mean something else; keys that are added change none.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Written:
    """A document that is written, by name: what writes it, and the module and the name of its schema."""

    name: str
    written_by: str
    module: str
    constant: str

    @property
    def schema(self) -> dict[str, Any]:
        """Its JSON Schema."""
        found: dict[str, Any] = getattr(import_module(f"rtsched.export.{self.module}"), self.constant)
        return found

    @property
    def number(self) -> int | None:
        """The number of its format; None of a part of a document."""
        number: int | None = self.schema.get("properties", {}).get("format", {}).get("const")
        return number


def _named(*rows: tuple[str, str, str, str]) -> dict[str, Written]:
    return {name: Written(name, *rest) for name, *rest in rows}


#: The documents by name, which are those that `rtsched schema` prints; each command with ``--json`` writes one.
DOCUMENTS: dict[str, Written] = _named(
    ("analyse", "analyse --json", "schema_analyse", "ANALYSE_SCHEMA"),
    ("check-scheduler", "check-scheduler --json", "schema_tools", "CHECK_SCHEMA"),
    ("compare", "compare --json", "schema_study", "COMPARE_SCHEMA"),
    ("diff", "diff --json", "schema_run", "DIFF_SCHEMA"),
    ("explain", "explain --json", "schema_run", "EXPLAIN_SCHEMA"),
    ("export", "export --json", "schema_study", "EXPORT_SCHEMA"),
    ("fuzz-soundness", "fuzz-soundness --json", "schema_tools", "FUZZ_SCHEMA"),
    ("list", "list --json", "schema_tools", "LIST_SCHEMA"),
    ("optimum", "optimum --json", "schema_study", "OPTIMUM_SCHEMA"),
    ("plot", "plot --json", "schema_study", "PLOT_SCHEMA"),
    ("profile", "profile --json", "schema_tools", "PROFILE_SCHEMA"),
    ("replay", "fuzz-soundness --replay FILE --json", "schema_tools", "REPLAY_SCHEMA"),
    ("report", "report -o FILE.json", "schema_analyse", "REPORT_SCHEMA"),
    ("run", "run --json", "schema", "SUMMARY_SCHEMA"),
    ("show", "show --json", "schema_tools", "SHOW_SCHEMA"),
    ("soundness", "rtsched-soundness-….json", "schema_analyse", "SOUNDNESS_SCHEMA"),
    ("steps", "analyse --json --steps, under steps", "schema_steps", "STEPS_SCHEMA"),
    ("sweep", "sweep --json, export FILE.json", "schema_study", "SWEEP_SCHEMA"),
    ("validate", "validate --json", "schema_tools", "VALIDATE_SCHEMA"),
    ("verify-report", "verify-report --json", "schema_analyse", "RERUN_SCHEMA"),
    ("wcet", "wcet --json", "schema_wcet", "WCET_SCHEMA"),
    ("what-if", "what-if --json", "schema_alternatives", "ALTERNATIVES_SCHEMA"),
)

#: Other names of theirs.
ALIASES = {"alternatives": "what-if", "summary": "run"}

#: Commands that print files with --json, which rtsched reads again: what they hold is described there.
FILES: dict[str, str] = {"generate": "system", "import": "system"}
