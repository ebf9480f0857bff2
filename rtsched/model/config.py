"""From documents to models: validation with the place of every problem, YAML out, JSON Schema."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from rtsched.errors import InputError
from rtsched.model.document import Document, Location, cut, parse_yaml, read_yaml
from rtsched.model.labels import LABELS
from rtsched.model.overrides import Override, apply, item_name, suggestion
from rtsched.model.work import ANY
from rtsched.visible import visible

__all__ = ["Document", "json_schema", "parse_yaml", "read_yaml", "to_yaml", "validate"]

M = TypeVar("M", bound=BaseModel)

MOST_PROBLEMS = 20
LONGEST_MESSAGE = 600


# ---- validation ------------------------------------------------------------------------------------------------------


def validate(model: type[M], document: Document, overrides: Sequence[Override] = ()) -> M:
    """The model that a document describes, with some values set anew; raises InputError with every problem placed."""
    return _validated(model, document, overrides, {"file": document.path})


def change(model: M, overrides: Sequence[Override]) -> M:
    """A model with some values set anew, validated as a whole; raises InputError with every problem placed."""
    return _validated(type(model), Document(plain(model), type(model).__name__), overrides, None)


def _validated(model: type[M], document: Document, overrides: Sequence[Override], context: dict[str, str] | None) -> M:
    data = document.data
    set_at: list[tuple[Location, Override]] = []
    for override in overrides:
        data, loc = apply(data, override)
        set_at.append((loc, override))
    try:
        answer: M = model.__pydantic_validator__.validate_python(data, context=context)
    except ValidationError as error:
        raise refusal(model, document.with_data(data), error, set_at) from None
    return answer


def refusal(
    model: type[BaseModel], document: Document, error: ValidationError, set_at: Sequence[tuple[Location, Override]] = ()
) -> InputError:
    """What pydantic found wrong with the data of a document, in our words and with the place of each problem."""
    data = plain(document.data)
    faults = _faults(model, data, error.errors(include_url=False))
    lines = list(dict.fromkeys(_line(fault, document, data, set_at) for fault in faults))
    more = [f"... and {len(lines) - MOST_PROBLEMS} more"] if len(lines) > MOST_PROBLEMS else []
    return InputError(*lines[:MOST_PROBLEMS], *more)


def plain(value: Any) -> Any:
    """Models as mappings of what was set in them, sequences as lists: the tree that a file would hold."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        told = value.model_fields_set.union(DISCRIMINATORS)
        return {
            (fields[name].alias or name) if name in fields else name: plain(item)
            for name, item in vars(value).items()
            if name in told
        }
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


@dataclass(slots=True)
class _Fault:
    """One pydantic error, its location without the tags of unions, and the keys known around it."""

    kind: str
    loc: Location
    error: Any
    known: list[str]
    expected: list[str]

    @property
    def at_key(self) -> bool:
        """Whether the key itself is what is wrong, and not its value."""
        return self.kind == "extra_forbidden" or bool(_key_of(self.error))


#: What a value should be, by pydantic's type of error.
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
}
_HOW = {"text": "put it in quotes", "a mapping": "write 'key: value' lines", "a list": "write [a, b] or '- a' lines"}


def _faults(model: type[BaseModel], data: Any, errors: Iterable[Any]) -> list[_Fault]:
    """The faults worth telling: of a union only the branch that was meant, or all in one when none was."""
    faults: list[tuple[tuple[Any, ...], _Fault]] = []
    for error in errors:
        kind, raw = error["type"], error["loc"]
        if kind == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]:
            continue  # long enough, but pydantic does not count items that have a fault of their own
        loc, known, options = _real(model, data, raw)
        if kind == "union_tag_not_found":
            known = [name for option in options for name in _tags(option, _discriminator(error))]
        loc = (*loc, *_key_of(error))
        expected = [_EXPECTED[kind]] if kind in _EXPECTED else []
        faults.append((raw, _Fault(kind, loc, error, known, expected)))
    deeper = {
        raw[:end]
        for raw, fault in faults
        for end in range(len(raw))
        if not fault.expected or raw[-1:] == fault.loc[-1:]
    }
    merged: dict[tuple[Any, ...], _Fault] = {}
    told = []
    for raw, fault in faults:
        in_union = fault.expected and raw[-1:] != fault.loc[-1:]
        if in_union and raw[:-1] in deeper:
            continue
        if in_union and raw[:-1] in merged:
            merged[raw[:-1]].expected += fault.expected
            continue
        if in_union:
            merged[raw[:-1]] = fault
        told.append(fault)
    return told


def _key_of(error: Any) -> Location:
    """The way to the key that an error of our own models is about; empty if it is about all of the model."""
    key: Location = error.get("ctx", {}).get("key", ()) if error["type"] == "rtsched" else ()
    return key


def _real(model: type[BaseModel], data: Any, raw: tuple[Any, ...]) -> tuple[Location, list[str], list[Any]]:
    """A location without pydantic's tags of unions, the keys beside its last part, and the types it may have."""
    loc: list[str | int] = []
    here: Any = data
    options: list[Any] = [model]
    known: list[str] = []
    for part in raw:
        fields = [field for option in options for field in _fields(option).items()]
        inside = [option for key, annotation in fields if key == part for option in _alternatives(annotation)]
        if (isinstance(here, dict) and part in here) or (isinstance(here, list) and isinstance(part, int)):
            here = here[part] if isinstance(here, dict) or part < len(here) else None  # an item may be missing
        elif isinstance(here, list) and any(map(_items, inside)):  # written without the key that holds the list
            options = inside
            continue
        elif inside:
            here = None
        elif part == ANY:  # one for all, written without the key that says so
            options = [each for option in options for each in _items(option)] or options
            continue
        else:
            options = [option for option in options if _is_meant(option, part)] or options
            continue
        loc.append(part)
        known = list(dict.fromkeys(key for key, _ in fields))
        options = inside or [each for option in options for each in _items(option)]
    return tuple(loc), known, options


def _fields(option: Any) -> dict[str, Any]:
    """The keys of a model and what each may hold; nothing for other types."""
    if not (isinstance(option, type) and issubclass(option, BaseModel)):
        return {}
    return {field.alias or name: field.annotation for name, field in option.model_fields.items()}


def _items(option: Any) -> list[Any]:
    """What the items of a tuple or the values of a mapping may be."""
    arguments = get_args(option)
    if get_origin(option) is dict:
        return _alternatives(arguments[1])
    return _alternatives(arguments[0]) if get_origin(option) is tuple else []


def _alternatives(annotation: Any) -> list[Any]:
    """The members of a union, or the type itself."""
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [option for each in get_args(annotation) for option in _alternatives(each)]
    return [annotation]


#: The keys that tell the models of a union apart.
DISCRIMINATORS = ("kind", "model")


def _discriminator(error: Any) -> str:
    """The key that tells the models of a union apart, e.g. kind."""
    return str(error["ctx"]["discriminator"]).strip("'")


def _tags(option: Any, key: str) -> tuple[str, ...]:
    """The values of a model's `key`, which tells it from the others of its union."""
    return get_args(_fields(option).get(key)) if key in _fields(option) else ()


def _is_meant(option: Any, tag: Any) -> bool:
    """Whether a tag of pydantic's means this model: its name, also as "function-after[check(), Name]", or its kind."""
    name = getattr(option, "__name__", None)
    return tag == name or str(tag).endswith(f", {name}]") or any(tag in _tags(option, key) for key in DISCRIMINATORS)


def _line(fault: _Fault, document: Document, data: Any, set_at: Sequence[tuple[Location, Override]]) -> str:
    """A fault as ``place: path: message``."""
    loc = fault.loc
    if fault.kind == "missing":
        what = f"item {loc[-1] + 1}" if isinstance(loc[-1], int) else repr(loc[-1])
        message = f"{what} is missing; add it"
        loc = loc[:-1]
    elif fault.kind == "extra_forbidden":
        message = f"unknown key {cut(str(loc[-1]))!r}; {suggestion(str(loc[-1]), fault.known)}"
    else:
        loc = (*loc, _discriminator(fault.error)) if fault.kind == "union_tag_invalid" else loc
        message = _message(fault, _found(fault.error["input"], document, loc))
    shown = cut(".".join(_named(loc, data)), 300)
    also = fault.error.get("ctx", {}).get("also") if fault.kind == "rtsched" else None
    message += f" (the other: {document.where(also, key=True)})" if also else ""
    where = document.where(loc, key=fault.at_key)
    for owned, override in set_at:
        if loc[: len(owned)] == owned:
            where = override.place
    return cut(f"{where}: {shown}: {message}" if shown else f"{where}: {message}", LONGEST_MESSAGE)


def _named(loc: Location, data: Any) -> list[str]:
    """A location with list items by name."""
    shown = []
    here = data
    for part in loc:
        if isinstance(here, dict):
            here = here.get(str(part))
        elif isinstance(here, list) and isinstance(part, int):
            here = here[part]
        else:
            here = None
        shown.append(cut(item_name(here, part) if isinstance(part, int) else str(part)))
    return shown


def _found(value: Any, document: Document, loc: Location) -> str:
    """A value as it stands in the file, and how YAML reads it where that surprises (12:30 is 750)."""
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, str):
        return "nothing" if value is None else repr(cut(value))
    read = str(value).lower()
    written = document.written(loc, value)
    if written is None or isinstance(value, float) or written.lower() == read:
        return read
    return f"{cut(written)}, which YAML reads as {read}"


def _message(fault: _Fault, found: str) -> str:
    """What is wrong in our words; messages of our own models stay as they are."""
    text, context = str(fault.error["msg"]), fault.error.get("ctx", {})
    if fault.kind == "rtsched":
        is_scalar = not isinstance(fault.error["input"], dict | list | tuple | BaseModel)
        return f"{text} (got {found})" if is_scalar and found not in text else text
    if fault.expected:
        expected = list(dict.fromkeys(fault.expected))
        is_scalar = isinstance(fault.error["input"], int | float | str)
        how = [_HOW[each] for each in expected if each in _HOW and (is_scalar or each != "text")]
        return f"must be {' or '.join(expected)} (got {found})" + (f"; {' or '.join(how)}" if how else "")
    if fault.kind == "literal_error":
        return f"must be {context['expected']} (got {found})" + _meant(fault.error["input"], context["expected"])
    if fault.kind == "union_tag_invalid":
        tag = cut(str(context["tag"]))
        return f"must be one of {context['expected_tags']} (got {tag!r})" + _meant(tag, context["expected_tags"])
    if fault.kind == "too_short":
        return f"needs at least {context['min_length']} (got {len(fault.error['input'])}); add one"
    if fault.kind == "union_tag_not_found":
        return f"{_discriminator(fault.error)!r} is missing; add one of {', '.join(fault.known)}"
    for pydantic, ours in (("Input should be", "must be"), ("should have", "must have"), ("Value error, ", "")):
        text = text.replace(pydantic, ours)
    return f"{text[:1].lower()}{text[1:]} (got {found})"


def _meant(found: Any, expected: str) -> str:
    """A suggestion out of a list such as "'hard', 'firm' or 'soft'"."""
    close = difflib.get_close_matches(str(found)[:100], expected.split("'")[1::2], n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


# ---- out -------------------------------------------------------------------------------------------------------------


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a model's files, in which labels are called so."""
    schema = model.model_json_schema(by_alias=True)
    for name, keys in LABELS.items():
        described = schema if name == model.__name__ else schema.get("$defs", {}).get(name)
        for key in keys if described is not None else ():
            about = described["properties"][key]
            about["description"] = "; ".join(filter(None, (about.get("description"), "a label: it changes no run")))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def to_yaml(model: BaseModel) -> str:
    """The YAML text of a model, without what is default; reading it back gives an equal model."""
    data = _plain(model, model.model_dump(mode="json", exclude_defaults=True, by_alias=True))
    text = str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))
    return visible(text, lines=True)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Puts texts with something that cannot be seen in quotes, where escapes say it."""


def _text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if visible(text, lines=True) == text else '"'
    )


_Dumper.add_representer(str, _text)


def _plain(value: Any, data: Any) -> Any:
    """The dumped `data` of a value, with times that hold on every CPU as a plain duration and rates exact."""
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            key = field.alias or name
            if key in data:
                data[key] = _plain(getattr(value, name), data[key])
        for key in ("wcet", "origin"):
            if isinstance(data.get(key), dict) and list(data[key]) == [ANY]:
                data[key] = data[key][ANY]
    elif isinstance(value, dict):
        return {key: _plain(value[key], item) if key in value else item for key, item in data.items()}
    elif isinstance(value, tuple) and isinstance(data, list):
        return [_plain(each, item) for each, item in zip(value, data, strict=True)]
    return data
