"""The oracle: what torch loads and safetensors writes is right, to the byte.

Each *_test.py beside this file asks one question; `python tests/oracle/views_test.py` runs one.
The environment variable UNBRINE names the binary under test (default: build/release/unbrine).
"""

import json
import os
import subprocess
import tempfile
import unittest
import warnings
from pathlib import Path

import safetensors.torch
import torch

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data"
UNBRINE = os.environ.get("UNBRINE", str(ROOT / "build/release/unbrine"))

# How torch.save may write: the container, and every pickle protocol it offers.
WRITERS = [
    {"_use_new_zipfile_serialization": zipped, "pickle_protocol": protocol}
    for zipped in (True, False)
    for protocol in (2, 3, 4, 5)
]
CONTAINERS = [writer for writer in WRITERS if writer["pickle_protocol"] == 2]

BITS_AS = {
    torch.bits8: torch.uint8,
    torch.bits1x8: torch.uint8,
    torch.bits2x4: torch.uint8,
    torch.bits4x2: torch.uint8,
    torch.bits16: torch.uint16,
}
WITHOUT_SAFETENSORS_NAME = (torch.complex128, torch.complex32)


def prepared(tensor):
    """The tensor as save_file must be given it, so that it writes what the view shows."""
    tensor = tensor.detach().resolve_conj().resolve_neg()
    tensor = tensor.view(BITS_AS.get(tensor.dtype, tensor.dtype))
    tensor = tensor.clone(memory_format=torch.contiguous_format)
    if tensor.dtype in WITHOUT_SAFETENSORS_NAME:
        return torch.view_as_real(tensor).contiguous()
    if tensor.dtype == torch.bool:  # any non-zero byte is true; save_file would write it as it is
        return tensor.view(torch.uint8).ne(0)
    return tensor


def expected_bytes(tensors):
    """What save_file writes for a dict of names and tensors."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "expected.safetensors")
        ready = {name: prepared(tensor) for name, tensor in tensors.items()}
        safetensors.torch.save_file(ready, path, metadata={"format": "pt"})
        return path.read_bytes()


def key_text(key, position):
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, int):  # True and False are ints that print as words
        return str(key)
    return str(position)


def children(value):
    if isinstance(value, torch.nn.Module):
        return list(value.state_dict(keep_vars=True).items())
    if isinstance(value, dict):
        return [(key_text(key, i), item) for i, (key, item) in enumerate(value.items())]
    if isinstance(value, (list, tuple)):
        return [(str(i), item) for i, item in enumerate(value)]
    return list(getattr(value, "__dict__", {}).items())


def paths(value, prefix=()):
    """Every tensor below `value` with the parts of its path, in the order of the graph."""
    if isinstance(value, torch.Tensor):
        yield ".".join(prefix), value
        return
    for part, item in children(value):
        yield from paths(item, (*prefix, part))


def flatten(value):
    """Names and tensors by the rules of names; fails where two paths would give one name."""
    flat = {}
    for name, tensor in paths(value):
        if name in flat:
            raise ValueError(f"two tensors are called {name!r}")
        flat[name] = tensor
    return flat


def parsed(document):
    """Header as a dict, and the data behind it."""
    size = int.from_bytes(document[:8], "little")
    return json.loads(document[8 : 8 + size]), document[8 + size :]


def first_difference(ours, theirs):
    """One line that says where two safetensors files part."""
    (our_header, our_data), (their_header, their_data) = parsed(ours), parsed(theirs)
    for missing in their_header.keys() - our_header.keys():
        return f"tensor {missing!r} is missing; written are {sorted(our_header)[:20]}"
    for extra in our_header.keys() - their_header.keys():
        return f"tensor {extra!r} was not expected; expected are {sorted(their_header)[:20]}"
    for name, entry in their_header.items():
        if our_header[name] != entry:
            return f"{name!r} has {our_header[name]}, expected {entry}"
    for name, entry in their_header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        for i in range(begin, end):
            if our_data[i : i + 1] != their_data[i : i + 1]:
                return f"byte {i - begin} of {name!r} ({entry['dtype']} {entry['shape']}): " + (
                    f"{our_data[i : i + 16].hex()} expected {their_data[i : i + 16].hex()}"
                )
    return "the headers mean the same, but their bytes differ"


class OracleTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="unbrine-oracle-")
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def save(self, value, name="checkpoint.pt", **options):
        path = self.folder / name
        with warnings.catch_warnings():  # about sources of classes that it cannot find
            warnings.simplefilter("ignore")
            torch.save(value, path, **options)
        return path

    def load(self, path):
        return torch.load(path, weights_only=False)  # every file here is our own

    def unbrine(self, *arguments):
        command = [UNBRINE, *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300
        )

    def convert(self, path, *options):
        """Converts; the run, and the bytes of the output, which is removed again."""
        output = self.folder / "converted.safetensors"
        run = self.unbrine("convert", path, "-o", output, *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        document = output.read_bytes()
        output.unlink()
        return run, document

    def assert_converts(self, path, tensors, *options):
        """Converting `path` gives exactly what safetensors writes for `tensors`."""
        run, document = self.convert(path, *options)
        expected = expected_bytes(tensors)
        if document != expected:
            self.fail(f"{path.name}: {first_difference(document, expected)}")
        return run

    def assert_equals_torch(self, value, writers=CONTAINERS):
        """Saved by each writer, `value` converts to all that torch.load gives back."""
        for writer in writers:
            with self.subTest(**writer):
                path = self.save(value, **writer)
                self.assert_converts(path, flatten(self.load(path)), "--select", "all")

    def assert_refused(self, path, code):
        """Converting `path` ends with `code` and leaves no file; the one run."""
        before = sorted(self.folder.iterdir())
        run = self.unbrine("convert", path, "-o", self.folder / "refused.safetensors")
        self.assertEqual(run.returncode, code, run.stdout + run.stderr)
        self.assertEqual(sorted(self.folder.iterdir()), before)
        return run
