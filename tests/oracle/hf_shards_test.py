"""Do shards become the one state dict that their index describes?"""

import json
import unittest

import safetensors.torch
import torch

from oracle import OracleTest

SHARDS = [
    {"embed.weight": torch.arange(12.0).reshape(4, 3), "layer.0.bias": torch.ones(3).half()},
    {"layer.1.weight": torch.arange(6).reshape(3, 2).t(), "head.weight": torch.zeros(2, 3)},
]


class HfShards(OracleTest):
    def write(self, suffix, stem, save):
        files = [f"{stem}-{i + 1:05}-of-{len(SHARDS):05}.{suffix}" for i in range(len(SHARDS))]
        for file, shard in zip(files, SHARDS):
            save({name: tensor.contiguous() for name, tensor in shard.items()}, self.folder / file)
        sizes = [tensor.nbytes for shard in SHARDS for tensor in shard.values()]
        weight_map = {name: file for file, shard in zip(files, SHARDS) for name in shard}
        index = {"metadata": {"total_size": sum(sizes)}, "weight_map": weight_map}
        path = self.folder / f"{stem}.{suffix}.index.json"
        path.write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
        (self.folder / "config.json").write_text("{}")
        return path

    def assert_whole(self, path):
        tensors = {name: tensor for shard in SHARDS for name, tensor in shard.items()}
        return self.assert_converts(path, tensors)

    def test_pickled_shards(self):
        index = self.write("bin", "pytorch_model", torch.save)
        self.assertEqual(self.assert_whole(self.folder).stderr, "")
        self.assert_whole(index)

    def test_legacy_shards(self):
        save = lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False)
        self.write("bin", "diffusion_pytorch_model", save)
        self.assert_whole(self.folder)

    def test_safetensors_shards(self):
        self.write("safetensors", "model", safetensors.torch.save_file)
        self.assert_whole(self.folder)

    def test_both_kinds_side_by_side(self):
        pickled = self.write("bin", "pytorch_model", torch.save)
        self.write("safetensors", "model", safetensors.torch.save_file)
        self.assertIn("of two indexes", self.assert_whole(self.folder).stderr)
        self.assertEqual(self.assert_whole(pickled).stderr, "")

    def test_one_file_and_its_configuration(self):
        torch.save(SHARDS[0], self.folder / "pytorch_model.bin")
        torch.save({"lr": 0.1}, self.folder / "training_args.bin")
        (self.folder / "config.json").write_text("{}")
        run = self.assert_converts(self.folder, SHARDS[0])
        self.assertIn("'pytorch_model.bin' is read", run.stderr)


if __name__ == "__main__":
    unittest.main()
