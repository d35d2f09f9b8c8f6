"""Do the files of PyTorch's own "Saving and Loading Models" tutorial convert and load again?

Each is saved as the tutorial's text has it; compared with the live model.
"""

import json
import unittest
import warnings
import zipfile

import numpy
import safetensors.torch
import torch
from torch import nn

from oracle import parsed
from rows import RowTest, tensors_of


class TheModelClass(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(nn.functional.relu(self.conv1(x)))
        x = self.pool(nn.functional.relu(self.conv2(x)))
        x = x.view(-1, 16 * 5 * 5)
        x = nn.functional.relu(self.fc2(nn.functional.relu(self.fc1(x))))
        return self.fc3(x)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Embedding(11, 4)
        self.decoder = nn.Linear(4, 11, bias=False)
        self.decoder.weight = self.encoder.weight


def step(model, optimizer, seed):
    """One step of training; its loss."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(4, 3, 32, 32, generator=generator)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(images), torch.arange(4))
    loss.backward()
    optimizer.step()
    return loss


class Tutorials(RowTest):
    def setUp(self):
        super().setUp()
        torch.manual_seed(7)
        self.model = TheModelClass()
        self.state = self.model.state_dict()

    def check_model(self, name):
        """The file is the model's state dict, and a new model takes it."""
        self.assert_holds(name, self.state)
        model = TheModelClass()
        model.load_state_dict(safetensors.torch.load_file(self.folder / name))
        self.assert_same(model.state_dict(), self.state)

    def test_p1_state_dicts(self):
        """Six files of one state dict; torch.load(weights_only=True) refuses protocols 4 and 5."""
        self.save(self.state, "state_dict.pt")
        self.save(self.state, "state_dict_legacy.pt", _use_new_zipfile_serialization=False)
        for protocol in (2, 3, 4, 5):
            self.save(self.state, f"state_dict_protocol{protocol}.pt", pickle_protocol=protocol)
        self.run_row("for file in state_dict*.pt; do unbrine convert $file || exit; done")
        outputs = sorted(path.name for path in self.folder.glob("*.safetensors"))
        self.assertEqual(len(outputs), 6)
        for name in outputs:
            self.check_model(name)

    def general_checkpoint(self):
        """(model, optimizer, loss) of a training that has saved itself."""
        optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        step(self.model, optimizer, 1)
        loss = step(self.model, optimizer, 2)
        self.save({"epoch": 5, "model_state_dict": self.model.state_dict(),
                   "optimizer_state_dict": optimizer.state_dict(), "loss": loss},
                  "general_checkpoint.tar")
        return self.model, optimizer, loss

    def test_p2_a_general_checkpoint(self):
        model, optimizer, loss = self.general_checkpoint()
        self.run_row("unbrine convert general_checkpoint.tar -o g/")
        self.assert_counts("g", model=10, optimizer=30, root=1)
        self.assert_holds("g/model.safetensors", model.state_dict())
        self.assert_holds("g/root.safetensors", {"loss": loss})
        tree = self.tree("g")
        self.assert_same(tree["epoch"], 5)
        self.assertEqual(list(tree), ["epoch", "model_state_dict", "optimizer_state_dict", "loss"])
        self.assert_same(tree["optimizer_state_dict"], optimizer.state_dict())
        self.assertEqual((tree["loss"].shape, tree["loss"].item()), ((), loss.item()))

    def test_p2_training_goes_on_to_the_same_bits(self):
        model, optimizer, _ = self.general_checkpoint()
        self.run_row("unbrine convert general_checkpoint.tar -o g/")
        tree = self.tree("g")
        resumed = TheModelClass()
        again = torch.optim.Adam(resumed.parameters(), lr=0.5)
        resumed.load_state_dict(tree["model_state_dict"])
        again.load_state_dict(tree["optimizer_state_dict"])
        losses = [step(model, optimizer, 3), step(resumed, again, 3)]
        self.assert_same(losses[1], losses[0])
        self.assert_same(resumed.state_dict(), model.state_dict())
        self.assert_same(again.state_dict(), optimizer.state_dict())

    def test_p3_several_models(self):
        live, value = {}, {}
        for letter in "AB":
            model = TheModelClass()
            optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
            step(model, optimizer, ord(letter))
            live[f"model{letter}"], live[f"optimizer{letter}"] = model, optimizer
        for key in ("modelA", "modelB", "optimizerA", "optimizerB"):
            value[key + "_state_dict"] = live[key].state_dict()
        self.save(value, "multiple_models.tar")
        self.run_row("unbrine convert multiple_models.tar --split-top")
        self.assert_counts("multiple_models", modelA=10, modelB=10, optimizerA=10, optimizerB=10)
        self.assert_same(self.tree("multiple_models"), value)
        for letter in "AB":
            state = live[f"model{letter}"].state_dict()
            self.assert_holds(f"multiple_models/model{letter}.safetensors", state)
            model = TheModelClass()
            model.load_state_dict(tensors_of(self.folder / f"multiple_models/model{letter}.safetensors"))
            self.assert_same(model.state_dict(), state)

    def test_p4_entire_models(self):
        """torch asks for the class; here it is only named."""
        self.save(self.model, "entire_model.pt")
        self.save(self.model, "entire_model_legacy.pt", _use_new_zipfile_serialization=False)
        for name in ("entire_model", "entire_model_legacy"):
            self.run_row(f"unbrine convert {name}.pt")
            self.check_model(f"{name}.safetensors")
            run = self.run_row(f"unbrine convert {name}.pt --json --overwrite")
            named = {row["name"] for row in json.loads(run.stdout)["globals"]}
            self.assertIn(TheModelClass.__module__ + ".TheModelClass", named)

    def test_p5_tied_weights_under_both_names(self):
        model = Tied()
        self.save(model.state_dict(), "tied.pt")
        self.run_row("unbrine convert tied.pt")
        self.assert_holds("tied.safetensors", model.state_dict())
        again = Tied()
        again.load_state_dict(safetensors.torch.load_file(self.folder / "tied.safetensors"))
        self.assert_same(again.state_dict(), model.state_dict())

    def test_p5_tied_weights_once(self):
        model, again = Tied(), Tied()
        self.save(model.state_dict(), "tied.pt")
        self.run_row("unbrine convert tied.pt --aliases=keep-one")
        path = self.folder / "tied.safetensors"
        safetensors.torch.save_model(model, self.folder / "expected", metadata={"format": "pt"})
        self.assertEqual(parsed(path.read_bytes()), parsed((self.folder / "expected").read_bytes()))
        self.assertEqual(safetensors.torch.load_model(again, path), (set(), []))
        self.assert_same(again.state_dict(), model.state_dict())

    def test_p6_every_dtype(self):
        tensors = every_dtype()
        self.assertEqual(len(tensors), 25)
        self.save(tensors, "dtypes.pt")
        self.run_row("unbrine convert dtypes.pt")
        self.assert_holds("dtypes.safetensors", tensors)
        found = safetensors.torch.load_file(self.folder / "dtypes.safetensors")
        self.assertEqual(found.keys(), tensors.keys())
        for name, tensor in tensors.items():
            self.assertEqual((found[name].dtype, found[name].shape), (tensor.dtype, tensor.shape))

    def test_p6_torch_cannot_read_its_own_legacy_file_of_them(self):
        path = self.save(every_dtype(), "dtypes_legacy.pt", _use_new_zipfile_serialization=False)
        with self.assertRaises(Exception):
            self.load(path)
        self.run_row("unbrine convert dtypes_legacy.pt")
        self.assert_holds("dtypes_legacy.safetensors", every_dtype())

    def test_p7_torchscript(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.jit.script(self.model).save(self.folder / "model_scripted.pt")
        self.run_row("unbrine convert model_scripted.pt")
        self.check_model("model_scripted.safetensors")

    def test_p9_numpy_of_both_spellings(self):
        arrays = {"mean": numpy.array([0.1, 0.2]), "counts": numpy.arange(6).reshape(2, 3),
                  "columns": numpy.asfortranarray(numpy.arange(6, dtype="f4").reshape(3, 2))}
        value = {**arrays, "scale": numpy.float64(0.25), "name": "x"}
        self.save(value, "numpy_state.pt")
        respell_numpy(self.folder / "numpy_state.pt", self.folder / "numpy_state_old.pt")
        self.assert_same(self.load(self.folder / "numpy_state_old.pt"), value)
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        for name in ("numpy_state", "numpy_state_old"):
            with self.subTest(name=name):
                self.run_row(f"unbrine convert {name}.pt")
                self.assert_holds(f"{name}.safetensors", tensors)
                self.run_row(f"unbrine convert {name}.pt -o {name}/")
                document = json.loads((self.folder / name / "state.json").read_text())
                self.assertEqual(document["tree"]["scale"], {"$scalar": {"dtype": "<f8", "value": 0.25}})


def respell_numpy(source, target):
    """The same pickle by a numpy before 2.0: numpy.core for numpy._core."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.namelist():
            data = old.read(entry)
            if entry.endswith("/data.pkl"):
                assert b"numpy._core." in data
                data = data.replace(b"cnumpy._core.", b"cnumpy.core.")
            new.writestr(entry, data)


def every_dtype():
    floats = torch.linspace(-3, 3, 6)
    tensors = {
        str(dtype).removeprefix("torch."): floats.to(dtype).reshape(2, 3) for dtype in (
            torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn,
            torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu,
            torch.complex64, torch.bool)}
    for dtype in (torch.int8, torch.int16, torch.int32, torch.int64,
                  torch.uint8, torch.uint16, torch.uint32, torch.uint64):
        largest = torch.tensor(torch.iinfo(dtype).max, dtype=dtype)
        tensors[str(dtype).removeprefix("torch.")] = largest.repeat(3)
    return {
        **tensors, "scalar": torch.tensor(1.5), "empty": torch.empty(0, 3),
        "nan": torch.tensor([torch.nan]), "transposed": torch.arange(6).reshape(2, 3).t(),
        "strided": torch.arange(20.0)[3:17:4],
        "expanded": torch.arange(3, dtype=torch.int16).expand(2, 3)}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    unittest.main()
