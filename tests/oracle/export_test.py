"""Are the weights of torch.export archives written as torch.export.load gives them?"""

import io
import json
import unittest
import warnings
import zipfile

import torch
from torch import nn
from torch.export.pt2_archive._package import package_pt2

from oracle import OracleTest

warnings.simplefilter("ignore")
torch.manual_seed(17)

DTYPES = [
    torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.float32,
    torch.float64, torch.complex64, torch.bool, torch.bfloat16, torch.uint16, torch.uint32,
    torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz,
    torch.float8_e5m2fnuz,
]  # fmt: skip


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.tied = self.linear.weight
        self.turned = nn.Parameter(torch.randn(2, 3).t())
        self.scalar = nn.Parameter(torch.tensor(0.5))
        self.empty = nn.Parameter(torch.zeros(0, 3))
        self.register_buffer("steps", torch.arange(3))
        self.register_buffer("hidden", torch.ones(2), persistent=False)
        self.constant = torch.tensor([3.0, 4.0])

    def forward(self, x):
        y = self.linear(x) + self.constant + torch.tensor([1.0, 2.0]) + self.hidden
        return y.sum() + self.tied.sum() + self.turned.sum() + self.scalar + self.steps.sum()


class EveryDtype(nn.Module):
    def __init__(self):
        super().__init__()
        for dtype in DTYPES:
            bytes_ = torch.arange(1, 17, dtype=torch.uint8)
            self.register_buffer("as_" + str(dtype).split(".")[1], bytes_.view(dtype))
        self.register_buffer("flag", torch.tensor([True, False]))

    def forward(self, x):
        return x + 1


def named(program):
    """The state dict, and constants that are tensors below their key."""
    constants = program.constants.items()
    tensors = {f"constants.{name}": value for name, value in constants if torch.is_tensor(value)}
    return {**program.state_dict, **tensors}


class Export(OracleTest):
    def export(self, module, *inputs):
        path = self.folder / "program.pt2"
        torch.export.save(torch.export.export(module, inputs), path)
        return path

    def test_weights_and_constants(self):
        path = self.export(Net(), torch.randn(2, 3))
        expected = named(torch.export.load(path))
        self.assertIn("constants.constant", expected)
        self.assertIn("linear.weight", expected)
        self.assert_converts(path, expected)

    def test_every_dtype(self):
        path = self.export(EveryDtype(), torch.randn(2))
        self.assert_converts(path, named(torch.export.load(path)))

    def test_weights_that_are_pickled(self):
        path = self.export(Net(), torch.randn(2, 3))
        expected = named(torch.export.load(path))
        self.pickle_a_weight(path, "turned", torch.export.load(path).state_dict["turned"])
        again = torch.export.load(path)
        self.assertTrue(torch.equal(again.state_dict["turned"], expected["turned"]))
        self.assert_converts(path, named(again))

    def pickle_a_weight(self, path, name, tensor):
        """As torch.export.save does with a tensor of a subclass."""
        config_name = "program/data/weights/model_weights_config.json"
        with zipfile.ZipFile(path) as archive:
            records = {name: archive.read(name) for name in archive.namelist()}
        config = json.loads(records[config_name])
        config["config"][name].update(path_name="weight_99", use_pickle=True)
        buffer = io.BytesIO()
        torch.save(tensor, buffer)
        records[config_name] = json.dumps(config).encode()
        records["program/data/weights/weight_99"] = buffer.getvalue()
        with zipfile.ZipFile(path, "w") as archive:
            for record, content in records.items():
                archive.writestr(record, content)

    def test_several_programs(self):
        path = self.folder / "two.pt2"
        programs = {
            "first": torch.export.export(Net(), (torch.randn(2, 3),)),
            "second": torch.export.export(nn.Linear(3, 2), (torch.randn(2, 3),)),
        }
        package_pt2(path, exported_programs=programs)
        expected = {}
        for name, program in programs.items():
            for key, tensor in named(program).items():
                expected[f"{name}.{key}"] = tensor
        self.assert_converts(path, expected)

    def test_archive_of_early_releases(self):
        program = torch.export.export(Net(), (torch.randn(2, 3),))
        path = self.folder / "early.pt2"
        self.save_as_early_releases_did(program, path)
        expected = named(torch.export.load(path))
        self.assertEqual(sorted(expected), sorted(named(program)))
        self.assert_converts(path, expected)

    def save_as_early_releases_did(self, program, path):
        from torch._export.serde.schema import SCHEMA_VERSION
        from torch._export.serde.serialize import serialize

        artifact = serialize(program)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("serialized_exported_program.json", artifact.exported_program)
            archive.writestr("serialized_state_dict.pt", artifact.state_dict)
            archive.writestr("serialized_constants.pt", artifact.constants)
            archive.writestr("serialized_example_inputs.pt", artifact.example_inputs)
            archive.writestr("version", ".".join(map(str, SCHEMA_VERSION)))


if __name__ == "__main__":
    unittest.main()
