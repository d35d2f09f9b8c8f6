"""Reads back the folder that `unbrine convert IN -o DIR/` wrote: state.json (schema unbrine.tree/1)
and the files of tensors beside it. Nothing in it is looked up, imported or called.
"""

from __future__ import annotations

import os
from typing import Any

from .errors import STATE, fail, quoted
from .numpy_tensors import NumpyTensors
from .reader import TreeReader
from .tensor_files import TensorFiles, open_regular, parse_json, read_exactly, size_of

_SCHEMA = "unbrine.tree/1"


def load_tree(folder: str | os.PathLike[str], *, tensors: str = "numpy", mmap: bool = False) -> Any:
    """The object that was converted, with tensors in place.

    folder   what `unbrine convert IN -o DIR/` wrote
    tensors  "numpy": arrays; "torch": tensors, parameters, dtypes, devices and sizes of torch
    mmap     map the files of tensors instead of reading them: memory is used as elements are read.
             Elements may be changed, which changes no file. The files must not change meanwhile.

    Objects of classes that are no plain Python come back as inert `unbrine.Record`s. Raises
    TreeError if anything in the folder is damaged or missing.
    """
    path = os.fspath(folder)
    maker = _maker(tensors)
    with open_regular(path, STATE) as file:
        text = read_exactly(file, size_of(file), STATE)
    document = parse_json(text, STATE)
    _check_document(document)
    return TreeReader(document, len(text), TensorFiles(path, mmap), maker).read()


def _maker(tensors: str) -> Any:
    if tensors == "numpy":
        return NumpyTensors()
    if tensors == "torch":
        from .torch_tensors import TorchTensors

        return TorchTensors()
    raise ValueError(f'tensors must be "numpy" or "torch", not {tensors!r}')


def _check_document(document: Any) -> None:
    if not isinstance(document, dict):
        fail(STATE, "is no JSON object")
    if document.get("schema") != _SCHEMA:
        fail(STATE, f"its schema is {quoted(document.get('schema'))}, expected '{_SCHEMA}'")
    if document.keys() != {"schema", "tree", "shared"}:
        fail(STATE, "expected schema, tree and shared, and no more")
    if not isinstance(document["shared"], list):
        fail(STATE, "expected an array", "shared")
