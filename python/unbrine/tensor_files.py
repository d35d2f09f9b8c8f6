"""The files that hold tensors: NAME.safetensors, and NAME.blob with its index NAME.blob.json.

A safetensors file is u64 length | JSON header | data; the header says of each tensor its dtype,
its shape and where in the data it begins and ends. All of it is checked before a tensor is read.
"""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from typing import Any, BinaryIO, Dict, List, NoReturn, Optional, Tuple

import numpy as np

from .errors import fail, quoted

MAX_HEADER = 100_000_000  # bytes, as safetensors' own readers demand
MAX_RANK = 64  # as numpy and unbrine allow
_MAX_COUNT = 2**63 - 1

# Bits of an element, by the name in a header.
BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16,
    "I64": 64, "I32": 32, "I16": 16, "I8": 8,
    "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8, "C64": 64,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F8_E8M0": 8,
    "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A tensor in a file."""

    dtype: str  # as the header names it
    shape: Tuple[int, ...]
    begin: int  # bytes, in the file
    end: int


# --- JSON that says one thing only ---


def parse_json(text: bytes, file: str) -> Any:
    """The document, if no key is repeated and no number is lost in it."""

    def unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
        table = dict(pairs)
        if len(table) != len(pairs):
            seen = set()
            repeated = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore
            fail(file, f"the key {quoted(repeated)} is repeated")
        return table

    def integer(digits: str) -> int:
        if len(digits) > 20:
            fail(file, f"an integer of {len(digits)} digits that is no text")
        return int(digits)

    def real(digits: str) -> float:
        value = float(digits)
        if value in (float("inf"), float("-inf")):
            fail(file, f"the number {quoted(digits)} is too large")
        return value

    def constant(name: str) -> NoReturn:
        fail(file, f"{name} is no JSON")

    try:
        return json.loads(
            text.decode("utf-8"),
            object_pairs_hook=unique,
            parse_int=integer,
            parse_float=real,
            parse_constant=constant,
        )
    except UnicodeDecodeError as error:
        fail(file, f"no UTF-8 at byte {error.start}")
    except json.JSONDecodeError as error:
        fail(file, f"no JSON at character {error.pos}: {error.msg}")
    except RecursionError:
        fail(file, "values nested too deep")


def counts(value: Any, file: str, place: str, limit: int = MAX_RANK) -> Tuple[int, ...]:
    """A list of sizes."""
    if not isinstance(value, list) or len(value) > limit:
        fail(file, f"expected a list of at most {limit} sizes", place)
    for item in value:
        if type(item) is not int or not 0 <= item <= _MAX_COUNT:
            fail(file, f"a size must be an integer from 0 to 2**63 - 1, found {item!r}", place)
    return tuple(value)


def product(shape: Tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


# --- Files ---


def open_regular(folder: str, name: str) -> BinaryIO:
    """The file of that name, if it is one: no device, and no pipe that would wait for ever."""
    path = os.path.join(folder, name)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            fail(name, "is no regular file")
        return open(path, "rb")
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        fail(name, f"cannot be read: {getattr(error, 'strerror', None) or error}")


def read_exactly(file: BinaryIO, size: int, name: str) -> bytes:
    try:
        data = file.read(size)
    except OSError as error:
        fail(name, f"cannot be read: {error.strerror}")
    if len(data) != size:
        fail(name, f"ends after {len(data)} of {size} bytes")
    return data


def size_of(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


class TensorFile:
    """The entries of one file, and their bytes."""

    def __init__(self, folder: str, name: str, mmap: bool) -> None:
        self.name = name
        self._path = os.path.join(folder, name)
        with open_regular(folder, name) as file:
            self._size = size_of(file)
            if name.endswith(".blob"):
                self.entries = _blob_entries(folder, name, self._size)
            else:
                self.entries = _safetensors_entries(file, name, self._size)
        self._mapped: Optional[np.ndarray] = None
        if mmap and self._size:
            self._mapped = self._map()
        self._read: Dict[Tuple[int, int], np.ndarray] = {}

    def _map(self) -> np.ndarray:
        try:  # writable, but what is written stays in memory: torch has no read-only tensors
            mapped = np.memmap(self._path, np.uint8, "c")
        except (OSError, ValueError) as error:
            fail(self.name, f"cannot be mapped: {error}")
        if mapped.size != self._size:
            fail(self.name, f"had {self._size} bytes and has {mapped.size}")
        return mapped.view(np.ndarray)

    def bytes_of(self, entry: Entry) -> np.ndarray:
        """The entry's bytes; the same memory each time."""
        key = (entry.begin, entry.end)
        if key not in self._read:
            width = max(BITS[entry.dtype] // 8, 1)
            if self._mapped is not None and entry.begin % width == 0:
                self._read[key] = self._mapped[entry.begin : entry.end]
            else:
                self._read[key] = self._read_bytes(entry)
        return self._read[key]

    def _read_bytes(self, entry: Entry) -> np.ndarray:
        data = np.empty(entry.end - entry.begin, np.uint8)
        try:
            with open(self._path, "rb") as file:
                file.seek(entry.begin)
                got = file.readinto(data.data) if data.size else 0
        except OSError as error:
            fail(self.name, f"cannot be read: {error.strerror}")
        if got != data.size:
            fail(self.name, f"byte {entry.begin}: needs {data.size} bytes, has {got}")
        return data


def _checked_entry(
    name: str, tensor: str, dtype: Any, shape: Any, begin: Any, end: Any, size: int
) -> Entry:
    """The entry, if the numbers fit each other and the `size` bytes of the file."""
    place = f"tensor {quoted(tensor)}"
    if not isinstance(dtype, str) or dtype not in BITS:
        fail(name, f"{quoted(dtype)} is no known dtype", place)
    shape = counts(shape, name, place)
    for bound in (begin, end):
        if type(bound) is not int:
            fail(name, "its place must be integers", place)
    if not 0 <= begin <= end <= size:
        fail(name, f"bytes {begin} to {end} are not in the file, which has {size}", place)
    bits = product(shape) * BITS[dtype]
    if bits != 8 * (end - begin):
        fail(name, f"{dtype} {list(shape)} needs {bits} bits, has {8 * (end - begin)}", place)
    return Entry(dtype, shape, begin, end)


def _safetensors_entries(file: BinaryIO, name: str, size: int) -> Dict[str, Entry]:
    if size < 8:
        fail(name, f"{size} bytes are no safetensors file")
    length = int.from_bytes(read_exactly(file, 8, name), "little")
    if length > MAX_HEADER or length > size - 8:
        fail(name, f"its header of {length} bytes is longer than the file or {MAX_HEADER}")
    header = parse_json(read_exactly(file, length, name), name)
    if not isinstance(header, dict):
        fail(name, "its header is no object")
    header.pop("__metadata__", None)
    begin = 8 + length
    entries = {key: _safetensors_entry(name, key, row, begin, size) for key, row in header.items()}
    end = begin
    for entry in sorted(entries.values(), key=lambda entry: (entry.begin, entry.end)):
        if entry.begin != end:
            fail(name, f"its tensors leave a hole or overlap at byte {min(end, entry.begin)}")
        end = entry.end
    if end != size:
        fail(name, f"its tensors end at byte {end}, the file at {size}")
    return entries


def _safetensors_entry(name: str, tensor: str, row: Any, data: int, size: int) -> Entry:
    place = f"tensor {quoted(tensor)}"
    if not isinstance(row, dict) or row.keys() != {"dtype", "shape", "data_offsets"}:
        fail(name, "expected dtype, shape and data_offsets", place)
    offsets = counts(row["data_offsets"], name, place)
    if len(offsets) != 2:
        fail(name, f"expected 2 data_offsets, found {len(offsets)}", place)
    begin, end = (data + offset for offset in offsets)
    return _checked_entry(name, tensor, row["dtype"], row["shape"], begin, end, size)


def _blob_entries(folder: str, name: str, size: int) -> Dict[str, Entry]:
    index = name + ".json"
    with open_regular(folder, index) as file:
        length = size_of(file)
        if length > MAX_HEADER:
            fail(index, f"its {length} bytes are more than {MAX_HEADER}")
        document = parse_json(read_exactly(file, length, index), index)
    if not isinstance(document, dict) or document.get("schema") != "unbrine.blob/1":
        fail(index, "is no index of schema unbrine.blob/1")
    rows = document.get("tensors")
    if not isinstance(rows, list):
        fail(index, "expected a list of tensors", "tensors")
    entries: Dict[str, Entry] = {}
    for position, row in enumerate(rows):
        tensor, entry = _blob_entry(index, position, row, size)
        if tensor in entries:
            fail(index, f"the tensor {quoted(tensor)} is repeated")
        entries[tensor] = entry
    _check_apart(index, entries)
    return entries


def _blob_entry(index: str, position: int, row: Any, size: int) -> Tuple[str, Entry]:
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        fail(index, "expected an object with a name", f"tensors[{position}]")
    begin, length = row.get("offset"), row.get("size")
    if type(begin) is not int or type(length) is not int or length < 0:
        fail(index, "offset and size must be integers", f"tensor {quoted(row['name'])}")
    entry = _checked_entry(
        index, row["name"], row.get("dtype"), row.get("shape"), begin, begin + length, size
    )
    return row["name"], entry


def _check_apart(index: str, entries: Dict[str, Entry]) -> None:
    end = 0
    for entry in sorted(entries.values(), key=lambda entry: (entry.begin, entry.end)):
        if entry.begin < end and entry.begin != entry.end:
            fail(index, f"its tensors overlap at byte {entry.begin}")
        end = max(end, entry.end)


class TensorFiles:
    """The files of a folder, opened when first named."""

    _NAME = re.compile(r"[^/\\\x00-\x1f]+\.(safetensors|blob)")

    def __init__(self, folder: str, mmap: bool) -> None:
        self._folder = folder
        self._mmap = mmap
        self._files: Dict[str, TensorFile] = {}

    def __getitem__(self, name: str) -> TensorFile:
        if not self._NAME.fullmatch(name):
            fail(quoted(name), "is no name of a tensor file in this folder")
        if name not in self._files:
            self._files[name] = TensorFile(self._folder, name, self._mmap)
        return self._files[name]
