"""SARIF 2.1.0: problems of files as results, for code scanning and editors.

Rules, paths (relative to the working folder, where they lie in it) and fingerprints last from one run to the next, or
servers would open alerts anew. No clock and no absolute path of a file below the working folder gets in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rtsched.export.problems import RULES, WARNINGS, Problem
from rtsched.visible import message

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

#: The kinds of problems as those of warnings are told.
_ERRORS = {name: (title, "error") for name, (title, _) in RULES.items()}


def sarif(problems: Sequence[Problem], version: str, failure: str | None = None) -> dict[str, Any]:
    """The log of one run of rtsched of this `version`; `failure` says why it came to no end."""
    ids = [*RULES, *WARNINGS]
    seen: dict[str, int] = {}
    results = []
    for each in problems:
        uri, base = _uri(each.path)
        text = f"{each.rule}\n{uri}\n{each.lasting}"
        seen[text] = seen.get(text, 0) + 1
        fingerprint = hashlib.sha256(f"{text}\n{seen[text]}".encode(errors="backslashreplace")).hexdigest()
        location: dict[str, Any] = {"artifactLocation": {"uri": uri} | base}
        if each.line is not None:
            location["region"] = {"startLine": each.line}
            if each.column is not None:
                location["region"]["startColumn"] = each.column
        results.append(
            {
                "ruleId": each.rule,
                "ruleIndex": ids.index(each.rule),
                "level": each.level,
                "kind": "fail",
                "message": {"text": message(each.message)},
                "locations": [{"physicalLocation": location}],
                "partialFingerprints": {"rtschedProblem/v1": fingerprint},
            }
        )
    invocation: dict[str, Any] = {"executionSuccessful": failure is None}
    if failure is not None:
        told = {"level": "error", "message": {"text": message(failure)}}
        invocation["toolExecutionNotifications"] = [told]
    driver = {
        "name": "rtsched",
        "version": version,
        "rules": [
            {"id": name, "shortDescription": {"text": title}, "defaultConfiguration": {"level": level}}
            for name, (title, level) in (_ERRORS | WARNINGS).items()
        ],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "invocations": [invocation]}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run | {"results": results}]}


def _uri(path: str) -> tuple[str, dict[str, str]]:
    """A path as a URI, and to what it is relative: below the working folder to that, else it is absolute."""
    try:
        absolute = Path.cwd() / path
        inside = absolute.resolve().relative_to(Path.cwd().resolve())
    except (OSError, ValueError, RuntimeError):
        whole = Path.cwd() / path
        return "file://" + quote(whole.as_posix(), errors="backslashreplace"), {}
    return quote(inside.as_posix(), errors="backslashreplace"), {"uriBaseId": "%SRCROOT%"}
