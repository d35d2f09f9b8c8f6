"""Does a blob hold what its index says, and the index what torch would have saved?"""

import json
import unittest

import jsonschema
import numpy
import torch

from oracle import ROOT, OracleTest, parsed, prepared

SCHEMA = json.loads((ROOT / "docs/unbrine.blob.1.schema.json").read_text())

NUMPY = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "C64": "<c8", "I64": "<i8", "BOOL": "?"}

STATE = {
    "weight": torch.arange(2000, dtype=torch.float32).reshape(50, 40).t(),
    "bias": torch.randn(7, dtype=torch.float64),
    "half": torch.randn(3, 5).half(),
    "flags": torch.tensor([True, False, True]),
    "steps": torch.tensor(12),
    "empty": torch.zeros(0, 4),
    "wave": torch.randn(4, dtype=torch.complex64).conj(),
    "pairs": torch.randn(4, dtype=torch.complex128),
}


class Blob(OracleTest):
    def blob(self, path, *options):
        """Converts to a blob; its bytes and its index."""
        output = self.folder / "out.blob"
        run = self.unbrine("convert", path, "--to", "blob", "-o", output, *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        index = json.loads((self.folder / "out.blob.json").read_text())
        jsonschema.validate(index, SCHEMA)
        return output.read_bytes(), index

    def assert_holds(self, tensors, blob, index):
        self.assertEqual(index["size"], len(blob))
        self.assertEqual([entry["name"] for entry in index["tensors"]], list(tensors))
        covered = bytearray(len(blob))
        for entry in index["tensors"]:
            self.assertEqual(entry["offset"] % index["align"], 0)
            expected = prepared(tensors[entry["name"]])
            begin, end = entry["offset"], entry["offset"] + entry["size"]
            found = numpy.frombuffer(blob[begin:end], NUMPY[entry["dtype"]]).reshape(entry["shape"])
            numpy.testing.assert_array_equal(found, expected.numpy())
            self.assertEqual(found.dtype, expected.numpy().dtype)
            covered[begin:end] = b"\1" * (end - begin)
        between = bytes(byte for byte, used in zip(blob, covered) if not used)
        self.assertEqual(between, bytes(len(between)))

    def test_every_tensor_lies_where_the_index_says(self):
        path = self.save(STATE)
        blob, index = self.blob(path)
        self.assertEqual((index["align"], len(blob) % 4096), (4096, 0))
        self.assert_holds(STATE, blob, index)

    def test_another_alignment(self):
        for align in ("1", "64", "1MiB"):
            with self.subTest(align=align):
                blob, index = self.blob(self.save(STATE), "--align", align, "--overwrite")
                self.assert_holds(STATE, blob, index)

    def test_an_alignment_that_is_no_power_of_two(self):
        run = self.unbrine("convert", self.save(STATE), "--to", "blob", "-o",
                           self.folder / "out.blob", "--align", "3000")
        self.assertEqual(run.returncode, 2)
        self.assertIn("3000", run.stderr)
        self.assertFalse((self.folder / "out.blob").exists())

    def test_back_to_safetensors(self):
        path = self.save(STATE)
        self.blob(path)
        _, expected = self.convert(path)
        for name in ("out.blob", "out.blob.json"):
            _, document = self.convert(self.folder / name)
            self.assertEqual(document, expected)

    def test_aliases_that_are_kept_once(self):
        tied = torch.randn(3, 3)
        path = self.save({"a": tied, "b": tied})
        _, index = self.blob(path, "--aliases", "keep-one")
        self.assertEqual([entry["name"] for entry in index["tensors"]], ["a"])
        self.assertEqual(index["metadata"], {"b": "a", "format": "pt"})

    def test_casts(self):
        blob, index = self.blob(self.save({"w": torch.tensor([1.0, 1 / 3])}), "--dtype", "F16")
        self.assert_holds({"w": torch.tensor([1.0, 1 / 3]).half()}, blob, index)

    def test_damage_is_found(self):
        path = self.save(STATE)
        blob, index = self.blob(path)
        output = self.folder / "out.blob"
        self.assertEqual(self.unbrine("verify", output).returncode, 0)
        place = index["tensors"][1]["offset"]
        output.write_bytes(blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :])
        run = self.unbrine("verify", output, "--against", path)
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        self.assertIn(index["tensors"][1]["name"], run.stdout + run.stderr)
        output.write_bytes(blob[:-1])
        self.assert_refused(output, 5)

    def test_a_damaged_index_is_refused(self):
        _, index = self.blob(self.save(STATE))
        path = self.folder / "out.blob.json"
        for change in ({"size": 1}, {"align": 3}, {"file": "../out.blob"}, {"tensors": [{}]}):
            with self.subTest(**change):
                path.write_text(json.dumps({**index, **change}))
                self.assert_refused(path, 5)
        path.write_text(json.dumps({**index, "schema": "unbrine.blob/2"}))
        self.assert_refused(path, 7)

    def test_the_same_tensors_as_in_safetensors(self):
        path = self.save(STATE)
        _, index = self.blob(path)
        header, _ = parsed(self.convert(path)[1])
        del header["__metadata__"]
        told = {entry["name"]: (entry["dtype"], entry["shape"]) for entry in index["tensors"]}
        self.assertEqual(told, {name: (e["dtype"], e["shape"]) for name, e in header.items()})


if __name__ == "__main__":
    unittest.main()
