"""$tensor, $ndarray and $storage: where their elements lie, and what is made of them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Dict, Iterator, Tuple

from .errors import STATE, TreeError, Where, fail_at, quoted
from .records import Global
from .tensor_files import Entry, TensorFile, TensorFiles, counts

Node = Dict[str, Any]

_SCHEMES = ("per_tensor_affine", "per_channel_affine", "per_channel_affine_float_qparams")


def text_of(node: Node, key: str, where: Where) -> str:
    value = node.get(key)
    if not isinstance(value, str):
        fail_at(where, f"expected text for {key!r}")
    return value


def bool_of(node: Node, key: str, where: Where) -> bool:
    value = node.get(key, False)
    if not isinstance(value, bool):
        fail_at(where, f"expected true or false for {key!r}")
    return value


class TensorNodes:
    """Makes each tensor once, however often it is mentioned."""

    def __init__(self, files: TensorFiles, maker: Any) -> None:
        self._files = files
        self._maker = maker
        self._bases: Dict[Tuple[str, Entry], Any] = {}
        self._made: Dict[Any, Any] = {}

    def tensor(self, node: Node, cls: Any, where: Where) -> Any:
        """The tensor as one of the class; the same object for the same file, name and class."""
        known = cls is None or isinstance(cls, Global)
        grad = bool_of(node, "requires_grad", where)
        key = (self._key(node, where), cls if known else id(cls), grad, "state" in node)
        if key[0] is None:
            return self._dressed(node, cls, where)
        if key not in self._made:
            self._made[key] = (self._dressed(node, cls, where), cls)  # keeps id(cls) what it is
        return self._made[key][0]

    def _dressed(self, node: Node, cls: Any, where: Where) -> Any:
        with self._numbers_may_not_fit(where):
            return self.dressed(self._bare(node, where), node, cls, where)

    def dressed(self, tensor: Any, node: Node, cls: Any, where: Where) -> Any:
        """The tensor with its class, and able to bear attributes if it is to have some."""
        with self._numbers_may_not_fit(where):
            tensor = self._maker.dressed(tensor, cls, bool_of(node, "requires_grad", where))
            return self._maker.with_state(tensor) if "state" in node else tensor

    def storage(self, node: Node, where: Where) -> Any:
        if bool_of(node, "left_out", where):
            return self._maker.absent(*self._dtype_and_shape(node, where), "left_out")
        key = ("storage", text_of(node, "file", where), text_of(node, "name", where))
        if key not in self._made:
            with self._numbers_may_not_fit(where):
                tensor = self._stored(node, where)
                self._made[key] = self._maker.storage(tensor, "dtype" in node)
        return self._made[key]

    @contextmanager
    def _numbers_may_not_fit(self, where: Where) -> Iterator[None]:
        try:
            yield
        except TreeError:
            raise
        except self._maker.errors as error:
            fail_at(where, f"its numbers do not fit: {str(error)[:200]}")

    def _key(self, node: Node, where: Where) -> Any:
        """Equal for what is one tensor; None for tensors without data."""
        if "layout" in node:
            parts = self._part_nodes(node, where)
            return tuple((role, part["file"], part["name"]) for role, part in parts) or None
        if "file" not in node and "name" not in node:
            return None
        return text_of(node, "file", where), text_of(node, "name", where)

    def _bare(self, node: Node, where: Where) -> Any:
        if "layout" in node:
            return self._composite(node, where)
        if "file" in node:
            return self._stored(node, where)
        for reason in ("meta", "left_out"):
            if bool_of(node, reason, where):
                return self._maker.absent(*self._dtype_and_shape(node, where), reason)
        fail_at(where, "a tensor has a file and a name, a layout, or none of its data")

    def _dtype_and_shape(self, node: Node, where: Where) -> Tuple[Any, Any]:
        dtype, shape = node.get("dtype"), node.get("shape")
        if dtype is not None:
            dtype = self._maker.dtype(text_of(node, "dtype", where))
        if shape is not None:
            shape = counts(shape, STATE, "shape")
        return dtype, shape

    # --- Tensors that lie in a file ---

    def _stored(self, node: Node, where: Where) -> Any:
        name, alias_of = text_of(node, "name", where), node.get("alias_of")
        file = self._file(text_of(node, "file", where), where)
        entry = file.entries.get(name)
        if alias_of is not None:  # then under `name` the same lies once more, or nothing
            kept = self._entry(file, text_of(node, "alias_of", where), where)
            if entry is not None and (entry.dtype, entry.shape) != (kept.dtype, kept.shape):
                fail_at(where, f"{quoted(name)} is no alias of {quoted(alias_of)}")
            entry = kept
        return self._of_entry(file, entry or self._entry(file, name, where))

    def _file(self, name: str, where: Where) -> TensorFile:
        try:
            return self._files[name]
        except TreeError as error:
            fail_at(where, str(error))

    def _entry(self, file: TensorFile, name: str, where: Where) -> Entry:
        if name not in file.entries:
            fail_at(where, f"{file.name} has no tensor {quoted(name)}")
        return file.entries[name]

    def _of_entry(self, file: TensorFile, entry: Entry) -> Any:
        key = (file.name, entry)
        if key in self._bases:
            return self._maker.another(self._bases[key])
        raw = file.bytes_of(entry)
        if entry.dtype == "BOOL" and raw.size and raw.max() > 1:
            raise ValueError("a BOOL is 0 or 1")
        self._bases[key] = self._maker.whole(raw, entry.dtype, entry.shape)
        return self._bases[key]

    # --- Tensors kept as several ---

    def _part_nodes(self, node: Node, where: Where) -> Tuple[Tuple[str, Node], ...]:
        parts = node.get("parts", {})
        if not isinstance(parts, dict) or not all(isinstance(p, dict) for p in parts.values()):
            fail_at(where, "parts are an object of {file, name}")
        for part in parts.values():
            text_of(part, "file", where), text_of(part, "name", where)
        return tuple(parts.items())

    def _composite(self, node: Node, where: Where) -> Any:
        layout = text_of(node, "layout", where)
        dtype, shape = self._dtype_and_shape(node, where)
        parts = {role: self._stored(part, where) for role, part in self._part_nodes(node, where)}
        if not parts:
            return self._maker.absent(dtype, shape, layout)
        scheme = node.get("scheme", layout if layout in _SCHEMES else None)
        if scheme is not None and scheme not in _SCHEMES:
            fail_at(where, "expected the scheme of a quantizer")
        return self._maker.composite(layout, dtype, shape, parts, scheme)
