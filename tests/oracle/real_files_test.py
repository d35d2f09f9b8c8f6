"""Do checkpoints that others made convert to what torch and safetensors give?"""

import os
import unittest
from pathlib import Path

import safetensors.torch
import torch

from oracle import DATA, ROOT, OracleTest, flatten

DEEPMD = DATA / "deepmd"
FACENET = Path(os.environ.get("UNBRINE_FACENET", ROOT / "build/demo"))


class Deepmd(OracleTest):
    def test_training_checkpoint(self):
        path = DEEPMD / "model.ckpt-4.pt"
        loaded = self.load(path)
        self.assert_converts(path, flatten(loaded["model"]))
        for key in ("optimizer", "ema.model"):
            with self.subTest(select=key):
                value = loaded
                for part in key.split("."):
                    value = value[part]
                self.assert_converts(path, flatten(value), "--select", key)
        self.assert_converts(path, flatten(loaded), "--select", "all")

    def test_averaged_copy(self):
        path = DEEPMD / "model_ema.ckpt-4.pt"
        self.assert_converts(path, flatten(self.load(path)["model"]))

    def test_frozen_model_has_the_weights_of_its_checkpoint(self):
        """torch 2.13 cannot load this archive, as its operators have changed since; the training
        checkpoint that it was frozen from says what is in it."""
        prefix = "model.Default."
        trained = flatten(self.load(DEEPMD / "model.ckpt-4.pt")["model"])
        trained = {name.removeprefix(prefix): tensor for name, tensor in trained.items()}
        _, document = self.convert(DEEPMD / "frozen_model.pth")
        frozen = safetensors.torch.load(document)
        masks = {"atomic_model.descriptor.sea.emask.type_mask",
                 "atomic_model.fitting_net.emask.type_mask"}
        self.assertEqual(set(frozen) - masks, set(trained))
        for name, tensor in trained.items():
            self.assertTrue(torch.equal(frozen[name], tensor), name)


class Facenet(OracleTest):
    def test_three_legacy_files(self):
        for name in ("pnet.pt", "rnet.pt", "onet.pt"):
            with self.subTest(name=name):
                found = sorted(FACENET.rglob(name))
                if not found:
                    self.skipTest(f"{name} is not below {FACENET}: ./quickstart.sh fetches it")
                self.assert_converts(found[0], self.load(found[0]))


if __name__ == "__main__":
    unittest.main()
