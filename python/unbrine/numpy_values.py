"""numpy's scalars, and arrays that are no tensors: text, dates, structures, objects."""

from __future__ import annotations

import math
import struct
from typing import Any, List, Tuple

import numpy as np

from .tensor_files import product

_MAX_CODE_POINT = 0x10FFFF
_TYPES = {"b": bool, "i": int, "u": int, "f": float, "c": complex}
_NAN_BITS = {2: (0x7C00, 42), 4: (0x7F800000, 29)}  # exponent, and by how much a double is longer


def scalar(dtype: np.dtype, value: Any) -> Any:
    """From a number, text or its bytes. Throws ValueError for what does not fit."""
    if dtype.kind == "O":
        return value
    if isinstance(value, bytes):
        return array_of_bytes(dtype, (), value)[()]
    if dtype.kind == "U" and type(value) is str:
        return np.str_(value)
    wanted = _TYPES.get(dtype.kind)
    if wanted is None or type(value) is not wanted:
        raise ValueError(f"a {type(value).__name__} is no value of {dtype}")
    if dtype.kind in "fc":
        return _real_or_complex(dtype, value)
    return np.array(value, dtype)[()]


def _real_or_complex(dtype: np.dtype, value: Any) -> Any:
    if dtype.itemsize > (8 if dtype.kind == "f" else 16):
        raise ValueError(f"a value of {dtype} stands as bytes")
    numbers = [value] if dtype.kind == "f" else [value.real, value.imag]
    size = dtype.itemsize // len(numbers)
    data = b"".join(_narrowed(number, size) for number in numbers)
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype)[0]


def _narrowed(number: float, size: int) -> bytes:
    """The little-endian float that equals the number; of a NaN the bits that count."""
    if size == 8:
        return struct.pack("<d", number)
    if math.isnan(number):
        bits = struct.unpack("<Q", struct.pack("<d", number))[0]
        exponent, longer = _NAN_BITS[size]
        short = (bits >> 63) << (8 * size - 1) | exponent | (bits & (1 << 52) - 1) >> longer
        return int(short).to_bytes(size, "little")
    with np.errstate(all="ignore"):
        short = np.array(number, f"<f{size}")
    if float(short) != number:
        raise ValueError(f"{number!r} is no float of {size} bytes")
    return short.tobytes()


def array_of_bytes(dtype: np.dtype, shape: Tuple[int, ...], data: bytes) -> np.ndarray:
    """The array whose elements, row-major, are the bytes."""
    if product(shape) >= 2**63:  # which numpy lets pass where elements have no bytes
        raise ValueError("more elements than 2**63")
    if dtype.hasobject or len(data) != product(shape) * dtype.itemsize:
        raise ValueError(f"needs {product(shape) * dtype.itemsize} bytes, has {len(data)}")
    array: np.ndarray = np.ndarray(shape, dtype, bytearray(data))
    if dtype.kind == "U" and data:
        points = np.frombuffer(data, np.dtype(np.uint32).newbyteorder(dtype.byteorder))
        if int(points.max()) > _MAX_CODE_POINT:
            raise ValueError("text that is no Unicode")
    return array


def object_array(shape: Tuple[int, ...], items: List[Any]) -> np.ndarray:
    """An array of objects, each None, for as many items as its shape says."""
    if product(shape) != len(items):
        raise ValueError(f"needs {product(shape)} items, has {len(items)}")
    return np.empty(shape, object)
