"""Do skorch's nets and parameter files convert, predict the same, and train on?

A net.pkl is a pickle that holds a pickle as bytes, which holds a torch stream per storage. Written
by skorch and pickle; compared with the live net. Nets of skorch 0.5 lie in tests/data/framework.
"""

import contextlib
import hashlib
import io
import json
import pickle
import pickletools
import unittest
import warnings
from unittest import mock

import numpy
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Checkpoint
from torch import nn
from torch.serialization import get_unsafe_globals_in_checkpoint

from oracle import DATA
from rows import RowTest, bits, tensors_of

X = numpy.random.default_rng(1).standard_normal((24, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int64")


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 5)
        self.norm = nn.BatchNorm1d(5)
        self.head = nn.Linear(5, 2)

    def forward(self, x):
        return self.head(self.norm(self.linear(x)).relu())


def new_net(**options):
    torch.manual_seed(9)
    return NeuralNetClassifier(
        Small, criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=0.02, max_epochs=2,
        train_split=None, verbose=0, **options)


def trained(**options):
    return new_net(**options).fit(X, Y)


def step(net):
    return net.train_step((torch.from_numpy(X), torch.from_numpy(Y)))["loss"]


def globals_of(pickled):
    """What unpickling looks up, as "module.name": in the pickle, the one in it, its streams."""
    named = set()

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            named.add(f"{module}.{name}")
            return stream if name == "_load_from_bytes" else super().find_class(module, name)

    def stream(data):
        file = io.BytesIO(data)
        for _ in range(5):  # magic number, protocol, system, the object, its storages
            codes = [(code.name, text) for code, text, _ in pickletools.genops(file)]
            named.update(text.replace(" ", ".") for code, text in codes if code == "GLOBAL")
        return torch.load(io.BytesIO(data), weights_only=False)

    def keep(net, state):
        vars(net).update(state)

    with mock.patch.object(NeuralNetClassifier, "__setstate__", keep):
        net = Unpickler(io.BytesIO(pickled)).load()
    Unpickler(io.BytesIO(vars(net)["__cuda_dependent_attributes__"])).load()
    return named


@contextlib.contextmanager
def as_if_on_cuda():
    """Storages are saved as those of a GPU are."""
    registry = list(torch.serialization._package_registry)
    torch.serialization.register_package(0, lambda storage: "cuda:0", lambda storage, location: None)
    yield
    torch.serialization._package_registry[:] = registry


class Nets(RowTest):
    def setUp(self):
        super().setUp()
        self.net = trained()

    def dump(self, protocol):
        data = pickle.dumps(self.net, protocol)
        (self.folder / "net.pkl").write_bytes(data)
        return data

    def restored(self, folder):
        """A new net with the parameters of the folder."""
        net = new_net().initialize()
        net.load_params(f_params=self.folder / folder / "module.safetensors", use_safetensors=True)
        return net

    def check_folder(self, folder):
        self.assert_counts(folder, module=9, optimizer=18, root=1)  # and the classes
        self.assert_holds(f"{folder}/module.safetensors", self.net.module_.state_dict())
        net = self.restored(folder)
        self.assertEqual(net.predict_proba(X).tobytes(), self.net.predict_proba(X).tobytes())
        tree = self.tree(folder)
        self.assertEqual(tree.unbrine.class_name, "skorch.classifier.NeuralNetClassifier")
        for name in ("max_epochs", "lr", "classes", "verbose", "batch_size"):
            self.assert_same(getattr(tree, name), getattr(self.net, name), name)
        self.assertEqual(tree.classes_inferred_.tolist(), self.net.classes_inferred_.tolist())
        self.assert_same(list(tree.history_.unbrine.values), list(self.net.history_))
        return tree, net

    def test_s1_parameters(self):
        self.net.save_params(f_params=self.folder / "params.pt")
        self.run_row("unbrine convert params.pt -o params.safetensors")
        self.assert_holds("params.safetensors", self.net.module_.state_dict())
        self.assertEqual(len(self.net.module_.state_dict()), 9)
        net = new_net().initialize()
        net.load_params(f_params=self.folder / "params.safetensors", use_safetensors=True)
        self.assert_same(net.module_.state_dict(), self.net.module_.state_dict())

    def test_s2_a_net(self):
        data = self.dump(5)
        run = self.run_row("unbrine convert net.pkl -o net/")
        self.assertNotIn("warning", run.stderr)
        self.check_folder("net")
        manifest = json.loads((self.folder / "net/manifest.json").read_text())
        self.assertEqual({row["name"] for row in manifest["globals"]}, globals_of(data))

    def test_s2_training_goes_on_to_the_same_bits(self):
        self.dump(5)
        self.run_row("unbrine convert net.pkl -o net/")
        tree, net = self.check_folder("net")
        net.optimizer_.load_state_dict(optimizer_state(tree.optimizer_))
        self.assert_same(step(net), step(self.net))
        self.assert_same(net.module_.state_dict(), self.net.module_.state_dict())
        self.assert_same(net.optimizer_.state_dict(), self.net.optimizer_.state_dict())

    def test_s3_protocol_2(self):
        self.dump(2)
        self.run_row("unbrine convert net.pkl -o net/")
        self.check_folder("net")

    def test_s3_a_net_of_a_gpu_on_a_machine_without(self):
        self.net.device = "cuda"
        with as_if_on_cuda():
            data = self.dump(5)
        self.net.device = "cpu"
        self.assertIn(b"cuda:0", data)
        self.run_row("unbrine convert net.pkl -o net/")
        tree, _ = self.check_folder("net")
        self.assertEqual(tree.device, "cuda")
        self.assertEqual(tree.module_._modules["linear"]._parameters["weight"].device.type, "cpu")

    def test_s3_nets_of_skorch_0_5(self):
        """Its attributes under another name, held as the pickle of a dict; what skorch 0.5 held is
        recorded beside the files."""
        for group in json.loads((DATA / "framework/expectations.json").read_text()):
            for name in group["files"]:
                if name.startswith("skorch_0.5_net"):
                    with self.subTest(name=name):
                        self.check_recorded(name, group["selections"][""])

    def check_recorded(self, name, expected):
        path = DATA / "framework" / name
        self.run_row(f"unbrine convert {path} -o {name}/")
        found = tensors_of(self.folder / name / "module.safetensors")
        sums = {key: hashlib.sha256(bits(tensor)).hexdigest() for key, tensor in found.items()}
        self.assertEqual(sums, {key: entry["sha256"] for key, entry in expected.items()})
        tree = self.tree(name)
        self.assertEqual((tree.max_epochs, tree.verbose), (2, 0))
        weights = tree.module_._modules["linear"]._parameters
        self.assert_same_state({key: p.detach() for key, p in weights.items()},
                               {key: found[f"linear.{key}"] for key in ("weight", "bias")})


def optimizer_state(record):
    """A state_dict() made of a pickled optimizer's attributes: parameters become their positions."""
    groups = record.param_groups
    parameters = [parameter for group in groups for parameter in group["params"]]
    positions = {parameter: i for i, parameter in enumerate(parameters)}
    return {"state": {positions[p]: state for p, state in record.state.items()},
            "param_groups": [{**g, "params": [positions[p] for p in g["params"]]} for g in groups]}


class Runs(RowTest):
    def setUp(self):
        super().setUp()
        files = Checkpoint(dirname=str(self.folder / "run"), monitor=None)
        self.net = trained(callbacks=[files])

    def test_s5_an_optimizer_for_torch(self):
        """skorch has no other door for an optimizer than torch.load(weights_only=True)."""
        self.run_row("unbrine convert run/optimizer.pt --to torch")
        clean = self.folder / "run/optimizer.clean.pt"
        self.assertEqual(get_unsafe_globals_in_checkpoint(clean), [])
        self.assert_same(torch.load(clean, weights_only=True), self.net.optimizer_.state_dict())
        self.run_row("unbrine convert run/params.pt")
        net = new_net().initialize()
        net.load_params(f_params=self.folder / "run/params.safetensors", use_safetensors=True)
        net.load_params(f_optimizer=clean)
        self.assert_same(step(net), step(self.net))
        self.assert_same(net.module_.state_dict(), self.net.module_.state_dict())
        self.assert_same(net.optimizer_.state_dict(), self.net.optimizer_.state_dict())

    def test_s5_a_criterion_has_nothing_to_convert(self):
        run = self.run_row("unbrine convert run/criterion.pt", code=7)
        self.assertIn("no tensor", run.stderr)
        self.run_row("unbrine convert run/criterion.pt -o criterion/")
        self.assert_same(self.tree("criterion"), self.net.criterion_.state_dict())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    unittest.main()
