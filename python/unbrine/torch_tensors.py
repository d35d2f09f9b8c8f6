"""Tensors as torch's. Numbers that torch would trust are checked here first: a file must not be
able to make it read outside of a tensor.
"""

from __future__ import annotations

import warnings
from typing import Any, Dict, Optional, Tuple

import numpy as np
import torch

from .numpy_tensors import TORCH_NAMES, NumpyTensors, Shape, bits_of
from .records import Composite, Device, DType, Global, RawArray
from .tensor_files import product

_PARAMETER = Global("torch.nn.parameter", "Parameter")

_NAMES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "C64": "complex64", "BOOL": "bool",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8",
    **TORCH_NAMES,
}  # fmt: skip

_COMPRESSED = {  # by layout: the compressed indices, and the plain ones
    "sparse_csr": ("crow_indices", "col_indices"),
    "sparse_bsr": ("crow_indices", "col_indices"),
    "sparse_csc": ("ccol_indices", "row_indices"),
    "sparse_bsc": ("ccol_indices", "row_indices"),
}
_LAYOUTS = {name: getattr(torch, name, None) for name in _COMPRESSED}

# By the names of what torch has: nothing is looked up by a name from a file.
_DTYPES = {str(v)[6:]: v for v in vars(torch).values() if isinstance(v, torch.dtype)}

_QUANTIZED_BITS = {"qint8": 8, "quint8": 8, "qint32": 32, "quint4x2": 4, "quint2x4": 2}


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what)


class TorchTensors:
    """Makes torch tensors. Any of `errors` means that the numbers do not fit."""

    errors = (*NumpyTensors.errors, RuntimeError, AssertionError)
    hashes_tensors = True

    def dtype(self, name: str) -> Any:
        return _DTYPES.get(name) or DType(name)

    def device(self, name: str) -> Any:
        try:
            return torch.device(name)
        except (RuntimeError, ValueError):
            return Device(name)

    def size(self, sizes: Tuple[int, ...]) -> Any:
        return torch.Size(sizes)

    def whole(self, raw: np.ndarray, dtype: str, shape: Tuple[int, ...]) -> Any:
        """The tensor whose bytes are `raw`; the two share memory."""
        name = _NAMES[dtype]
        if name not in _DTYPES:
            return RawArray(name, shape, bits_of(raw, dtype, shape))
        if dtype == "F4":  # two values in a byte: the last dimension counted twice
            shape = (*shape[:-1], shape[-1] // 2) if shape else shape
        if not raw.size:  # a view would ask for a stride that torch does not give to nothing
            return torch.empty(shape, dtype=_DTYPES[name])
        return torch.from_numpy(raw).view(_DTYPES[name]).reshape(shape)

    def another(self, tensor: Any) -> Any:
        """A second tensor over the same memory."""
        return tensor.detach() if isinstance(tensor, torch.Tensor) else tensor

    def dressed(self, tensor: Any, cls: Any, requires_grad: bool) -> Any:
        """The tensor as one of the class."""
        if not isinstance(tensor, torch.Tensor):
            return tensor
        if isinstance(cls, Global) and cls == _PARAMETER:
            return torch.nn.Parameter(tensor, requires_grad=requires_grad)
        if requires_grad:
            tensor.requires_grad_(True)
        if cls is not None:
            tensor.__dict__["unbrine_class"] = cls
        return tensor

    def with_state(self, tensor: Any) -> Any:
        """A nested tensor keeps what it trusts in attributes: a file must not set those."""
        if isinstance(tensor, torch.Tensor) and tensor.is_nested:
            tensor.__dict__["unbrine_state"] = None
        return tensor

    def storage(self, tensor: Any, typed: bool) -> Any:
        if not isinstance(tensor, torch.Tensor):
            return tensor
        untyped = tensor.untyped_storage()
        if not typed:
            return untyped
        return torch.storage.TypedStorage(wrap_storage=untyped, dtype=tensor.dtype, _internal=True)

    def absent(self, dtype: Any, shape: Shape, reason: str) -> Any:
        if reason == "meta" and isinstance(dtype, torch.dtype) and shape is not None:
            return torch.empty(shape, dtype=dtype, device="meta")
        return NumpyTensors().absent(dtype, shape, reason)

    def composite(
        self, layout: str, dtype: Any, shape: Shape, parts: Dict[str, Any], scheme: Optional[str]
    ) -> Any:
        whole = None
        if all(isinstance(part, torch.Tensor) for part in parts.values()):
            with warnings.catch_warnings():  # that quantized and nested tensors are old or new
                warnings.simplefilter("ignore")
                whole = _put_together(layout, dtype, shape, parts, scheme)
        return Composite(layout, dtype, shape, parts, scheme) if whole is None else whole


def _put_together(
    layout: str, dtype: Any, shape: Shape, parts: Dict[str, Any], scheme: Optional[str]
) -> Any:
    """The tensor, or None if its parts are not those of a known layout."""
    roles = frozenset(parts)
    if layout == "complex" and roles == {"pair"} and isinstance(dtype, torch.dtype):
        _require(parts["pair"].shape[:-1] == shape, f"parts of another shape than {shape}")
        return torch.view_as_complex(parts["pair"])
    if layout == "jagged" and {"values", "offsets"} <= roles <= {"values", "offsets", "lengths"}:
        return _jagged(**parts)
    if layout == "strided_nested" and roles == {"values", "sizes", "strides", "offsets"}:
        return _nested(parts)
    if shape is None:
        return None
    if layout in ("packed", "float4") and len(parts) == 1:
        return _packed(next(iter(parts.values())), dtype, shape)
    if layout == "sparse_coo" and roles == {"indices", "values"}:
        return _sparse_coo(parts["indices"], parts["values"], shape)
    if layout in _COMPRESSED:
        return _sparse_compressed(layout, parts, shape)
    if scheme is not None and roles - {"axis"} == {"", "scale", "zero_point"}:
        return _quantized(scheme, dtype, shape, parts)
    return None


def _packed(raw: Any, dtype: Any, shape: Shape) -> Any:
    """Types of which torch knows little more than their width."""
    if not isinstance(dtype, torch.dtype) or not str(dtype)[6:].startswith(("bits", "float4")):
        return None
    return raw.reshape(-1).view(dtype).reshape(shape)


def _sparse_coo(indices: Any, values: Any, shape: Tuple[int, ...]) -> Any:
    tensor = torch.sparse_coo_tensor(indices, values, shape, check_invariants=True)
    if _is_sorted(indices, shape):
        tensor = tensor._coalesced_(True)
    return tensor


def _is_sorted(indices: Any, shape: Tuple[int, ...]) -> bool:
    """As coalesce() leaves them: each place once, in row-major order."""
    if product(shape) >= 2**63:
        return False
    place = torch.zeros(indices.shape[1], dtype=torch.int64)
    for row, size in zip(indices, shape):
        place = place * size + row
    return bool((place[1:] > place[:-1]).all())


def _sparse_compressed(layout: str, parts: Dict[str, Any], shape: Tuple[int, ...]) -> Any:
    compressed, plain = _COMPRESSED[layout]
    if frozenset(parts) != {compressed, plain, "values"} or _LAYOUTS[layout] is None:
        return None
    return torch.sparse_compressed_tensor(
        parts[compressed],
        parts[plain],
        parts["values"],
        shape,
        layout=_LAYOUTS[layout],
        check_invariants=True,
    )


def _quantized(scheme: str, dtype: Any, shape: Tuple[int, ...], parts: Dict[str, Any]) -> Any:
    bits = _QUANTIZED_BITS.get(str(dtype)[6:])
    if bits is None:
        return None
    raw = parts[""].contiguous().reshape(-1).view(torch.uint8)
    rows, last = product(shape[:-1]), shape[-1] if shape else 1
    needed = rows * ((last * bits + 7) // 8)  # each row begins with a byte of its own
    _require(raw.numel() == needed, f"needs {needed} bytes, has {raw.numel()}")
    per_tensor = scheme == "per_tensor_affine"
    whole = (_per_tensor if per_tensor else _per_channel)(dtype, shape, parts)
    torch.empty(0, dtype=torch.uint8).set_(whole.untyped_storage()).copy_(raw)
    return whole


def _per_tensor(dtype: Any, shape: Tuple[int, ...], parts: Dict[str, Any]) -> Any:
    scale, zero_point = parts["scale"], parts["zero_point"]
    _require(scale.numel() == 1 and zero_point.numel() == 1, "expected one scale and zero point")
    return torch._empty_affine_quantized(
        shape, scale=float(scale.item()), zero_point=int(zero_point.item()), dtype=dtype
    )


def _per_channel(dtype: Any, shape: Tuple[int, ...], parts: Dict[str, Any]) -> Any:
    axis = _axis(parts, shape)
    for role in ("scale", "zero_point"):
        _require(tuple(parts[role].shape) == (shape[axis],), f"expected {shape[axis]} of {role}")
    return torch._empty_per_channel_affine_quantized(
        shape, scales=parts["scale"], zero_points=parts["zero_point"], axis=axis, dtype=dtype
    )


def _axis(parts: Dict[str, Any], shape: Tuple[int, ...]) -> int:
    _require("axis" in parts and parts["axis"].numel() == 1, "expected one axis")
    axis = int(parts["axis"].item())
    _require(0 <= axis < len(shape), f"axis {axis} of {len(shape)}")
    return axis


def _integers(tensor: Any, rank: int, what: str) -> Any:
    is_integer = tensor.dtype in (torch.int64, torch.int32)
    _require(is_integer and tensor.dim() == rank, f"{what} must be integers of rank {rank}")
    return tensor.tolist()


def _nested(parts: Dict[str, Any]) -> Any:
    """Each item is cut by as_strided, which keeps within the values."""
    values = parts["values"].reshape(-1)
    sizes = _integers(parts["sizes"], 2, "sizes")
    strides = _integers(parts["strides"], 2, "strides")
    offsets = _integers(parts["offsets"], 1, "offsets")
    _require(len(sizes) == len(strides) == len(offsets), "as many strides and offsets as sizes")
    total = 0
    for size in sizes:
        _require(all(0 <= n <= values.numel() for n in size), "sizes beyond the values")
        total += int(np.prod(size, dtype=object))
    _require(total <= values.numel(), "more elements than values")
    items = [values.as_strided(*place) for place in zip(sizes, strides, offsets)]
    return torch.nested.nested_tensor(items, dtype=values.dtype)


def _jagged(values: Any, offsets: Any, lengths: Any = None) -> Any:
    starts = _integers(offsets, 1, "offsets")
    _require(values.dim() > 0 and len(starts) > 0, "neither values nor offsets may be empty")
    ends = starts[1:]
    if lengths is not None:
        sizes = _integers(lengths, 1, "lengths")
        _require(len(sizes) == len(ends), "as many lengths as items")
        ends = [start + size for start, size in zip(starts, sizes)]
    _require(starts == sorted(starts) and starts[0] >= 0, "offsets that do not fall")
    _require(all(s <= e <= values.shape[0] for s, e in zip(starts, ends)), "offsets beyond values")
    _require(starts[-1] <= values.shape[0], "offsets beyond values")
    return torch.nested.nested_tensor_from_jagged(values, offsets, lengths)
