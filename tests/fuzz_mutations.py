"""Valid inputs made wrong: bytes, lines, words, cells, values in trees, fields of protocol buffers."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

#: What stands where a number, a name or a time should.
WORDS = (
    "0", "-1", "1", "2", "-0.0", "0.5", "1e-320", "1e308", "-1e308", "1e999999999", "1e-999999999", "nan", "inf",
    "-inf", str(2**31), str(2**53 + 1), str(2**63 - 1), str(2**63), str(2**64), "9" * 30, "9" * 5000, "0x10", "1_000", "٣",
    "²", "1/3", "1/0", "12:30", "true", "null", "~", "", " ", "1 ns", "100 h", "876000 h", "1e9 GHz", "1e-9 Hz", "0 ms",
    "-5 ms", "3 m", "1 TB", "0 B", "1 uW", "[]", "{}", "[[]]", "*", "&a", "<<", "!!python/object:os.system", "a" * 5000,
    "../../etc/passwd", "/dev/zero", "/", ".", "é\u0301", "\u202eabc", "\x1b[31mred", "\x00", "\ufeff", "😀", "\x85", "\u2028",
    "hyperperiod", "auto", "all", "any", "ANY", "x;y", "a,b", "'", '"', "=", "a=b", "#", "name",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3.5, -0.0, 1e308, 1e-320, 2**31, 2**53 + 1, 2**63 - 1, 2**64 - 1, 10**30, [], {},
    [[]], [None], {"a": 1}, {"kind": "x"}, {"name": "x"},
)  # fmt: skip


def mutated(random_: random.Random, seed: bytes, kind: str) -> bytes:
    """One to four mutations of a seed; `kind` says what else it is than bytes: yaml, json, csv, onnx or text."""
    data = seed
    for _ in range(random_.choice((1, 1, 1, 2, 2, 4))):
        own = BY_KIND.get(kind)
        change = own if own is not None and random_.random() < 0.7 else random_.choice(PLAIN)
        data = change(random_, data)
    return data


# ---- bytes, lines, words ---------------------------------------------------------------------------------------------


def _flip(random_: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random_.choice((1, 1, 2, 8)) if data else 0):
        changed[random_.randrange(len(changed))] = random_.randrange(256)
    return bytes(changed)


def _truncated(random_: random.Random, data: bytes) -> bytes:
    return data[: random_.randrange(len(data) + 1)]


def _spliced(random_: random.Random, data: bytes) -> bytes:
    """A piece a second time, or many times, or elsewhere."""
    start, end, to = (random_.randrange(len(data) + 1) for _ in range(3))
    piece = data[min(start, end) : max(start, end)][:2000]
    return data[:to] + piece * random_.choice((1, 1, 2, 50)) + data[to:]


def _lines(random_: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    at, to = random_.randrange(len(lines)), random_.randrange(len(lines))
    what = random_.randrange(4)
    if what == 0:
        lines[to:to] = [lines[at]] * random_.choice((1, 1, 100))
    elif what == 1:
        del lines[at]
    elif what == 2:
        lines[at], lines[to] = lines[to], lines[at]
    else:
        lines[at] = random_.choice((b" ", b"  ", b"\t", b"- ", b"#")) + lines[at]
    return b"\n".join(lines)


_WORD = re.compile(rb"[\w.+-]+|[^\w\s]")


def _words(random_: random.Random, data: bytes) -> bytes:
    """A word or a sign replaced by a hostile one, or by another of the same text."""
    found = list(_WORD.finditer(data))
    if not found:
        return random_.choice(WORDS).encode()
    here = random_.choice(found)
    word = random_.choice(found)[0] if random_.random() < 0.3 else random_.choice(WORDS).encode("utf-8")
    return data[: here.start()] + word + data[here.end() :]


_NUMBER = re.compile(rb"\d+(?:\.\d+)?")


def _numbers(random_: random.Random, data: bytes) -> bytes:
    """One number another: most inputs stay valid, and mean something extreme."""
    found = list(_NUMBER.finditer(data))
    if not found:
        return _words(random_, data)
    here = random_.choice(found)
    factor = random_.choice((0, 0.1, 0.5, 1.001, 2, 3, 10, 1000, 10**6, 10**9, 10**15))
    number = random_.choice(
        (f"{float(here[0][:30]) * factor:.15g}", str(round(float(here[0][:30]) * factor)), "1", "7")
    )
    return data[: here.start()] + number.encode() + data[here.end() :]


def _nested(random_: random.Random, data: bytes) -> bytes:
    """A word inside many brackets."""
    opening, closing = random_.choice(
        ((b"[", b"]"), (b"{a: ", b"}"), (b'{"a":', b"}"), (b"<a>", b"</a>"), (b"(", b")"))
    )
    depth = random_.choice((3, 40, 2000))
    here = random_.choice(list(_WORD.finditer(data)) or [re.compile(b"").search(data)])
    assert here is not None
    return data[: here.start()] + opening * depth + here[0] + closing * depth + data[here.end() :]


PLAIN: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _flip, _truncated, _spliced, _lines, _lines, _words, _words, _numbers, _numbers, _numbers, _nested,
)  # fmt: skip


# ---- trees -----------------------------------------------------------------------------------------------------------


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a tree: what holds it, and the key or the number."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in pairs:
        yield tree, key
        yield from _places(value)


def _grown(random_: random.Random, tree: Any) -> Any:
    """A tree with one place changed."""
    places = list(_places(tree))
    if not places:
        return random_.choice(VALUES)
    holder, key = random_.choice(places)
    other, its = random_.choice(places)
    what = random_.randrange(11)
    if what == 0:
        holder[key] = random_.choice(VALUES)
    elif what <= 2:
        holder[key] = random_.choice(WORDS)
    elif what == 3:
        del holder[key]
    elif what == 4 and isinstance(holder, list):
        holder[key:key] = [holder[key]] * random_.choice((1, 3, 300))
    elif what == 5:
        holder[key] = random_.choice(([holder[key]], {"a": holder[key]}, [holder[key], holder[key]]))
    elif what == 6 and isinstance(holder, dict):
        name = random_.choice([*WORDS, *(str(each) for _, each in places)])
        holder[name] = holder.pop(key)
    elif what >= 8:
        holder[key] = _nudged(random_, holder[key])
    else:
        holder[key] = json.loads(json.dumps(other[its], default=str))  # a copy: never a circle
    return tree


def _nudged(random_: random.Random, value: Any) -> Any:
    """A value of the same kind, further out."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        return value * random_.choice((-1, 2, 10, 1000, 10**6, 10**12))
    if isinstance(value, str):
        numbers = re.sub(r"\d+", lambda _: random_.choice(("0", "1", "7", "1000000", "99999999999")), value, count=1)
        return numbers if numbers != value else value[: random_.randrange(len(value) + 1)]
    return list(value) if isinstance(value, dict) else {str(each): each for each in value}


def _yaml(random_: random.Random, data: bytes) -> bytes:
    try:
        tree = yaml.load(data, Loader)
        return str(yaml.dump(_grown(random_, tree), Dumper=Dumper, sort_keys=False, allow_unicode=True)).encode()
    except Exception:  # no tree any more, after an earlier mutation
        return _words(random_, data)


def _json(random_: random.Random, data: bytes) -> bytes:
    try:
        return json.dumps(_grown(random_, json.loads(data)), indent=1).encode()
    except Exception:
        return _words(random_, data)


def _csv(random_: random.Random, data: bytes) -> bytes:
    """A cell, a column or a row changed."""
    try:
        rows = list(csv.reader(io.StringIO(data.decode())))
        row = random_.choice(rows)
        at = random_.randrange(len(row))
    except Exception:
        return _words(random_, data)
    what = random_.randrange(6)
    if what <= 2:
        row[at] = random_.choice(WORDS)
    elif what == 3:
        row[at] = _nudged(random_, row[at])
    elif what == 4:
        for each in rows:
            del each[at : at + 1]
    else:
        row[at:at] = [row[at]] * random_.choice((1, 40))
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue().encode()


# ---- ONNX ------------------------------------------------------------------------------------------------------------


def _onnx(random_: random.Random, data: bytes) -> bytes:
    """A field of a node, an attribute or a tensor changed."""
    import onnx

    try:
        model = onnx.ModelProto.FromString(data)
        _grown_message(random_, model.graph)
        return bytes(model.SerializeToString())
    except Exception:
        return _flip(random_, data)


def _grown_message(random_: random.Random, message: Any) -> None:
    """Walks down a message at random, and changes a field."""
    fields = message.ListFields()
    if not fields:
        return
    about, value = random_.choice(fields)
    repeated = hasattr(value, "extend")
    inner = random_.choice(value) if repeated and len(value) else value
    if hasattr(inner, "ListFields") and random_.random() < 0.8:
        _grown_message(random_, inner)
    elif repeated and len(value) and random_.random() < 0.6:
        at = random_.randrange(len(value))
        if random_.random() < 0.4 or hasattr(inner, "ListFields"):
            del value[at]
        else:
            value[at] = _field(random_, inner)
    elif repeated and len(value):
        value.extend([inner] * random_.choice((1, 1, 30)))
    elif hasattr(inner, "ListFields"):
        message.ClearField(about.name)
    else:
        setattr(message, about.name, _field(random_, value))


def _field(random_: random.Random, value: Any) -> Any:
    if isinstance(value, str):
        return random_.choice((*WORDS, "Conv", "Loop", "If", "Reshape", "MatMul", "Concat", "com.microsoft"))
    if isinstance(value, bytes):
        return _flip(random_, value)
    if isinstance(value, float):
        return random_.choice((0.0, -1.0, 1e30, float("nan"), float("inf")))
    return random_.choice((0, 1, -1, 2, 3, 7, 1000, 2**20, 2**31 - 1, -(2**31)))


BY_KIND: dict[str, Callable[[random.Random, bytes], bytes]] = {"yaml": _yaml, "json": _json, "csv": _csv, "onnx": _onnx}
