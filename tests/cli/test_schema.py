"""`rtsched schema`."""

from __future__ import annotations

import json

from tests.cli.command import rtsched


def test_schemas_are_json() -> None:
    for what in ("system", "platform"):
        assert json.loads(rtsched("schema", what).output)["type"] == "object"
