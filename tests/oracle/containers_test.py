"""Are zips read that torch loads, but that torch.save of today would lay out otherwise?"""

import unittest
import zipfile

import torch

from oracle import OracleTest, flatten


def state():
    weight = torch.arange(12.0).reshape(3, 4)
    return {"weight": weight, "steps": torch.tensor(7), "empty": torch.ones(0)}


class Containers(OracleTest):
    def rewritten(self, rename=lambda name: name, method=zipfile.ZIP_STORED):
        """The same records in a zip of Python's making; `rename` gives None for one left out."""
        path = self.save(state())
        copy = self.folder / "rewritten.pt"
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w", method) as target:
            for name in source.namelist():
                if rename(name) is not None:
                    target.writestr(rename(name), source.read(name))
        return copy

    def check(self, path):
        loaded = flatten(self.load(path))
        for name, tensor in state().items():
            self.assertTrue(torch.equal(loaded[name], tensor), name)
        self.assert_converts(path, loaded)

    def test_written_by_another_zip_program(self):
        self.check(self.rewritten())

    def test_deflated(self):
        self.check(self.rewritten(method=zipfile.ZIP_DEFLATED))

    def test_under_another_folder(self):
        self.check(self.rewritten(lambda name: name.replace("checkpoint/", "archive/")))

    def test_with_the_records_of_torch_1_6_alone(self):
        old = ("data.pkl", "version")
        keep = lambda name: name if name.endswith(old) or "/data/" in name else None
        self.check(self.rewritten(keep))

    def test_with_a_long_name(self):
        path = self.save(state(), "x" * 200 + ".pt")
        self.check(path)


if __name__ == "__main__":
    unittest.main()
