"""`rtsched schema`."""

from __future__ import annotations

import json

from tests.cli.command import rtsched


def test_schemas_are_json() -> None:
    for what in ("system", "platform", "generate"):
        assert json.loads(rtsched("schema", what).output)["type"] == "object"


def test_the_schema_of_parameters_takes_laws_by_name_and_with_parameters() -> None:
    keys = json.loads(rtsched("schema", "generate").output)["properties"]
    for name in ("utilisations", "periods", "deadlines"):
        assert {"type": "string"} in keys[name]["anyOf"]
        assert len(keys[name]["anyOf"]) == 2
    assert {"type": "number"} in keys["offsets"]["anyOf"]
