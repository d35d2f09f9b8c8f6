"""Tensors, arrays and numpy's scalars among the kinds of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List

from . import leaves
from .errors import STATE, Where, fail_at, require_keys
from .numpy_dtypes import dtype_of_text
from .numpy_values import array_of_bytes, object_array
from .records import Call, Global, Record
from .tagged import Tagged
from .tensor_files import counts

if TYPE_CHECKING:
    from .reader import TreeReader

Node = Dict[str, Any]

_STORAGE_KEYS = frozenset(("file", "name", "dtype", "shape", "left_out"))
_TENSOR_KEYS = frozenset(
    ("file", "name", "alias_of", "layout", "scheme", "dtype", "shape", "parts")
    + ("meta", "left_out", "requires_grad", "class", "state")
)
_ARRAY_KEYS = _TENSOR_KEYS | {"items", "data", "mask", "fill"}


def storage(reader: TreeReader, node: Tagged) -> Any:
    content = leaves.object_of(node.content, node.where)
    require_keys(content, _STORAGE_KEYS, node.where)
    return reader.tensors.storage(content, node.where)


def tensor(reader: TreeReader, node: Tagged) -> Any:
    content = leaves.object_of(node.content, node.where)
    require_keys(content, _TENSOR_KEYS, node.where)

    def make(cls: Any) -> Any:
        made = reader.tensors.tensor(content, cls, node.where)
        return reader.with_attributes(made, content, "state", node.where)

    return _with_class(reader, content, make, node.where)


def array(reader: TreeReader, node: Tagged) -> Any:
    content = leaves.object_of(node.content, node.where)
    require_keys(content, _ARRAY_KEYS, node.where)

    def make(cls: Any) -> Any:
        made = _masked(reader, _array(reader, content, cls, node.where), content, node.where)
        return reader.with_attributes(made, content, "state", node.where)

    return _with_class(reader, content, make, node.where)


def _with_class(reader: TreeReader, node: Node, make: Callable[[Any], Any], where: Where) -> Any:
    """Made for its class: none, [module, name], or a value that must be read first."""
    if "class" in node and type(node["class"]) is not list:
        return reader.from_parts([node["class"]], lambda parts: make(parts[0]), where)
    return make(leaves.name_of(node["class"], where) if "class" in node else None)


# --- Arrays ---


def _array(reader: TreeReader, node: Node, cls: Any, where: Where) -> Any:
    if "items" in node:
        return reader.arrays.dressed(_object_array(reader, node, where), node, cls, where)
    if "data" in node:
        return reader.arrays.dressed(_data_array(reader, node, where), node, cls, where)
    return reader.arrays.tensor(node, cls, where)


def _object_array(reader: TreeReader, node: Node, where: Where) -> Any:
    items = leaves.array(node["items"], where)
    with leaves.numbers_may_not_fit(where):
        made = object_array(counts(node.get("shape"), STATE, "shape"), items)
    reader.later(_fill_array, reader, made, items, where)
    return made


def _fill_array(reader: TreeReader, made: Any, nodes: List[Any], where: Where) -> None:
    flat = made.reshape(-1)
    for position, node in enumerate(nodes):
        flat[position] = reader.value(node, (where, position))


def _data_array(reader: TreeReader, node: Node, where: Where) -> Any:
    """Of a dtype that is not understood a record, with what is known as attributes."""
    dtype = _dtype(reader, node.get("dtype"), where)
    shape = counts(node.get("shape"), STATE, "shape")
    data = leaves.data(node["data"], where)
    if dtype is None:
        state = {"dtype": None, "shape": shape, "data": data}
        reader.later(reader.fill_object, state, {"dtype": node["dtype"]}, where)
        return Record(Call(Global("numpy", "ndarray"), state=[state]))
    with leaves.numbers_may_not_fit(where):
        return array_of_bytes(dtype, shape, data)


def _masked(reader: TreeReader, made: Any, node: Node, where: Where) -> Any:
    if "mask" not in node:
        return made
    mask = reader.arrays.tensor(leaves.object_of(node["mask"], where), None, (where, "mask"))
    made = leaves.masked(made, mask, where)
    if "fill" in node:
        reader.later(reader.fill_mask, made, node["fill"], (where, "fill"))
    return made


# --- Scalars ---


def scalar(reader: TreeReader, node: Tagged) -> Any:
    content = leaves.object_of(node.content, node.where)
    if content.keys() != {"dtype", "value"}:
        fail_at(node.where, "expected dtype and value")
    dtype = _dtype(reader, content["dtype"], node.where)
    if dtype is None:
        nodes = [content["dtype"], content["value"]]
        return reader.from_parts(nodes, leaves.odd_scalar, node.where)
    return reader.from_parts([content["value"]], leaves.scalar_of(dtype), node.where)


def _dtype(reader: TreeReader, node: Any, where: Where) -> Any:
    """None for one that is not understood."""
    if type(node) is dict:
        return reader.dtypes.read(node)
    with leaves.numbers_may_not_fit(where):
        return dtype_of_text(node, objects=True)
