"""Do checkpoints that others made convert to what torch and safetensors give?"""

import os
import unittest
from pathlib import Path

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

    def test_frozen_model_is_torchscript_and_said_so(self):
        self.assertIn("TorchScript", self.assert_refused(DEEPMD / "frozen_model.pth", 7).stderr)


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
