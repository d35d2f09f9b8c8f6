"""Tensors as numpy arrays."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

import numpy as np

from .records import AbsentTensor, Array, Composite, Device, DType, RawArray, Size
from .tensor_files import BITS

Shape = Optional[Tuple[int, ...]]

# What numpy calls the dtypes of tensor files.
_NATIVE = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "C64": "<c8", "BOOL": "|b1",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1",
}  # fmt: skip

# What torch calls the others; ml_dtypes uses the same names.
TORCH_NAMES = {
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
    "F4": "float4_e2m1fn_x2",
    "F6_E2M3": "float6_e2m3fn",
    "F6_E3M2": "float6_e3m2fn",
}


def _of_ml_dtypes() -> Dict[str, np.dtype]:
    try:
        import ml_dtypes
    except ImportError:
        return {}
    whole = {key: name for key, name in TORCH_NAMES.items() if BITS[key] >= 8}
    found = {key: getattr(ml_dtypes, name, None) for key, name in whole.items()}
    return {key: np.dtype(scalar) for key, scalar in found.items() if scalar is not None}


def bits_of(raw: np.ndarray, dtype: str, shape: Tuple[int, ...]) -> np.ndarray:
    """Elements as unsigned integers; those narrower than a byte as bytes, without a shape."""
    if BITS[dtype] < 8:
        return raw
    return raw.view(f"<u{BITS[dtype] // 8}").reshape(shape)


class NumpyTensors:
    """Makes numpy arrays. Any ValueError or TypeError means that the numbers do not fit."""

    errors = (ValueError, TypeError, OverflowError, IndexError)
    hashes_tensors = False

    def __init__(self) -> None:
        self._dtypes = {key: np.dtype(name) for key, name in _NATIVE.items()}
        self._dtypes.update(_of_ml_dtypes())

    def dtype(self, name: str) -> Any:
        return DType(name)

    def device(self, name: str) -> Any:
        return Device(name)

    def size(self, sizes: Tuple[int, ...]) -> Any:
        return Size(sizes)

    def whole(self, raw: np.ndarray, dtype: str, shape: Tuple[int, ...]) -> Any:
        """The tensor whose bytes are `raw`."""
        if dtype not in self._dtypes:
            return RawArray(TORCH_NAMES[dtype], shape, bits_of(raw, dtype, shape))
        return raw.view(self._dtypes[dtype]).reshape(shape)

    def another(self, tensor: Any) -> Any:
        """A second tensor over the same memory."""
        return tensor.view() if isinstance(tensor, np.ndarray) else tensor

    def dressed(self, tensor: Any, cls: Any, requires_grad: bool) -> Any:
        """The tensor as one of the class."""
        if not isinstance(tensor, np.ndarray) or (cls is None and not requires_grad):
            return tensor
        array = tensor.view(Array)
        array.requires_grad = requires_grad
        array.unbrine_class = cls
        return array

    def with_state(self, tensor: Any) -> Any:
        """The tensor as one that can bear attributes."""
        return tensor.view(Array) if type(tensor) is np.ndarray else tensor

    def storage(self, tensor: Any, typed: bool) -> Any:
        return tensor

    def absent(self, dtype: Any, shape: Shape, reason: str) -> Any:
        return AbsentTensor(dtype, shape, reason)

    def composite(
        self, layout: str, dtype: Any, shape: Shape, parts: Dict[str, Any], scheme: Optional[str]
    ) -> Any:
        if layout == "complex" and parts.keys() == {"pair"}:
            return _complex(parts["pair"], str(dtype), shape)
        if layout in ("packed", "float4") and len(parts) == 1 and shape is not None:
            bits = next(iter(parts.values()))
            return RawArray(str(dtype), shape, bits.bits if isinstance(bits, RawArray) else bits)
        return Composite(layout, dtype, shape, parts, scheme)


def _complex(pair: Any, dtype: str, shape: Shape) -> Any:
    """complex128, or complex64 with the values of torch's complex32."""
    if isinstance(pair, np.ndarray) and pair.dtype == np.float16:
        pair = pair.astype(np.float32)
    if not isinstance(pair, np.ndarray) or pair.dtype.kind != "f":
        return Composite("complex", DType(dtype), shape, {"pair": pair})
    if pair.shape[-1:] != (2,) or (shape is not None and pair.shape[:-1] != shape):
        raise ValueError(f"parts of shape {pair.shape} are no complex numbers of shape {shape}")
    return pair.view(f"<c{2 * pair.dtype.itemsize}").reshape(pair.shape[:-1])
