"""Do timm's checkpoints convert, load again with timm, and train on as if never interrupted?

Written by timm's own CheckpointSaver and save_for_hf; compared with the live model.
"""

import argparse
import hashlib
import os
import unittest
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from torch.nn.functional import cross_entropy

from rows import RowTest

try:
    import torchvision
except RuntimeError:
    # torchvision's compiled operators need a torch for CUDA. Beside one for CPU alone its import
    # fails over two operators without a declaration; timm uses neither.
    operators = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        operators.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

import timm
from timm.models import load_checkpoint
from timm.models._hub import HASH_REGEX, save_for_hf
from timm.utils import CheckpointSaver, ModelEmaV3, NativeScaler

OPTIONS = argparse.Namespace(
    model="test_resnet", data_dir="/data/imagenet", num_classes=10, opt="adamw", opt_betas=None,
    lr=5e-4, weight_decay=0.1 + 0.2, mean=(0.485, 0.456, 0.406), decay_milestones=[90, 180, 270],
    amp=True, crop_pct=None, seed=42)


def distributed(model):
    """The model as one process of a group of one trains it."""
    if not torch.distributed.is_initialized():
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
        torch.distributed.init_process_group(
            "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    return torch.nn.parallel.DistributedDataParallel(model)


def create():
    return timm.create_model("test_resnet", num_classes=10)


class Training:
    """A model in training, as timm's train.py has it: with a moving average and a loss scaler."""

    def __init__(self):
        torch.manual_seed(11)
        self.model = create()
        self.average = ModelEmaV3(self.model, decay=0.9)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=OPTIONS.lr)
        self.scaler = NativeScaler("cpu")

    def step(self, seed):
        generator = torch.Generator().manual_seed(seed)
        images = torch.randn(4, 3, 64, 64, generator=generator)
        self.model.train()
        self.optimizer.zero_grad()
        loss = cross_entropy(self.model(images), torch.arange(4))
        self.scaler(loss, self.optimizer, clip_grad=1.0, parameters=self.model.parameters())
        self.average.update(self.model)
        return self

    def save(self, folder, wrap=None, metric=71.25):
        """wrap: what the model is trained in; the saver then keeps the wrapper's names."""
        folder.mkdir(exist_ok=True)
        model, average = self.model, self.average
        unwrap = {}
        if wrap:
            model, average = wrap(self.model), wrap(self.average.module)
            unwrap = {"unwrap_fn": lambda wrapped: wrapped}
        saver = CheckpointSaver(model, self.optimizer, OPTIONS, average, self.scaler,
                                checkpoint_dir=str(folder), **unwrap)
        saver.save_checkpoint(3, metric)
        return saver


class Timm(RowTest):
    def setUp(self):
        super().setUp()
        self.training = Training().step(1).step(2)

    def load_back(self, name):
        """The file's tensors in a new model, by timm."""
        model = create()
        load_checkpoint(model, str(self.folder / name))
        return model.state_dict()

    def test_t1_the_average_is_created_from_its_file(self):
        self.training.save(self.folder)
        self.run_row("unbrine convert last.pth.tar --select ema -o last.safetensors")
        average = self.training.average.module.state_dict()
        self.assertEqual(len(average), 92)
        self.assert_holds("last.safetensors", average)
        model = timm.create_model("test_resnet", num_classes=10,
                                  checkpoint_path=str(self.folder / "last.safetensors"))
        self.assert_same_state(model.state_dict(), average)

    def test_t2_a_hub_folder_keeps_its_config(self):
        save_for_hf(self.training.model, self.folder)
        self.run_row("unbrine convert pytorch_model.bin -o hub/ --carry config.json")
        hub = self.folder / "hub"
        self.assertEqual((hub / "config.json").read_bytes(), (self.folder / "config.json").read_bytes())
        self.assert_holds("hub/model.safetensors", self.training.model.state_dict())
        model = timm.create_model(f"local-dir:{hub}", pretrained=True)
        self.assert_same_state(model.state_dict(), self.training.model.state_dict())

    def test_t3_prefixes_of_wrappers_come_off(self):
        self.training.save(self.folder)
        self.training.save(self.folder / "ddp_train", distributed)
        self.training.save(self.folder / "compiled_train", torch.compile)
        self.run_row("unbrine convert last.pth.tar -o plain.safetensors")
        self.run_row("unbrine convert ddp_train/last.pth.tar -o a.safetensors --strip-prefix module.")
        self.run_row("unbrine convert compiled_train/last.pth.tar -o b.safetensors"
                     " --strip-prefix _orig_mod.")
        for name in ("plain", "a", "b"):
            with self.subTest(name=name):
                self.assert_holds(name + ".safetensors", self.training.model.state_dict())
                self.assert_same_state(self.load_back(name + ".safetensors"),
                                       self.training.model.state_dict())

    def test_t3_without_the_option_the_prefix_stays_and_is_named(self):
        self.training.save(self.folder / "ddp_train", distributed)
        run = self.run_row("unbrine convert ddp_train/last.pth.tar -o a.safetensors")
        self.assertIn("--strip-prefix module.", run.stderr)
        self.assert_holds("a.safetensors",
                          {"module." + k: v for k, v in self.training.model.state_dict().items()})

    def test_t4_the_whole_training_state(self):
        saver = self.training.save(self.folder)
        self.run_row("unbrine convert last.pth.tar -o last/")
        self.assert_counts("last", model=92, model_ema=92, optimizer=141)
        self.assert_holds("last/model.safetensors", self.training.model.state_dict())
        self.assert_holds("last/model_ema.safetensors", self.training.average.module.state_dict())
        tree = self.tree("last")
        for key, live in {
            "state_dict": self.training.model.state_dict(), "metric": 71.25, "epoch": 3,
            "state_dict_ema": self.training.average.module.state_dict(), "version": 2,
            "optimizer": self.training.optimizer.state_dict(), "arch": "test_resnet",
            "amp_scaler": self.training.scaler.state_dict(),
        }.items():
            self.assert_same(tree[key], live, key)
        self.assert_same(tree["saver"]["pending"], (3, 71.25))
        self.assertEqual(saver.best_metric, 71.25)
        self.check_options(tree["args"])

    def check_options(self, record):
        """argparse.Namespace comes back as a record: its class by name, its attributes."""
        self.assertEqual(record.unbrine.class_name, "argparse.Namespace")
        self.assert_same(vars(record), vars(OPTIONS))

    def test_t4_training_goes_on_to_the_same_bits(self):
        self.training.save(self.folder)
        self.run_row("unbrine convert last.pth.tar -o last/")
        tree = self.tree("last")
        resumed = Training()
        resumed.model.load_state_dict(tree["state_dict"])
        resumed.average.module.load_state_dict(tree["state_dict_ema"])
        resumed.optimizer.load_state_dict(tree["optimizer"])
        resumed.scaler.load_state_dict(tree["amp_scaler"])
        for training in (self.training, resumed):
            training.step(3)
        self.assert_same(resumed.model.state_dict(), self.training.model.state_dict())
        self.assert_same(resumed.average.module.state_dict(), self.training.average.module.state_dict())
        self.assert_same(resumed.optimizer.state_dict(), self.training.optimizer.state_dict())
        self.assert_same(resumed.scaler.state_dict(), self.training.scaler.state_dict())

    def test_t6_an_old_file(self):
        state = self.training.model.state_dict()
        self.save(state, "resnet_legacy.pth", _use_new_zipfile_serialization=False)
        self.run_row("unbrine convert resnet_legacy.pth")
        self.assert_holds("resnet_legacy.safetensors", state)
        self.assert_same_state(self.load_back("resnet_legacy.safetensors"), state)

    def test_t7_the_hash_in_the_name_is_that_of_the_file(self):
        """clean_checkpoint.py names its output STEM-<first 8 digits of SHA-256>; timm's download
        checks what HASH_REGEX finds in the name."""
        self.save(self.training.model.state_dict(), "test_resnet.pth")
        self.run_row("unbrine convert test_resnet.pth --hash-name")
        (output,) = self.folder.glob("*.safetensors")
        self.assertRegex(output.name, r"^test_resnet-[0-9a-f]{8}\.safetensors$")
        digits = hashlib.sha256(output.read_bytes()).hexdigest()
        self.assertEqual(HASH_REGEX.search(output.name)[1], digits[:8])
        self.assert_holds(output.name, self.training.model.state_dict())
        self.assert_same_state(self.load_back(output.name), self.training.model.state_dict())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    unittest.main()
