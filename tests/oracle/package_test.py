"""Are the pickles of a torch.package written as PackageImporter loads them?"""

import unittest
import warnings

import torch
import torch.package.package_exporter
from torch import nn
from torch.package import PackageExporter, PackageImporter

from oracle import OracleTest, flatten

warnings.simplefilter("ignore")  # about torch.jit
torch.manual_seed(13)


class Package(OracleTest):
    def export(self, *pickles):
        path = self.folder / "package.pt"
        with PackageExporter(path) as exporter:
            exporter.extern("torch.**")
            for package, name, value in pickles:
                exporter.save_pickle(package, name, value)
            exporter.save_text("notes", "a.txt", "hello")
            exporter.save_binary("notes", "b.bin", b"\x00\x01")
        return path

    def test_one_module(self):
        net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        path = self.export(("model", "model.pkl", net))
        loaded = PackageImporter(path).load_pickle("model", "model.pkl")
        self.assert_converts(path, loaded.state_dict())

    def test_state_dict(self):
        state = nn.Linear(3, 2).state_dict()
        self.assert_converts(self.export(("model", "weights.pkl", state)), state)

    def test_several_pickles_that_share_storages(self):
        base = torch.arange(12.0).view(3, 4)
        first = {"base": base, "half": base[1:], "columns": base.t()}
        second = [base, torch.tensor([True, False]), torch.tensor(3, dtype=torch.int64)]
        path = self.export(("a", "first.pkl", first), ("b.c", "second.pkl", second))
        importer = PackageImporter(path)
        loaded = {
            "a/first": importer.load_pickle("a", "first.pkl"),
            "b/c/second": importer.load_pickle("b.c", "second.pkl"),
        }
        self.assert_converts(path, flatten(loaded))

    def test_script_module_inside(self):
        torch.package.package_exporter._gate_torchscript_serialization = False
        script = torch.jit.script(nn.Linear(2, 2))
        loose = torch.randn(3)
        path = self.export(("m", "m.pkl", {"script": script, "loose": loose, "again": script}))
        loaded = PackageImporter(path).load_pickle("m", "m.pkl")
        expected = {"loose": loaded["loose"]}
        for key in ("script", "again"):
            for name, tensor in loaded[key].state_dict().items():
                expected[f"{key}.{name}"] = tensor
        self.assert_converts(path, expected)

    def test_no_pickle(self):
        self.assert_refused(self.export(), 7)


if __name__ == "__main__":
    unittest.main()
