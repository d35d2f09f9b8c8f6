"""What stands for values that plain Python has no type for. None of it does anything: no class is
looked up, no call is made, and equality is identity unless said otherwise.
"""

from __future__ import annotations

import base64
import collections
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy as np


@dataclass(frozen=True)
class Global:
    """A class or function that the pickle named: equal if module and name are."""

    module: str
    name: str
    source: Any = field(default=None, compare=False, repr=False)  # text of a class of modules

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class DType:
    """A torch.dtype where torch was not asked for, or has none of that name."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Device:
    """A torch.device where torch was not asked for, or has none of that name."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(eq=False)
class PersistentId:
    """A persistent id that names no storage."""

    value: Any = None


class Size(tuple):
    """A torch.Size where torch was not asked for."""

    def __repr__(self) -> str:
        return f"Size({list(self)})"


class Pairs(list):
    """The (key, value) tuples of a dict with a key that cannot be hashed here, as an array.

    `kind` says what it was: "dict", "odict", "counter", "defaultdict".
    """

    def __init__(self, kind: str = "dict") -> None:
        super().__init__()
        self.kind = kind


class DefaultDict(collections.defaultdict):
    """A defaultdict that makes nothing: `factory` is what would have been called.

    Set `default_factory` to bring it to life.
    """

    factory: Any = None


# Types that cannot bear attributes, and the same that can.
class _Dict(dict):
    pass


class _Set(set):
    pass


class _FrozenSet(frozenset):
    pass


class _Deque(collections.deque):
    pass


BEARERS = {dict: _Dict, set: _Set, frozenset: _FrozenSet, collections.deque: _Deque}

# skorch pickles what may live on a GPU by itself; the entries count as attributes of the net.
_STREAM_ATTRIBUTES = ("__cuda_dependent_attributes__", "cuda_dependent_attributes_")


def is_dunder(name: object) -> bool:
    """True for names by which Python and numpy ask objects for more than data.

    An `__array_interface__` that a file could set would let numpy read any address.
    """
    return not isinstance(name, str) or (name.startswith("__") and name.endswith("__"))


def attribute_dicts(state: Any) -> List[Dict[Any, Any]]:
    """The dicts of a state as BUILD takes it: a dict, or (dict or None, dict of slots)."""
    parts = state if type(state) is tuple and len(state) == 2 else (state,)
    if not all(part is None or isinstance(part, dict) for part in parts):
        return []
    found = []
    for part in parts:
        if part is not None:
            streams = (part.get(name) for name in _STREAM_ATTRIBUTES)
            found += [part, *(stream for stream in streams if isinstance(stream, dict))]
    return found


@dataclass(eq=False)
class Call:
    """How the pickle would have made an object."""

    cls: Any = None  # a Global, or what else was called
    by: str = "reduce"  # "reduce", "newobj", "newobj_ex", "obj", "inst"
    args: Any = ()
    kwargs: Any = None
    state: List[Any] = field(default_factory=list)  # one for each BUILD
    items: List[Tuple[Any, Any]] = field(default_factory=list)  # set, as in a dict
    values: List[Any] = field(default_factory=list)  # appended or added, as in a list or set

    __repr__ = object.__repr__  # cycles are legal, and depth is not bounded

    @property
    def class_name(self) -> str:
        """ "argparse.Namespace"."""
        return str(self.cls) if isinstance(self.cls, Global) else f"<{type(self.cls).__name__}>"


class Record:
    """An object of a class that was not looked up.

    `record.lr` and `vars(record)` are its attributes, `record[key]` is an entry (of a subclass of
    dict), an item by position (of a subclass of list), or an attribute by any name. All that the
    file says of it, class, arguments and state, is in `record.unbrine`, a Call.
    """

    __slots__ = ("unbrine", "__weakref__")
    __iter__ = None

    unbrine: Call

    def __init__(self, call: Call) -> None:
        self.unbrine = call

    def __getattr__(self, name: str) -> Any:
        if is_dunder(name) or name == "unbrine":
            raise AttributeError(name)
        for attributes in self._attribute_dicts():
            if name in attributes:
                return attributes[name]
        raise AttributeError(f"{self!r} has no attribute {name!r}")

    def __getitem__(self, key: Any) -> Any:
        for known, value in reversed(self.unbrine.items):
            if known is key or (type(known) is type(key) and known == key):
                return value
        if isinstance(key, (int, slice)):
            return self.unbrine.values[key]
        for attributes in self._attribute_dicts():
            if key in attributes:
                return attributes[key]
        raise KeyError(key)

    def __contains__(self, key: Any) -> bool:
        try:
            self[key]
        except LookupError:
            return False
        return True

    @property
    def __dict__(self) -> Dict[str, Any]:  # type: ignore[override]
        attributes: Dict[str, Any] = {}
        for found in reversed(list(self._attribute_dicts())):
            attributes.update((k, v) for k, v in found.items() if not is_dunder(k))
        return attributes

    def __dir__(self) -> List[str]:
        return sorted({*object.__dir__(self), *self.__dict__})

    def __getstate__(self) -> Tuple[None, Dict[str, Any]]:
        return None, {"unbrine": self.unbrine}

    def __repr__(self) -> str:
        shown = [f"{k}={_short(v)}" for k, v in list(self.__dict__.items())[:20]]
        args = self.unbrine.args if isinstance(self.unbrine.args, tuple) else ()
        return f"<{' '.join([self.unbrine.class_name, *map(_short, args[:20]), *shown])}>"

    def _attribute_dicts(self) -> Iterator[Dict[Any, Any]]:
        """What was set last comes first."""
        for state in reversed(self.unbrine.state):
            yield from reversed(attribute_dicts(state))


def _short(value: Any) -> str:
    """A scalar as it is, anything larger by its type: no recursion."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "<int>"  # Python itself refuses to print thousands of digits
    if value is None or isinstance(value, (bool, int, float, str, bytes, Global, DType, Device)):
        shown = str(value) if isinstance(value, (Global, DType, Device)) else repr(value)
        return shown if len(shown) <= 60 else shown[:57] + "..."
    name = value.unbrine.class_name if isinstance(value, Record) else type(value).__name__
    return f"<{name}>"


# --- Tensors ---


class Array(np.ndarray):
    """A numpy array that was a torch.nn.Parameter, or had a class or attributes of its own."""

    requires_grad: bool = False
    unbrine_class: Any = None  # a Global as a rule
    unbrine_state: Any = None


@dataclass(eq=False)
class RawArray:
    """Elements that numpy has no type for (install ml_dtypes for bfloat16 and float8), as bits."""

    dtype: str  # torch's name: "bfloat16"
    shape: Tuple[int, ...]
    bits: np.ndarray  # unsigned integers of the same width and shape; of packed types bytes


@dataclass(eq=False)
class Composite:
    """A tensor that is kept as several: quantized, sparse, nested."""

    layout: str  # "sparse_coo"
    dtype: Any
    shape: Optional[Tuple[int, ...]]
    parts: Dict[str, Any]  # role -> array; the role "" bears the tensor's own name
    scheme: Optional[str] = None  # "per_tensor_affine"


@dataclass(eq=False)
class AbsentTensor:
    """A tensor without data here: on the meta device, not initialised, or left out on request."""

    dtype: Any
    shape: Optional[Tuple[int, ...]]
    reason: str  # "meta", "uninitialized", "left_out"


# --- For reading by eye, and for other programs ---


def plain(value: Any) -> Any:
    """What stands for a value in JSON: json.dumps(tree, default=unbrine.plain)."""
    if isinstance(value, Record):
        return _plain_call(value.unbrine)
    if isinstance(value, (Global, DType, Device)):
        return str(value)
    if isinstance(value, PersistentId):
        return {"persistent_id": value.value}
    if isinstance(value, (bytes, bytearray)):
        return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, complex):
        return [value.real, value.imag]
    if isinstance(value, (set, frozenset, collections.deque, range)):
        return list(value)
    if isinstance(value, slice):
        return [value.start, value.stop, value.step]
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return value.item() if value.dtype.itemsize <= 8 else str(value)
    return _plain_tensor(value)


def _plain_call(call: Call) -> Dict[str, Any]:
    parts = (call.by, call.args, call.kwargs, call.state, call.items, call.values)
    names = ("by", "args", "kwargs", "state", "items", "values")
    document = {"class": call.class_name if isinstance(call.cls, Global) else call.cls}
    document.update((name, part) for name, part in zip(names, parts) if part)
    return document


def _plain_tensor(value: Any) -> Any:
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        shape = None if value.shape is None else list(value.shape)
        return {"dtype": str(value.dtype), "shape": shape}
    return str(value)
