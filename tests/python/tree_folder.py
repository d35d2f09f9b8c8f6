"""A folder with a tree, written by hand: state.json and the files of tensors beside it.

The tests here need Python and numpy: `python tests/python/tree_test.py` runs one file. Those of
classes with torch are left out where it is not installed.
"""

import base64
import json
import struct
import sys
import tempfile
import unittest
from pathlib import Path

PYTHON = str(Path(__file__).resolve().parents[2] / "python")
sys.path.insert(0, PYTHON)

import unbrine  # noqa: E402
from unbrine import Global, TreeError  # noqa: E402, F401

try:
    import torch
except ImportError:
    torch = None

NEEDS_TORCH = unittest.skipIf(torch is None, "torch is not installed")


# How pickle writes numpy.dtype([("a", "<i8"), ("b", "<f4")]).
STRUCTURE = {
    "$object": {
        "class": ["numpy", "dtype"],
        "by": "reduce",
        "args": ["V12", False, True],
        "state": [
            {
                "$tuple": [
                    3,
                    "|",
                    None,
                    {"$tuple": ["a", "b"]},
                    {
                        "a": {"$tuple": [{"$dtype": "<i8"}, 0]},
                        "b": {"$tuple": [{"$dtype": "<f4"}, 8]},
                    },
                    12,
                    1,
                    16,
                ]
            }
        ],
    }
}


def document(tree, *shared):
    return json.dumps({"schema": "unbrine.tree/1", "tree": tree, "shared": list(shared)})


def safetensors(header, data=b""):
    """The bytes of a file; the header is text, or a dict of name -> (dtype, shape, begin, end)."""
    if isinstance(header, dict):
        rows = {
            name: {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
            for name, (dtype, shape, begin, end) in header.items()
        }
        header = json.dumps(rows)
    return struct.pack("<Q", len(header)) + header.encode() + data


def base64_of(data):
    return base64.b64encode(data).decode()


def namespace(**attributes):
    return {"$object": {"class": ["argparse", "Namespace"], "by": "newobj", "state": [attributes]}}


class TreeTest(unittest.TestCase):
    tensors = "numpy"

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="unbrine-tree-")
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def write(self, tree, *shared, **files):
        text = tree if isinstance(tree, (bytes, str)) else document(tree, *shared)
        (self.folder / "state.json").write_bytes(text if isinstance(text, bytes) else text.encode())
        for name, content in files.items():
            (self.folder / f"{name}.safetensors").write_bytes(content)

    def load(self, tree, *shared, **files):
        self.write(tree, *shared, **files)
        return unbrine.load_tree(self.folder, tensors=self.tensors)

    def assert_refused(self, what, tree, *shared, **files):
        self.write(tree, *shared, **files)
        with self.assertRaises(TreeError) as caught:
            unbrine.load_tree(self.folder, tensors=self.tensors)
        self.assertIn(what, str(caught.exception))
        return str(caught.exception)
