"""JSON documents held against the schemas that `rtsched schema` prints."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from rtsched.export.documents import DOCUMENTS


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = DOCUMENTS[name].schema
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def check(name: str, document: Any) -> None:
    """Hold a document (as it is written: through JSON) against the schema of this name."""
    errors = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in _validator(name).iter_errors(json.loads(json.dumps(document)))
    ]
    assert not errors, "\n".join(errors[:20])
