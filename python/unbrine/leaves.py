"""Values that hold no others, and those made from an array of finished parts."""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
import sys
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import numpy as np

from .errors import TreeError, Where, fail_at, quoted
from .numpy_values import scalar
from .records import AbsentTensor, Call, Global, RawArray, Record

_INTEGER = re.compile(r"-?[0-9]{1,1000000}")
_CHUNK = 4000  # digits that Python converts at once
_NAMED_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_CALLS = ("reduce", "newobj", "newobj_ex", "obj", "inst")


@contextmanager
def numbers_may_not_fit(where: Where) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, OverflowError) as error:
        if isinstance(error, TreeError):
            raise
        fail_at(where, str(error)[:200])


# --- What the content must be ---


def text(content: Any, where: Where) -> str:
    if not isinstance(content, str):
        fail_at(where, f"expected text, found {_kind(content)}")
    return content


def array(content: Any, where: Where) -> List[Any]:
    if type(content) is not list:
        fail_at(where, f"expected an array, found {_kind(content)}")
    return content


def object_of(content: Any, where: Where) -> Dict[str, Any]:
    if type(content) is not dict:
        fail_at(where, f"expected an object, found {_kind(content)}")
    return content


def _kind(content: Any) -> str:
    names = {dict: "an object", list: "an array", str: "text", type(None): "null"}
    return names.get(type(content), str(content)[:40])


# --- Leaves ---


def integer(content: Any, where: Where) -> int:
    digits = text(content, where)
    if not _INTEGER.fullmatch(digits) or not digits.isascii():
        fail_at(where, f"{quoted(digits)} is no integer of at most a million digits")
    sign, digits = (-1, digits[1:]) if digits[0] == "-" else (1, digits)
    value = 0
    for begin in range(0, len(digits), _CHUNK):
        chunk = digits[begin : begin + _CHUNK]
        value = value * 10 ** len(chunk) + int(chunk)
    return sign * value


def real(content: Any, where: Where) -> float:
    name = text(content, where)
    if name in _NAMED_FLOATS:
        return _NAMED_FLOATS[name]
    if re.fullmatch(r"0x[0-9a-f]{16}", name):
        value: float = struct.unpack(">d", bytes.fromhex(name[2:]))[0]
        if math.isnan(value):
            return value
    fail_at(where, f"{quoted(name)} is no float that JSON lacks")


def data(content: Any, where: Where) -> bytes:
    encoded = text(content, where)
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        fail_at(where, f"{quoted(encoded)} is no base64")


def odd_text(content: Any, where: Where) -> str:
    try:
        return data(content, where).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        fail_at(where, f"no UTF-8 at byte {error.start}")


def name_of(content: Any, where: Where) -> Global:
    """[module, name]."""
    parts = array(content, where)
    if len(parts) != 2:
        fail_at(where, f"expected [module, name], found {len(parts)} items")
    module, name = (name_part(part, where) for part in parts)
    return Global(module, name)


def name_part(content: Any, where: Where) -> str:
    """Text, or {"$str": base64} for what is no Unicode."""
    if type(content) is dict and content.keys() == {"$str"}:
        return odd_text(content["$str"], where)
    return text(content, where)


LEAVES: Dict[str, Callable[[Any, Where], Any]] = {
    "$int": integer,
    "$float": real,
    "$str": odd_text,
    "$bytes": data,
    "$bytearray": lambda content, where: bytearray(data(content, where)),
}


# --- From parts ---


def _slice(parts: List[Any]) -> slice:
    start, stop, step = parts
    return slice(start, stop, step)


def _range(parts: List[Any]) -> range:
    return range(*parts)


def _complex(parts: List[Any]) -> complex:
    real_part, imaginary = parts
    if not {type(real_part), type(imaginary)} <= {float, int}:
        raise ValueError("the parts of a complex number are numbers")
    return complex(real_part, imaginary)


FROM_PARTS: Dict[str, Callable[[List[Any]], Any]] = {
    "$tuple": tuple,
    "$complex": _complex,
    "$slice": _slice,
    "$range": _range,
}


def with_source(name: Global) -> Callable[[List[Any]], Global]:
    return lambda parts: Global(name.module, name.name, parts[0])


def sizes(parts: List[Any]) -> Tuple[int, ...]:
    for part in parts:
        if type(part) is not int or not -(2**63) <= part < 2**63:
            raise ValueError("a size is made of integers of 64 bits")
    return tuple(parts)


def maxlen(content: Any, where: Where) -> Optional[int]:
    if content is None:
        return None
    if type(content) is not int or not 0 <= content <= sys.maxsize:
        fail_at(where, "maxlen is a whole number")
    return content


def how_called(content: Any, where: Where) -> str:
    if content not in _CALLS:
        fail_at(where, f"an object is made by one of {', '.join(_CALLS)}")
    return str(content)


# --- numpy ---


def scalar_of(dtype: np.dtype) -> Callable[[List[Any]], Any]:
    return lambda parts: scalar(dtype, parts[0])


def odd_scalar(parts: List[Any]) -> Record:
    """Of a dtype that is not understood."""
    return Record(Call(Global("numpy.core.multiarray", "scalar"), args=tuple(parts)))


def masked(array: Any, mask: Any, where: Where) -> Any:
    if not isinstance(array, np.ndarray) or not isinstance(mask, np.ndarray):
        return array  # left out
    if mask.shape != array.shape or mask.dtype != bool:
        fail_at(where, "a mask is of bool and has the shape of its array")
    with numbers_may_not_fit(where):
        return np.ma.MaskedArray(array, mask=mask)


def set_fill_value(array: Any, value: Any, where: Where) -> None:
    known = not isinstance(value, (AbsentTensor, RawArray))
    if known and isinstance(array, np.ma.MaskedArray):
        with numbers_may_not_fit(where):
            array.fill_value = value
