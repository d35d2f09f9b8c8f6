"""Reads what `unbrine convert` wrote, without pickle.

>>> import unbrine
>>> checkpoint = unbrine.load_tree("last/", tensors="torch")
>>> checkpoint["epoch"], checkpoint["args"].lr
"""

from .errors import TreeError
from .records import (
    AbsentTensor,
    Array,
    Call,
    Composite,
    DefaultDict,
    Device,
    DType,
    Global,
    Pairs,
    PersistentId,
    RawArray,
    Record,
    Size,
    plain,
)
from .tree import load_tree

__all__ = [
    "AbsentTensor",
    "Array",
    "Call",
    "Composite",
    "DType",
    "DefaultDict",
    "Device",
    "Global",
    "Pairs",
    "PersistentId",
    "RawArray",
    "Record",
    "Size",
    "TreeError",
    "load_tree",
    "plain",
]
