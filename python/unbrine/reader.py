"""From the nodes of a document to the values that they stand for.

Containers are made empty and filled later, from a list of work, so that a cycle closes and depth
costs no recursion. What cannot be empty (a tuple) is made from its parts, on a stack of frames.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

from . import leaves
from .containers import HashBudget, add_attributes
from .errors import TreeError, Where, fail_at, quoted
from .kinds import KINDS
from .numpy_dtypes import DTypeNodes
from .numpy_tensors import NumpyTensors
from .tagged import PENDING, Tagged
from .tensor_files import TensorFiles
from .tensor_nodes import TensorNodes

_SCALARS = (type(None), bool, int, float, str)
_UNMADE = object()

# Hashing what this allows takes a second or so, beside what the length of the document explains.
_HASH_STEPS = 2_000_000


class _Frame:
    """A value that can only be made from its parts."""

    __slots__ = ("nodes", "parts", "finish", "where", "shared")

    def __init__(self, nodes: List[Any], finish: Callable[[List[Any]], Any], where: Where) -> None:
        self.nodes = nodes
        self.parts: List[Any] = []
        self.finish = finish
        self.where = where
        self.shared = -1  # index of the shared value that it is


class TreeReader:
    """Reads one document, once. `maker` makes the tensors; `length` is that of the text."""

    def __init__(
        self, document: Dict[str, Any], length: int, files: TensorFiles, maker: Any
    ) -> None:
        self.maker = maker
        self.tensors = TensorNodes(files, maker)
        self.arrays = TensorNodes(files, NumpyTensors())
        self.dtypes = DTypeNodes(document["shared"])
        self.hashing = HashBudget(_HASH_STEPS + 16 * length)
        self._tree = document["tree"]
        self._shared: List[Any] = document["shared"]
        self._made: List[Any] = [_UNMADE] * len(self._shared)
        self._frames: List[_Frame] = []
        self._work: List[Tuple[Callable[..., None], Tuple[Any, ...]]] = []
        self._last: List[Tuple[Callable[..., None], Tuple[Any, ...]]] = []

    def read(self) -> Any:
        root = self.value(self._tree, "tree")
        while self._work:
            fill, arguments = self._work.pop()
            fill(*arguments)
        for fill, arguments in self._last:
            fill(*arguments)
        return root

    def later(self, fill: Callable[..., None], *arguments: Any) -> None:
        """Calls `fill` when the value that is being made has been."""
        self._work.append((fill, arguments))

    def at_last(self, fill: Callable[..., None], *arguments: Any) -> None:
        """Calls `fill` when all containers are full."""
        self._last.append((fill, arguments))

    # --- One value ---

    def value(self, node: Any, where: Where) -> Any:
        """The value; containers in it are empty, and wait in the list of work."""
        if type(node) in _SCALARS:
            return node
        value = self._start(node, where)
        while self._frames:
            frame = self._frames[-1]
            if value is not PENDING:
                frame.parts.append(value)
            at = len(frame.parts)
            if at < len(frame.nodes):
                value = self._start(frame.nodes[at], (frame.where, at))
            else:
                value = self._finished(self._frames.pop())
        return value

    def from_parts(
        self, nodes: List[Any], finish: Callable[[List[Any]], Any], where: Where
    ) -> object:
        """PENDING: `finish` makes the value when there are values for all the nodes."""
        self._frames.append(_Frame(nodes, finish, where))
        return PENDING

    def _finished(self, frame: _Frame) -> Any:
        try:
            value = frame.finish(frame.parts)
        except TreeError:
            raise
        except (ValueError, TypeError, OverflowError) as error:
            fail_at(frame.where, str(error)[:200])
        if frame.shared >= 0:
            self._made[frame.shared] = value
        return value

    def _start(self, node: Any, where: Where) -> Any:
        """The value, or PENDING and a frame for it."""
        if type(node) in _SCALARS:
            return node
        if type(node) is dict and "$ref" in node:
            return self._start_shared(node, where)
        return self._start_plain(node, where)

    def _start_shared(self, node: Dict[str, Any], where: Where) -> Any:
        index = node["$ref"]
        if type(index) is not int or not 0 <= index < len(self._shared) or len(node) != 1:
            fail_at(where, f"a $ref is an index below {len(self._shared)}")
        if self._made[index] is PENDING:
            fail_at(where, f"a value that cannot be empty holds itself: shared[{index}]")
        if self._made[index] is _UNMADE:
            self._make_shared(index)
        return self._made[index]

    def _make_shared(self, index: int) -> None:
        node, where = self._shared[index], ("shared", index)
        if type(node) is dict and "$ref" in node:
            fail_at(where, "a shared value is itself no $ref")
        known = len(self._frames)
        self._made[index] = PENDING
        self._made[index] = self._start(node, where)
        if len(self._frames) > known:
            self._frames[-1].shared = index

    def _start_plain(self, node: Any, where: Where) -> Any:
        if type(node) is list:
            made: Any = []
            self.later(self.fill_list, made.append, node, where)
            return made
        keys = [key for key in node if key.startswith("$")]
        if not keys:
            made = {}
            self.later(self.fill_object, made, node, where)
            return made
        kind = KINDS.get(keys[0])
        if len(keys) != 1 or kind is None:
            fail_at(where, f"{quoted(keys[-1])} is no kind of value")
        beside = {key: value for key, value in node.items() if key != keys[0]}
        for key in beside.keys() - kind.companions:
            fail_at(where, f"{quoted(key)} is not known beside {keys[0]}")
        return kind.start(self, Tagged(keys[0], node[keys[0]], beside, where))

    # --- Filling what was made empty ---

    def fill_list(self, append: Callable[[Any], None], nodes: List[Any], where: Where) -> None:
        for position, node in enumerate(nodes):
            append(node if type(node) in _SCALARS else self.value(node, (where, position)))

    def fill_object(self, made: Dict[Any, Any], nodes: Dict[str, Any], where: Where) -> None:
        for key, node in nodes.items():
            made[key] = node if type(node) in _SCALARS else self.value(node, (where, key))

    def fill_dict(self, made: Any, keys: List[Any], nodes: List[Any], where: Where) -> None:
        """A dict, or Pairs."""
        is_dict = isinstance(made, dict)
        for position, (key, node) in enumerate(zip(keys, nodes)):
            value = self.value(node, (where, position))
            if is_dict:
                made[key] = value
            else:
                made.append((key, value))

    def fill_attribute(self, made: Any, name: str, node: Any, where: Where) -> None:
        setattr(made, name, self.value(node, (where, name)))

    def with_attributes(self, made: Any, node: Dict[str, Any], key: str, where: Where) -> Any:
        """`made`, which gets the attributes under the key, if there are some."""
        if key in node:
            self.later(self._read_attributes, made, node[key], (where, key))
        return made

    def _read_attributes(self, made: Any, node: Any, where: Where) -> None:
        self.at_last(add_attributes, made, self.value(node, where))

    def fill_mask(self, array: Any, node: Any, where: Where) -> None:
        """The fill value of a masked array."""
        self.at_last(leaves.set_fill_value, array, self.value(node, where), where)
