"""What the tests of users' commands share: each command runs in a shell as a user types it, in a
folder with the files that the user's own library has saved there."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy
import safetensors
import torch

from oracle import ROOT, UNBRINE, OracleTest, expected_bytes, first_difference

sys.path.insert(0, str(ROOT / "python"))
torch.set_num_threads(1)  # tests run side by side; the models are small


def bits(tensor):
    """The bytes of the values in row-major order."""
    tensor = tensor.detach().resolve_conj().resolve_neg().contiguous()
    return tensor.reshape(-1).view(torch.uint8).numpy().tobytes()


def tensors_of(*files):
    """Name -> tensor of safetensors files, as the reference reads them."""
    found = {}
    for file in files:
        with safetensors.safe_open(file, framework="pt") as opened:
            found.update({name: opened.get_tensor(name) for name in opened.keys()})
    return found


class RowTest(OracleTest):
    def run_row(self, command, code=0):
        """Runs the very command of the row; the finished process."""
        path = f"{Path(UNBRINE).resolve().parent}:{os.environ['PATH']}"
        run = subprocess.run(
            command, shell=True, cwd=self.folder, env={**os.environ, "PATH": path},
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
        self.assertEqual(run.returncode, code, f"{command}\n{run.stdout}{run.stderr}")
        return run

    def tree(self, name):
        """What the folder holds, read without pickle."""
        from unbrine.tree import load_tree

        return load_tree(self.folder / name, tensors="torch")

    def assert_holds(self, name, tensors):
        """The file is what safetensors writes for `tensors`, to the byte."""
        found, expected = (self.folder / name).read_bytes(), expected_bytes(tensors)
        if found != expected:
            self.fail(f"{name}: {first_difference(found, expected)}")

    def assert_counts(self, folder, **counts):
        """The folder has these files of tensors and no others."""
        files = (self.folder / folder).glob("*.safetensors")
        found = {file.stem: len(tensors_of(file)) for file in files}
        self.assertEqual(found, counts)

    def assert_same_state(self, found, expected):
        """Two state dicts have the same names, dtypes and bits."""
        self.assertEqual(list(found), list(expected))
        for name, tensor in expected.items():
            self.assert_same(found[name], tensor, name)

    def assert_same(self, found, expected, where="the root"):
        """Equal to the last bit, of the same types, dicts in the same order."""
        self.assertIs(type(found), type(expected), where)
        if isinstance(expected, torch.Tensor):
            self.assertEqual((found.dtype, found.shape), (expected.dtype, expected.shape), where)
            self.assertEqual(bits(found), bits(expected), where)
        elif isinstance(expected, numpy.ndarray):
            self.assertEqual((found.dtype, found.shape), (expected.dtype, expected.shape), where)
            self.assertEqual(found.tobytes(), expected.tobytes(), where)
        elif isinstance(expected, float):
            self.assertEqual(struct.pack("<d", found), struct.pack("<d", expected), where)
        elif isinstance(expected, dict):
            self.assertEqual([(type(k), k) for k in found], [(type(k), k) for k in expected], where)
            for key, value in expected.items():
                self.assert_same(found[key], value, f"{where}.{key}")
            self.assert_same_attributes(found, expected, where)
        elif isinstance(expected, (list, tuple)):
            self.assertEqual(len(found), len(expected), where)
            for i, value in enumerate(expected):
                self.assert_same(found[i], value, f"{where}.{i}")
        else:
            self.assertEqual(found, expected, where)

    def assert_same_attributes(self, found, expected, where):
        """A state dict's _metadata is an attribute of an OrderedDict."""
        attributes = getattr(expected, "__dict__", {})
        self.assertEqual(getattr(found, "__dict__", {}).keys(), attributes.keys(), where)
        for name, value in attributes.items():
            self.assert_same(getattr(found, name), value, f"{where}.{name}")
