"""Makes the containers of a tree, also for keys and items that Python cannot hash."""

from __future__ import annotations

import collections
from typing import Any, Dict, List, Optional

from .records import (
    BEARERS,
    Call,
    DefaultDict,
    Global,
    Pairs,
    Record,
    attribute_dicts,
    is_dunder,
)

_MAX_HEIGHT = 100  # of tuples in each other, as keys: Python hashes and compares them recursively
_MAX_COST = 100_000  # values to hash for one key
_SCALARS = (type(None), bool, int, float, str, bytes)


class HashBudget:
    """Bounds what hashing may cost: tuples that share parts take 2**n steps for n of them."""

    def __init__(self, steps: int) -> None:
        self._steps = steps

    def can_hash(self, keys: List[Any]) -> bool:
        return all(type(key) in _SCALARS or self._can_hash_one(key) for key in keys)

    def _can_hash_one(self, key: Any) -> bool:
        stack, steps = [(key, 0)], 0
        while stack:
            part, height = stack.pop()
            steps += 1
            if steps > _MAX_COST or height > _MAX_HEIGHT or not _is_hashable(part):
                return False
            if isinstance(part, (tuple, frozenset)):
                self._spend(len(part))
                stack.extend((item, height + 1) for item in part)
        return True

    def _spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise ValueError("the keys of its dicts and items of its sets take too long to hash")


def _is_hashable(value: Any) -> bool:
    """Of what is no tuple or frozenset, and of these as such."""
    if isinstance(value, (tuple, frozenset)):
        return True
    if isinstance(value, slice):  # some versions of Python hash what is in it
        return False
    try:
        hash(value)
    except TypeError:
        return False
    return True


def new_container(kind: str, beside: Dict[str, Any], maxlen: Optional[int] = None) -> Any:
    """An empty container that can bear attributes if it is to have some."""
    plain: Any = {
        "dict": dict,
        "odict": collections.OrderedDict,
        "counter": collections.Counter,
        "defaultdict": DefaultDict,
        "deque": collections.deque,
    }[kind]
    made = BEARERS.get(plain, plain) if "attrs" in beside else plain
    return made(maxlen=maxlen) if kind == "deque" else made()


def dict_of(kind: str, keys: List[Any], beside: Dict[str, Any], budget: HashBudget) -> Any:
    """An empty dict for the keys, or Pairs."""
    return new_container(kind, beside) if budget.can_hash(keys) else Pairs(kind)


def set_of(kind: Any, items: List[Any], beside: Dict[str, Any], budget: HashBudget) -> Any:
    """A set or frozenset; of items that cannot be hashed a record of one."""
    if not budget.can_hash(items):
        return Record(Call(Global("builtins", kind.__name__), "reduce", (), values=items))
    return (BEARERS.get(kind, kind) if "attrs" in beside else kind)(items)


def add_attributes(value: Any, state: Any) -> None:
    """Attributes as BUILD sets them; of several BUILDs the states stand in a tuple.

    Names such as `__array_interface__`, by which others ask for more than data, are not set. Then,
    and where a state is no dict of attributes, it stands in `unbrine_state`.
    """
    if isinstance(value, Record):  # of a set that could not be made
        value.unbrine.state.append(state)
    if isinstance(value, Record) or not hasattr(value, "__dict__"):
        return
    if "unbrine_state" in value.__dict__:
        value.__dict__["unbrine_state"] = state
        return
    states = state if type(state) is tuple and len(state) != 2 else (state,)
    found = [attributes for one in states for attributes in attribute_dicts(one)]
    for attributes in found:
        value.__dict__.update((k, v) for k, v in attributes.items() if not is_dunder(k))
    if not found or any(is_dunder(name) for attributes in found for name in attributes):
        value.__dict__["unbrine_state"] = state
