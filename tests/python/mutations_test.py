"""Does load_tree give a tree or a TreeError, and nothing else, for any bytes?"""

import random
import struct
import unittest

from tree_folder import (
    NEEDS_TORCH,
    STRUCTURE,
    TreeError,
    TreeTest,
    base64_of,
    document,
    namespace,
    safetensors,
)

W = {"w": {"$tensor": {"file": "model.safetensors", "name": "w"}}}
SAMPLE = [
    {"a": [1, 2.5, {"$tuple": [{"$ref": 0}, {"$int": "99999999999999999999"}]}], "w": W["w"]},
    {
        "$odict": {"$dict": [[1, {"$set": [1, "x"]}], [{"$tuple": [1, 2]}, {"$ref": 1}]]},
        "attrs": {"_metadata": {}},
    },
    {"$defaultdict": [[1, 2]], "factory": {"$global": ["builtins", "list"]}},
    {"$scalar": {"dtype": "<f4", "value": 0.5}},
    {"$ndarray": {"dtype": STRUCTURE, "shape": [1], "data": base64_of(bytes(12))}},
    {"$ndarray": {"dtype": "|O", "shape": [2], "items": [1, {"$bytes": "AAEC"}]}},
    {
        "$ndarray": {
            "file": "model.safetensors",
            "name": "w",
            "mask": {"file": "model.safetensors", "name": "m"},
            "fill": 1.5,
        }
    },
    {
        "$tensor": {
            "file": "model.safetensors",
            "name": "v",
            "alias_of": "w",
            "requires_grad": True,
            "class": ["torch.nn.parameter", "Parameter"],
            "state": {"x": 1},
        }
    },
    {
        "$tensor": {
            "layout": "quantized",
            "scheme": "per_tensor_affine",
            "dtype": "qint8",
            "shape": [2],
            "parts": {
                role: {"file": "model.safetensors", "name": name}
                for role, name in (("", "q"), ("scale", "s"), ("zero_point", "z"))
            },
        }
    },
    {
        "$tensor": {
            "layout": "sparse_coo",
            "dtype": "float32",
            "shape": [9],
            "parts": {
                role: {"file": "model.safetensors", "name": name}
                for role, name in (("indices", "i"), ("values", "w"))
            },
        }
    },
    {
        "$deque": [
            {"$device": "cuda:0"},
            {"$dtype": "float32"},
            {"$size": [1, 2]},
            {"$range": [1, 5, 2]},
        ],
        "maxlen": 9,
    },
    {"$persid": {"$complex": [1.0, {"$float": "nan"}]}},
    {"$str": "7aCA"},
    {"$slice": [None, 1, 2]},
]


SAMPLE_FILE = safetensors(
    {
        "s": ("F64", [], 0, 8),
        "z": ("I64", [], 8, 16),
        "i": ("I64", [1, 2], 16, 32),
        "w": ("F32", [2], 32, 40),
        "q": ("I8", [2], 40, 42),
        "m": ("BOOL", [2], 42, 44),
    },
    struct.pack("<dqqq2f", 0.5, 3, 1, 4, 1.0, 2.0) + b"\5\6\0\1",
)


WORDS = [
    b"$ref",
    b"$tuple",
    b"$dict",
    b"null",
    b"-1",
    b"0",
    b"1",
    b"[]",
    b"{}",
    b'""',
    b"1e308",
    b"$tensor",
    b"9223372036854775807",
    b'{"$ref":0}',
    b'{"$ref":1}',
    b'{"$tuple":[{"$ref":0}]}',
    b'"|O"',
    b'"<U1"',
    b"true",
    b'"layout":"jagged",',
]


def mutated(data, dice):
    data = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4))):
        at, length = dice.randrange(len(data) + 1), dice.choice((0, 1, 1, 2, 8, 30))
        other = dice.randrange(len(data) + 1)
        data[at : at + length] = dice.choice(
            (b"", bytes([dice.randrange(256)]), dice.choice(WORDS), data[other : other + 12])
        )
    return bytes(data)


class Mutations(TreeTest):
    """Any bytes give a tree or a TreeError."""

    rounds = 3000

    def sample(self):
        return document(SAMPLE, [{"$ref": 0}], namespace(lr=0.1, me={"$ref": 1})).encode()

    def test_the_sample_is_sound(self):
        loaded = self.load(self.sample(), model=SAMPLE_FILE)
        self.assertEqual(len(loaded), len(SAMPLE))

    def check(self, state, file, dice_seed):
        try:
            self.load(state, model=file)
        except TreeError:
            return
        except BaseException as error:
            self.fail(f"seed {dice_seed}: {error!r} of {state!r} and {file!r}")

    def test_mutated_documents(self):
        sample = self.sample()
        for seed in range(self.rounds):
            self.check(mutated(sample, random.Random(seed)), SAMPLE_FILE, seed)

    def test_mutated_tensor_files(self):
        sample = self.sample()
        for seed in range(self.rounds // 3):
            self.check(sample, mutated(SAMPLE_FILE, random.Random(seed)), seed)

    def test_every_file_cut_short(self):
        sample = self.sample()
        for length in range(0, len(sample), 7):
            self.assert_refused("", sample[:length], model=SAMPLE_FILE)
        for length in range(len(SAMPLE_FILE)):
            self.assert_refused("", sample, model=SAMPLE_FILE[:length])


@NEEDS_TORCH
class MutationsWithTorch(Mutations):
    tensors = "torch"
    rounds = 1500


if __name__ == "__main__":
    unittest.main()
