"""numpy's dtypes: from their text, or of a structure from the call that pickled it.

    numpy.dtype("V12", False, True) and its state
    (3, "|", None, ("a", "b"), {"a": (int64, 0), "b": (float32, 8)}, 12, 1, 16)

A dtype cannot change once it is made, so it is read from the nodes of the document themselves.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Dict, List, Optional

import numpy as np

# dtype.str of everything but objects, which would be addresses.
_PLAIN = re.compile(
    r"[<>|=]?(?:b1|[iu][1248]|f(?:2|4|8|12|16)|c(?:8|16|24|32)|[SUV][0-9]{1,9}"
    r"|[mM]8(?:\[[0-9]{0,9}[a-zA-Z\u03bc\u00b5]{1,7}\])?)"
)
_MAX_DEPTH = 32
_MAX_NODES = 100_000  # of one dtype


def is_numpys(text: str) -> bool:
    """True for text of a dtype of numpy's, which tells the byte order, as none of torch's does."""
    return text[:1] in ("<", ">", "|", "=")


def dtype_of_text(text: str, objects: bool = False) -> np.dtype:
    """Throws ValueError or TypeError for text that is no dtype; of objects only if asked for."""
    if objects and text == "|O":
        return np.dtype(object)
    if not isinstance(text, str) or not _PLAIN.fullmatch(text):
        raise ValueError(f"{ascii(text)[:40]} is no dtype of plain values")
    return np.dtype(text)


class _NotUnderstood(Exception):
    """The nodes are no dtype that can be read here."""


_ERRORS = (_NotUnderstood, ValueError, TypeError, LookupError, OverflowError, AttributeError)


def _unit(state: Any) -> str:
    """ "[25s]" of a date: (..., (metadata, (b"s", 25, 1, 1)))."""
    if len(state) < 9:
        return ""
    unit, number = state[8][1][:2]
    unit = unit.decode("ascii") if isinstance(unit, bytes) else unit
    return "" if unit == "generic" else f"[{number}{unit}]"


class DTypeNodes:
    """Reads dtypes from nodes of the document with these shared values."""

    def __init__(self, shared: List[Any]) -> None:
        self._shared = shared
        self._known: Dict[int, Any] = {}  # of shared values; what is not understood is one of them
        self._left = 0

    def read(self, node: Any) -> Optional[np.dtype]:
        """A dtype without objects in it; none if the node is none that is understood."""
        self._left = _MAX_NODES
        try:
            dtype = self._value(node, 0)
        except _ERRORS:
            return None
        return dtype if isinstance(dtype, np.dtype) and not dtype.hasobject else None

    def _shared_value(self, index: Any, depth: int) -> Any:
        if type(index) is not int or not 0 <= index < len(self._shared):
            raise _NotUnderstood
        if index not in self._known:
            self._known[index] = _NotUnderstood
            self._known[index] = self._value(self._shared[index], depth)
        if self._known[index] is _NotUnderstood:
            raise _NotUnderstood
        return self._known[index]

    def _value(self, node: Any, depth: int) -> Any:
        self._left -= 1
        if depth > _MAX_DEPTH or self._left < 0:
            raise _NotUnderstood
        if type(node) is list:
            return [self._value(item, depth + 1) for item in node]
        if type(node) is not dict:
            return node
        if len(node) == 1 and next(iter(node)).startswith("$"):
            return self._tagged(*next(iter(node.items())), depth + 1)
        return {key: self._value(value, depth + 1) for key, value in node.items()}

    def _tagged(self, key: str, content: Any, depth: int) -> Any:
        if key == "$ref":
            return self._shared_value(content, depth)
        if key == "$tuple" and type(content) is list:
            return tuple(self._value(content, depth))
        if key == "$dict" and type(content) is list:
            return dict(self._value(content, depth))
        if key == "$dtype":
            return dtype_of_text(content)
        if key == "$bytes":
            return base64.b64decode(content)
        if key == "$object" and content.get("class") == ["numpy", "dtype"]:
            return self._call(content, depth)
        raise _NotUnderstood

    def _call(self, call: Dict[str, Any], depth: int) -> np.dtype:
        args = self._value(call.get("args"), depth)
        states = self._value(call.get("state", []), depth)
        code = args[0]
        if not states:
            return dtype_of_text(code)
        _, order, base, names, fields, size = states[-1][:6]
        if base is not None:  # a subarray: (dtype, shape)
            return np.dtype((base[0], base[1]))
        if names is None:
            return dtype_of_text(code + _unit(states[-1])).newbyteorder(order)
        columns = [fields[name] for name in names]
        return np.dtype(
            {
                "names": list(names),
                "formats": [column[0] for column in columns],
                "offsets": [column[1] for column in columns],
                "titles": [column[2] if len(column) > 2 else None for column in columns],
                "itemsize": size,
            }
        )
