"""Do the layouts of training frameworks give the model's weights, and by --select the rest?

What the frameworks themselves wrote lies in tests/data/framework; here are the same layouts made
anew by the torch of the day, in every container and protocol. skorch, Lightning and joblib are
asked too where they are installed.
"""

import argparse
import copy
import importlib.util
import io
import pickle
import types
import unittest
import warnings
from collections import OrderedDict

import numpy
import torch
from torch import nn

from oracle import CONTAINERS, OracleTest, flatten, parsed

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)


def small():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))


def trained(model):
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(5, 4)).sum().backward()
    optimizer.step()
    return optimizer


def installed(name):
    return unittest.skipUnless(importlib.util.find_spec(name), f"{name} is not installed")


class Attributes(dict):
    """A dict of a framework's own class, as hyperparameters often are."""


class TrainingStates(OracleTest):
    """Dicts by torch.save: which key holds the weights, and what is reached by name."""

    def check(self, value, key, *others):
        for options in CONTAINERS:
            with self.subTest(key=key, **options):
                path = self.save(value, **options)
                self.assert_converts(path, flatten(value[key]))
                for other in others:
                    self.assert_converts(path, flatten(value[other]), "--select", other)

    def test_lightning(self):
        model = small()
        optimizer = trained(model)
        value = {
            "epoch": 1, "global_step": 10, "pytorch-lightning_version": "2.5.0",
            "state_dict": model.state_dict(), "optimizer_states": [optimizer.state_dict()],
            "lr_schedulers": [{"last_epoch": 1}], "hparams_name": "kwargs",
            "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 1}}}},
            "callbacks": {"ModelCheckpoint{'monitor': None}": {"best": torch.tensor(0.5)}},
            "hyper_parameters": Attributes(width=3, rate=0.1),
        }
        self.check(value, "state_dict", "optimizer_states")

    def test_timm(self):
        model = small()
        average = copy.deepcopy(model.state_dict())
        arguments = argparse.Namespace(model="vit", lr=0.1, nested=argparse.Namespace(mean=(0.5,)))
        value = {"epoch": 3, "arch": "vit", "state_dict": model.state_dict(), "args": arguments,
                 "optimizer": trained(model).state_dict(), "state_dict_ema": average,
                 "amp_scaler": {"scale": 65536.0, "_growth_tracker": 0}, "metric": 0.5}
        self.check(value, "state_dict", "optimizer")
        self.assert_converts(self.save(value), flatten(average), "--select", "ema")

    def test_fairseq(self):
        model = small()
        value = {"args": argparse.Namespace(arch="x", lr=[0.1]), "cfg": None,
                 "model": model.state_dict(), "extra_state": {"best": 1.5},
                 "last_optimizer_state": trained(model).state_dict()}
        self.check(value, "model", "last_optimizer_state")

    def test_opacus(self):
        state = OrderedDict(("_module." + k, v) for k, v in small().state_dict().items())
        value = {"module_state_dict": state, "optimizer_state_dict": {"state": {}},
                 "privacy_accountant_state_dict": {"history": [(1.0, 0.5, 2)], "mechanism": "rdp"}}
        self.check(value, "module_state_dict")

    def test_a_module_beside_its_training_state(self):
        model = small()
        value = {"model": model, "optimizer": trained(model).state_dict(), "train_args": {"imgsz": 640}}
        self.check(value, "model")

    def test_names_that_all_share_a_prefix_stay(self):
        model = small()
        state = OrderedDict(("module." + k, v) for k, v in model.state_dict().items())
        value = {"epoch": 1, "arch": "x", "state_dict": state, "best_acc1": torch.tensor(0.5),
                 "optimizer": trained(model).state_dict()}  # as torch's imagenet example
        self.check(value, "state_dict")


class BarePickles(OracleTest):
    def dump(self, value, protocol):
        path = self.folder / "model.pkl"
        path.write_bytes(pickle.dumps(value, protocol))
        return path

    def test_state_dicts_and_modules(self):
        """Each storage is a whole legacy stream inside a byte string."""
        model = small()
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            for value in (model.state_dict(), model, {"state_dict": model.state_dict(), "epoch": 3}):
                with self.subTest(protocol=protocol, kind=type(value).__name__):
                    self.assert_converts(self.dump(value, protocol), model.state_dict())

    def test_views_keep_what_they_show(self):
        base = torch.arange(24, dtype=torch.int16).reshape(4, 6)
        value = {"base": base, "t": base.t(), "tail": base[2:, 1::2], "wide": base[:1].expand(3, 6)}
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                self.assert_converts(self.dump(value, protocol), value)

    def test_paddle_and_detectron2(self):
        arrays = {name: t.numpy() for name, t in small().state_dict().items()}
        tensors = {name: torch.from_numpy(a) for name, a in arrays.items()}
        for protocol in PROTOCOLS:
            names = {"StructuredToParameterName@@": {name: "linear_0" for name in arrays}}
            self.assert_converts(self.dump({**arrays, **names}, protocol), tensors)
            value = {"model": arrays, "__author__": "x", "matching_heuristics": True}
            self.assert_converts(self.dump(value, protocol), tensors)

    def test_a_stream_in_bytes_of_a_pickle_in_bytes(self):
        """Three levels, as skorch's nets have them."""
        state = small().state_dict()
        file = io.BytesIO()
        torch.save(state, file, _use_new_zipfile_serialization=False)
        for inner in (pickle.dumps({"module_": state}, 2), file.getvalue()):
            net = types.SimpleNamespace(verbose=1)
            net.__dict__["__cuda_dependent_attributes__"] = inner
            with self.subTest(size=len(inner)):
                names = {name.split(".", 1)[-1] for name in self.names(self.dump({"net": net}, 4))}
                self.assertTrue(all(any(name.endswith(key) for name in names) for key in state), names)

    def names(self, path):
        _, document = self.convert(path, "--select", "all")
        return [name for name in parsed(document)[0] if name != "__metadata__"]


class Installed(OracleTest):
    """The frameworks themselves, where the machine has them."""

    @installed("skorch")
    def test_a_skorch_net(self):
        import skorch

        x = numpy.random.default_rng(1).standard_normal((12, 4)).astype("float32")
        y = (x[:, 0] > 0).astype("int64")
        net = skorch.NeuralNetClassifier(small(), criterion=nn.CrossEntropyLoss, max_epochs=1, verbose=0)
        net.fit(x, y)
        for protocol in PROTOCOLS:
            path = self.folder / "net.pkl"
            path.write_bytes(pickle.dumps(net, protocol))
            with self.subTest(protocol=protocol):
                self.assert_converts(path, net.module_.state_dict())

    @installed("joblib")
    def test_a_joblib_dump_of_tensors(self):
        import joblib

        value = {"weight": torch.arange(6.0).reshape(2, 3), "array": numpy.arange(4)}
        path = self.folder / "model.joblib"
        joblib.dump(value, path)
        self.assert_converts(path, {**value, "array": torch.arange(4)}, "--select", "all")

    @installed("cloudpickle")
    def test_a_class_by_value(self):
        import cloudpickle

        scope = {"nn": nn, "__name__": "__main__"}
        exec("class Net(nn.Sequential):\n    extra = 3\n", scope)
        model = scope["Net"](nn.Linear(2, 3))
        path = self.folder / "model.pkl"
        path.write_bytes(cloudpickle.dumps(model))
        self.assert_converts(path, model.state_dict())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    unittest.main()
