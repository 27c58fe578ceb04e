"""Results to bytes and back, exactly: the numbers to the last bit, the arrays as they were.

What is packed is a JSON text, its length before it, and after it the bytes of the arrays, whose
types and shapes the text has. Nothing that is read back is ever run (no pickle).
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from nanojunction.analysis.at_rest.telegraph import Telegraph
from nanojunction.analysis.field.loops import Plateau, Switch
from nanojunction.analysis.values import Curve, Quantity

_LENGTH = struct.Struct("<Q")
_TYPE = "\N{SECTION SIGN}"  # marks an object that stands for something JSON has no word for
_NUMBERS = ("b1", *(f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)), "f2", "f4", "f8")
_RECORDS: Mapping[str, type[Any]] = {
    one.__name__: one for one in (Quantity, Curve, Plateau, Switch, Telegraph)
}


class PackingError(ValueError):
    """Something cannot be packed, or what was to be unpacked is not what `pack` writes."""


def pack(value: Any) -> bytes:
    """Return `value` as bytes.

    It may hold None, bool, int, float (NaN and infinities too), str, lists, tuples, mappings with
    text keys, NumPy arrays and numbers, Quantity, Curve, Plateau, Switch and
    Telegraph. Raises PackingError
    for anything else.
    """
    arrays = bytearray()
    text = json.dumps(_plain(value, arrays), separators=(",", ":")).encode()
    return _LENGTH.pack(len(text)) + text + arrays


def unpack(data: bytes) -> Any:
    """Return what `pack` was given; raises PackingError if the bytes are not of its writing."""
    try:
        (length,) = _LENGTH.unpack_from(data)
        text = data[_LENGTH.size : _LENGTH.size + length].decode()
        return _whole(json.loads(text), _Arrays(data, _LENGTH.size + length))
    except (struct.error, ValueError, KeyError, TypeError) as problem:
        raise PackingError(f"these bytes are no packed results ({problem})") from problem


@dataclass(slots=True)
class _Arrays:
    """The arrays' bytes, read one array after the other."""

    data: bytes
    at: int

    def next(self, dtype: str, shape: list[int]) -> np.ndarray[Any, Any]:
        kind = np.dtype(dtype)
        if kind.hasobject:
            raise PackingError(f"an array of {dtype} is never read")
        count = math.prod(shape)
        found = np.frombuffer(self.data, kind, count, self.at).reshape(shape).copy()
        self.at += count * kind.itemsize
        return found


def _plain(value: Any, arrays: bytearray) -> Any:
    """Return what JSON knows, arrays written to `arrays` in the order in which they are met."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, list):
        return [_plain(item, arrays) for item in value]
    if isinstance(value, Mapping):
        if not all(type(key) is str and key != _TYPE for key in value):
            raise PackingError("a mapping with keys that are not text cannot be packed")
        return {key: _plain(item, arrays) for key, item in value.items()}
    return _marked(value, arrays)


def _marked(value: Any, arrays: bytearray) -> dict[str, Any]:
    """Return an object that stands for something JSON has no word for."""
    if isinstance(value, tuple):
        return {_TYPE: "tuple", "items": [_plain(item, arrays) for item in value]}
    if isinstance(value, np.generic) and value.dtype.str[1:] in _NUMBERS:
        return {_TYPE: "number", "dtype": value.dtype.str, "value": value.item()}
    if isinstance(value, np.ndarray) and not value.dtype.hasobject and value.dtype.names is None:
        arrays += value.tobytes()
        return {_TYPE: "array", "dtype": value.dtype.str, "shape": list(value.shape)}
    name = type(value).__name__
    if _RECORDS.get(name) is not type(value):
        what = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a {name}"
        raise PackingError(f"{what} cannot be packed")
    held = {one.name: _plain(getattr(value, one.name), arrays) for one in fields(value)}
    return {_TYPE: name, **held}


def _whole(value: Any, arrays: _Arrays) -> Any:
    """Return what `_plain` was given; the arrays come in the order in which they were written."""
    if isinstance(value, list):
        return [_whole(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.pop(_TYPE, None)
    if kind == "array":
        return arrays.next(value["dtype"], value["shape"])
    if kind == "number":
        return np.dtype(value["dtype"]).type(value["value"])
    if kind == "tuple":
        return tuple(_whole(item, arrays) for item in value["items"])
    held = {key: _whole(item, arrays) for key, item in value.items()}
    return held if kind is None else _RECORDS[kind](**held)
