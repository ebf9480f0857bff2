"""From documents to models: overrides, validation with the place of every problem, YAML out, JSON Schema."""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from rtsched.errors import InputError
from rtsched.model.document import Document, Location, cut, parse_value, parse_yaml, read_yaml

__all__ = ["Document", "Override", "json_schema", "parse_override", "parse_yaml", "read_yaml", "to_yaml", "validate"]

M = TypeVar("M", bound=BaseModel)

MOST_PROBLEMS = 20

#: Keys that say the same thing: setting one from the command line takes the other away.
EXCLUSIVE = {"period": ("rate",), "rate": ("period",), "pin": ("processors",), "processors": ("pin",)}


# ---- overrides -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Override:
    """One ``--set PATH=VALUE``."""

    path: str
    value: Any

    @property
    def place(self) -> str:
        """How errors name it."""
        return f"--set {self.path}"


def parse_override(text: str) -> Override:
    """``tasks.detector.period=20ms`` as path and YAML value."""
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise InputError(f"--set {text!r}: write PATH=VALUE, e.g. tasks.detector.period=20ms")
    return Override(path.strip(), parse_value(value, f"--set {path.strip()}"))


def _apply(data: Any, override: Override) -> Location:
    """Set the value in `data` (a copy the caller may change) and return its location."""
    loc: list[str | int] = []
    here = data
    rest = override.path
    while True:
        step, rest = _step(here, rest, override)
        loc.append(step)
        if not rest:
            break
        if isinstance(here, dict) and step not in here:
            here[step] = {}
        here = here[step]
    for other in EXCLUSIVE.get(str(step), ()):
        if isinstance(here, dict):
            here.pop(other, None)
    here[step] = override.value
    return tuple(loc)


def _step(here: Any, rest: str, override: Override) -> tuple[str | int, str]:
    """The next part of a path, the longest known one, and what is left of the path."""
    if isinstance(here, dict):
        known = [str(key) for key in here]
    elif isinstance(here, list):
        known = [str(_item_name(item, index)) for index, item in enumerate(here)]
    else:
        raise InputError(f"{override.place}: {cut(repr(here))} has nothing inside; end the path before {rest!r}")
    fitting = [name for name in known if rest == name or rest.startswith(name + ".")]
    if fitting:
        name = max(fitting, key=len)
        return (name if isinstance(here, dict) else known.index(name)), rest[len(name) + 1 :]
    name, _, after = rest.partition(".")
    if isinstance(here, dict):
        return name, after
    if name.isdecimal() and int(name) < len(here):
        return int(name), after
    raise InputError(f"{override.place}: nothing here is called {name!r}; known: {', '.join(known[:20])}")


def _item_name(item: Any, index: int) -> Any:
    return item.get("name", index) if isinstance(item, dict) else index


# ---- validation ------------------------------------------------------------------------------------------------------


def validate(model: type[M], document: Document, overrides: Sequence[Override] = ()) -> M:
    """The model that a document describes, with some values set anew; raises InputError with every problem placed."""
    data = document.data
    set_at: dict[Location, Override] = {}
    if overrides:
        data = copy.deepcopy(data)
        for override in overrides:
            set_at[_apply(data, override)] = override
    try:
        return model.model_validate(data, context={"file": document.path})
    except ValidationError as error:
        problems = [_problem(model, document, data, set_at, dict(each)) for each in error.errors(include_url=False)]
    unique = list(dict.fromkeys(problems))
    more = [f"... and {len(unique) - MOST_PROBLEMS} more"] if len(unique) > MOST_PROBLEMS else []
    raise InputError(*unique[:MOST_PROBLEMS], *more)


def _problem(
    model: type[BaseModel], document: Document, data: Any, set_at: dict[Location, Override], error: dict[str, Any]
) -> str:
    """One line for one pydantic error."""
    loc, value = _real(error["loc"], data)
    shown = ".".join(_named(loc, data))
    kind = error["type"]
    if kind == "extra_forbidden":
        message = _unknown(str(loc[-1]), _keys_beside(model, error["loc"][:-1]))
    elif kind == "missing":
        key = next((str(part) for part in reversed(error["loc"]) if isinstance(part, str)), "a key")
        message = f"{key!r} is missing; add it"
    else:
        message = _sentence(error)
        if not isinstance(value, dict | list) and repr(value) not in message:
            message += f" (got {cut(repr(value))})"
    for place, override in set_at.items():
        if loc[: len(place)] == place:
            return f"{override.place}={cut(str(override.value))}: {message}"
    where = document.where(loc, key=kind == "extra_forbidden")
    return f"{where}: {shown}: {message}" if shown else f"{where}: {message}"


def _real(loc: tuple[Any, ...], data: Any) -> tuple[Location, Any]:
    """The parts of pydantic's location that are in the data (it adds the tags of unions), and what stands there."""
    parts: list[str | int] = []
    here = data
    for part in loc:
        if (isinstance(here, dict) and part in here) or (
            isinstance(here, list | tuple) and isinstance(part, int) and part < len(here)
        ):
            here = here[part]
        else:
            continue
        parts.append(part)
    return tuple(parts), here


def _named(loc: Location, data: Any) -> list[str]:
    """A location with list items by name."""
    shown = []
    here = data
    for part in loc:
        here = here[part]
        shown.append(str(_item_name(here, part)) if isinstance(part, int) else str(part))
    return shown


_SENTENCES = {
    "string_type": "must be text; quote it",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be a mapping of 'key: value'",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "model_type": "must be a mapping of 'key: value'",
    "finite_number": "must be a finite number",
    "union_tag_not_found": "needs a 'kind'",
}


def _sentence(error: dict[str, Any]) -> str:
    if error["type"] == "rtsched":
        return str(error["msg"])
    context = error.get("ctx", {})
    if error["type"] == "literal_error":
        return f"must be {context['expected']}"
    if error["type"] == "union_tag_invalid":
        return f"'kind' must be one of {context['expected_tags']}"
    text = _SENTENCES.get(error["type"]) or str(error["msg"]).replace("Input should", "must").replace(
        "must be", "must be"
    )
    return text[:1].lower() + text[1:]


def _unknown(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f"unknown key {key!r}; did you mean {close[0]!r}?"
    return f"unknown key {key!r}; known here: {', '.join(known)}" if known else f"unknown key {key!r}; remove it"


def _keys_beside(model: type[BaseModel], loc: tuple[Any, ...]) -> list[str]:
    """The keys that the model at `loc` knows, found by walking its JSON Schema."""
    schema = model.model_json_schema(by_alias=True)
    here: Any = schema
    for part in loc:
        here = _inside(schema, here, part)
        if here is None:
            return []
    options = _options(schema, here)
    return list(dict.fromkeys(key for option in options for key in option.get("properties", {})))


def _options(schema: dict[str, Any], here: dict[str, Any]) -> list[dict[str, Any]]:
    """The alternatives of a schema, references followed."""
    if "$ref" in here:
        return _options(schema, schema["$defs"][here["$ref"].rsplit("/", 1)[1]])
    for word in ("anyOf", "oneOf", "allOf"):
        if word in here:
            return [option for each in here[word] for option in _options(schema, each)]
    return [here]


def _inside(schema: dict[str, Any], here: dict[str, Any], part: Any) -> dict[str, Any] | None:
    for option in _options(schema, here):
        if isinstance(part, int) and "items" in option:
            return dict(option["items"])
        if part in option.get("properties", {}):
            return dict(option["properties"][part])
        if isinstance(option.get("additionalProperties"), dict):
            return dict(option["additionalProperties"])
        kind = option.get("properties", {}).get("kind", {})
        if part == kind.get("const") or part == kind.get("default"):
            return option
    return None


# ---- out -------------------------------------------------------------------------------------------------------------


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a model's files."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(by_alias=True)}


def to_yaml(model: BaseModel) -> str:
    """The YAML text of a model, without what is default; reading it back gives an equal model."""
    data = _plain_times(model.model_dump(mode="json", exclude_defaults=True, by_alias=True))
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)


def _plain_times(data: Any) -> Any:
    """Execution times that hold on every CPU as a plain duration."""
    if isinstance(data, list):
        return [_plain_times(item) for item in data]
    if not isinstance(data, dict):
        return data
    plain = {key: _plain_times(value) for key, value in data.items()}
    times = plain.get("wcet")
    if isinstance(times, dict) and list(times) == ["any"]:
        plain["wcet"] = times["any"]
    return plain


def canonical(model: BaseModel) -> str:
    """A text that is equal for equal models: for hashes and comparisons."""
    return json.dumps(model.model_dump(mode="json", by_alias=True), sort_keys=True, ensure_ascii=False)
