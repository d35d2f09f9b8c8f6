"""Which tensors of a training checkpoint are written, by default and by --select?"""

import argparse
import unittest

import torch
from torch import nn

from oracle import CONTAINERS, OracleTest, flatten


def trained():
    """A module after a step of Adam, so that the optimizer holds tensors too."""
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    return net, optimizer


def training_checkpoint():
    net, optimizer = trained()
    return {
        "epoch": 12,
        "model_state_dict": net.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "loss": torch.tensor(0.25),
    }


class Selection(OracleTest):
    def check(self, value, tensors, *options):
        for writer in CONTAINERS:
            with self.subTest(**writer):
                self.last_run = self.assert_converts(self.save(value, **writer), tensors, *options)

    def test_the_weights_are_written_and_the_rest_is_listed(self):
        value = training_checkpoint()
        self.check(value, value["model_state_dict"])
        for word in ("optimizer_state_dict", "loss", "--select"):
            self.assertIn(word, self.last_run.stdout)

    def test_customary_keys(self):
        state = trained()[0].state_dict()
        keys = ("state_dict", "model_state_dict", "module_state_dict", "model", "module", "net")
        for key in (*keys, "generator", "params"):
            with self.subTest(key=key):
                self.check({"step": 1, "extra": torch.ones(3), key: state}, state)

    def test_a_key_path(self):
        value = training_checkpoint()
        path = "optimizer_state_dict"
        self.check(value, flatten(value[path]), "--select", path)
        self.check(value, flatten(value[path]["state"][0]), "--select", path + ".state.0")

    def test_everything(self):
        value = training_checkpoint()
        self.check(value, flatten(value), "--select", "all")

    def test_one_tensor(self):
        value = training_checkpoint()
        for writer in CONTAINERS:
            path = self.save(value, **writer)
            _, document = self.convert(path, "--select", "loss")
            self.assertEqual(document[-4:], bytes.fromhex("0000803e"))  # 0.25

    def test_a_key_that_does_not_exist(self):
        path = self.save(training_checkpoint())
        output = self.folder / "out.safetensors"
        run = self.unbrine("convert", path, "-o", output, "--select", "modle")
        self.assertEqual(run.returncode, 2, run.stderr)
        self.assertIn("modle", run.stderr)
        self.assertIn("model_state_dict", run.stderr)  # what there is instead
        self.assertFalse(output.exists())

    def test_exponential_moving_average(self):
        """As timm saves it: a Namespace beside the weights, which weights_only refuses."""
        net, _ = trained()
        average = {name: tensor * 0.5 for name, tensor in net.state_dict().items()}
        value = {
            "state_dict": net.state_dict(),
            "state_dict_ema": average,
            "args": argparse.Namespace(model="resnet", lr=0.1, size=(3, 224, 224)),
            "arch": "resnet",
            "epoch": 3,
        }
        self.check(value, net.state_dict())
        self.check(value, average, "--select", "ema")

    def test_ema_where_there_is_none(self):
        path = self.save({"state_dict": trained()[0].state_dict()})
        output = self.folder / "out.safetensors"
        run = self.unbrine("convert", path, "-o", output, "--select", "ema")
        self.assertEqual(run.returncode, 2, run.stderr)
        self.assertFalse(output.exists())

    def test_a_state_dict_with_a_tensor_called_model_is_written_whole(self):
        value = {"model": torch.ones(2), "other": torch.zeros(3)}
        self.check(value, value)


if __name__ == "__main__":
    unittest.main()
