"""Each kind of value that state.json marks by a key: one function, and one row of KINDS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, FrozenSet, List, NamedTuple, Tuple

from . import leaves, tensor_kinds
from .containers import dict_of, new_container, set_of
from .errors import Where, fail_at, require_keys
from .numpy_dtypes import dtype_of_text, is_numpys
from .records import Call, PersistentId, Record
from .tagged import Tagged

if TYPE_CHECKING:
    from .reader import TreeReader


class Kind(NamedTuple):
    start: Callable[[TreeReader, Tagged], Any]  # gives the value, or PENDING
    companions: FrozenSet[str]  # keys that may stand beside its own


# --- Leaves, and what is made from finished parts ---


def _leaf(reader: TreeReader, node: Tagged) -> Any:
    return leaves.LEAVES[node.key](node.content, node.where)


def _dtype(reader: TreeReader, node: Tagged) -> Any:
    text = leaves.text(node.content, node.where)
    if not is_numpys(text):
        return reader.maker.dtype(text)
    with leaves.numbers_may_not_fit(node.where):
        return dtype_of_text(text, objects=True)


def _device(reader: TreeReader, node: Tagged) -> Any:
    return reader.maker.device(leaves.name_part(node.content, node.where))


def _global(reader: TreeReader, node: Tagged) -> Any:
    name = leaves.name_of(node.content, node.where)
    if "source" not in node.beside:
        return name
    return reader.from_parts([node.beside["source"]], leaves.with_source(name), node.where)


def _from_parts(reader: TreeReader, node: Tagged) -> Any:
    nodes = leaves.array(node.content, node.where)
    return reader.from_parts(nodes, leaves.FROM_PARTS[node.key], node.where)


def _size(reader: TreeReader, node: Tagged) -> Any:
    def finish(parts: List[Any]) -> Any:
        made = reader.maker.size(leaves.sizes(parts))
        return reader.with_attributes(made, node.beside, "attrs", node.where)

    return reader.from_parts(leaves.array(node.content, node.where), finish, node.where)


def _stream(reader: TreeReader, node: Tagged) -> Any:
    return reader.from_parts([node.content], lambda parts: parts[0], node.where)


# --- Containers ---


def _set(reader: TreeReader, node: Tagged) -> Any:
    def finish(parts: List[Any]) -> Any:
        kind = set if node.key == "$set" else frozenset
        made = set_of(kind, parts, node.beside, reader.hashing)
        return reader.with_attributes(made, node.beside, "attrs", node.where)

    return reader.from_parts(leaves.array(node.content, node.where), finish, node.where)


def _deque(reader: TreeReader, node: Tagged) -> Any:
    maxlen = leaves.maxlen(node.beside.get("maxlen"), node.where)
    made = new_container("deque", node.beside, maxlen)
    nodes = leaves.array(node.content, node.where)
    reader.later(reader.fill_list, made.append, nodes, node.where)
    return reader.with_attributes(made, node.beside, "attrs", node.where)


def _dict(reader: TreeReader, node: Tagged) -> Any:
    """Its keys first: whether they can be hashed decides what it is."""
    keys, values = _keys_and_values(node.content, node.where)

    def finish(parts: List[Any]) -> Any:
        made = dict_of(node.key[1:], parts, node.beside, reader.hashing)
        reader.later(reader.fill_dict, made, parts, values, node.where)
        if "factory" in node.beside:
            factory = node.beside["factory"]
            reader.later(reader.fill_attribute, made, "factory", factory, node.where)
        return reader.with_attributes(made, node.beside, "attrs", node.where)

    return reader.from_parts(keys, finish, node.where)


def _keys_and_values(content: Any, where: Where) -> Tuple[List[Any], List[Any]]:
    """Of a dict as an object, as {"$dict": pairs}, or as pairs."""
    if type(content) is dict and content.keys() == {"$dict"}:
        content = content["$dict"]
    if type(content) is dict:
        if any(key.startswith("$") for key in content):
            fail_at(where, "a key that starts with '$' stands in a pair")
        return list(content), list(content.values())
    pairs = _pairs(content, where)
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _pairs(content: Any, where: Where) -> List[List[Any]]:
    pairs = leaves.array(content, where)
    if not all(type(pair) is list and len(pair) == 2 for pair in pairs):
        fail_at(where, "expected an array of [key, value]")
    return pairs


# --- Objects ---

_OBJECT_KEYS = frozenset(("class", "by", "args", "kwargs", "state", "items", "values"))


def _object(reader: TreeReader, node: Tagged) -> Any:
    content = leaves.object_of(node.content, node.where)
    require_keys(content, _OBJECT_KEYS, node.where)
    if "class" not in content:
        fail_at(node.where, "an object has a class")
    if content["class"] == ["numpy", "dtype"]:
        dtype = reader.dtypes.read({"$object": content})
        if dtype is not None:
            return dtype
    call = Call(by=leaves.how_called(content.get("by"), node.where))
    reader.later(_fill_call, reader, call, content, node.where)
    return Record(call)


def _fill_call(reader: TreeReader, call: Call, node: Dict[str, Any], where: Where) -> None:
    cls, args = node["class"], node.get("args", [])
    is_name = type(cls) is list
    call.cls = leaves.name_of(cls, where) if is_name else reader.value(cls, (where, "class"))
    call.args = _arguments(reader, args, (where, "args"))
    call.kwargs = reader.value(node.get("kwargs"), (where, "kwargs"))
    for name, append in (("state", call.state.append), ("values", call.values.append)):
        reader.fill_list(append, leaves.array(node.get(name, []), where), (where, name))
    for position, pair in enumerate(_pairs(node.get("items", []), where)):
        place = ((where, "items"), position)
        call.items.append((reader.value(pair[0], place), reader.value(pair[1], place)))


def _arguments(reader: TreeReader, node: Any, where: Where) -> Any:
    """A tuple from an array; what is none stands there as a value."""
    if type(node) is not list:
        return reader.value(node, where)
    args: List[Any] = []
    reader.fill_list(args.append, node, where)
    return tuple(args)


def _persistent_id(reader: TreeReader, node: Tagged) -> Any:
    made = PersistentId()
    reader.later(reader.fill_attribute, made, "value", node.content, node.where)
    return made


def _kind(start: Callable[..., Any], *companions: str) -> Kind:
    return Kind(start, frozenset(companions))


KINDS: Dict[str, Kind] = {
    **dict.fromkeys(leaves.LEAVES, _kind(_leaf)),
    **dict.fromkeys(leaves.FROM_PARTS, _kind(_from_parts)),
    "$size": _kind(_size, "attrs"),
    "$set": _kind(_set, "attrs"),
    "$frozenset": _kind(_set, "attrs"),
    "$deque": _kind(_deque, "maxlen", "attrs"),
    "$dict": _kind(_dict, "attrs"),
    "$odict": _kind(_dict, "attrs"),
    "$counter": _kind(_dict, "attrs"),
    "$defaultdict": _kind(_dict, "factory", "attrs"),
    "$dtype": _kind(_dtype),
    "$device": _kind(_device),
    "$global": _kind(_global, "source"),
    "$object": _kind(_object),
    "$persid": _kind(_persistent_id),
    "$stream": _kind(_stream, "kind"),
    "$scalar": _kind(tensor_kinds.scalar),
    "$storage": _kind(tensor_kinds.storage),
    "$tensor": _kind(tensor_kinds.tensor),
    "$ndarray": _kind(tensor_kinds.array),
}
