"""Are shards those that huggingface_hub would write, and one model again for who reads them?"""

import json
import unittest

import huggingface_hub
import safetensors.torch
import torch

from oracle import OracleTest, expected_bytes

STATE = {f"layer.{i}.weight": torch.full((20 + 7 * i,), float(i)) for i in range(12)} | {
    "steps": torch.arange(40),
    "flags": torch.tensor([True, False]),
}
BYTES = sum(tensor.nbytes for tensor in STATE.values())


class Sharded(OracleTest):
    def shard(self, path, size, *options):
        """Converts to shards; the run, and all that it wrote."""
        folder = self.folder / "shards"
        folder.mkdir()
        run = self.unbrine("convert", path, "-o", folder / "model.safetensors",
                           "--max-shard-size", size, *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        return folder, sorted(file.name for file in folder.iterdir())

    def test_a_shard_size_smaller_than_a_tensor(self):
        path = self.save(STATE)
        run = self.unbrine("convert", path, "-o", self.folder / "model.safetensors",
                           "--max-shard-size", "300")
        self.assertEqual(run.returncode, 2)
        self.assertIn("'layer.8.weight'", run.stderr)
        self.assertEqual([file.name for file in self.folder.iterdir()], [path.name])

    def test_shards_are_those_of_huggingface_hub(self):
        folder, names = self.shard(self.save(STATE), "1000")
        split = huggingface_hub.split_torch_state_dict_into_shards(
            STATE, filename_pattern="model{suffix}.safetensors", max_shard_size=1000)
        written = [*split.filename_to_tensors, "model.safetensors.index.json"]
        self.assertEqual(names, sorted(written))
        for file, held in split.filename_to_tensors.items():
            expected = expected_bytes({name: STATE[name] for name in held})
            self.assertEqual((folder / file).read_bytes(), expected)
        index = json.loads((folder / "model.safetensors.index.json").read_text())
        self.assertEqual(index["weight_map"], split.tensor_to_filename)
        self.assertEqual(index["metadata"]["total_size"], split.metadata["total_size"])
        self.assertEqual(index["metadata"]["total_parameters"],
                         sum(tensor.numel() for tensor in STATE.values()))

    def test_huggingface_hub_loads_them(self):
        folder, _ = self.shard(self.save(STATE), "1KB")
        model = torch.nn.Module()
        for name, tensor in STATE.items():
            model.register_buffer(name.replace(".", "_"), torch.zeros_like(tensor))
        # the state dict's own names, through a module that takes any
        model.load_state_dict = lambda state, **_: self.loaded.update(state)
        self.loaded = {}
        huggingface_hub.load_torch_model(model, folder, strict=False)
        for name, tensor in self.loaded.items():
            torch.testing.assert_close(tensor, STATE[name], rtol=0, atol=0)
        self.assertEqual(self.loaded.keys(), STATE.keys())

    def test_one_shard_is_a_plain_file(self):
        folder, names = self.shard(self.save(STATE), str(BYTES))
        self.assertEqual(names, ["model.safetensors"])
        self.assertEqual((folder / names[0]).read_bytes(), expected_bytes(STATE))

    def test_they_merge_again(self):
        folder, _ = self.shard(self.save(STATE), "1KB")
        for path in (folder, folder / "model.safetensors.index.json"):
            self.assert_converts(path, STATE)

    def test_shards_become_other_shards(self):
        folder, names = self.shard(self.save(STATE), "1KB")
        self.folder = self.folder / "again"
        self.folder.mkdir()
        again, fewer = self.shard(folder, "2KB")
        self.assertLess(len(fewer), len(names))
        self.assert_converts(again, STATE)

    def test_aliases_are_recorded_with_the_kept_tensor(self):
        tied = torch.ones(100)
        path = self.save({"a": torch.zeros(100), "b": tied, "c": tied})
        folder, _ = self.shard(path, "400", "--aliases", "keep-one")
        index = json.loads((folder / "model.safetensors.index.json").read_text())
        self.assertEqual(set(index["weight_map"]), {"a", "b"})
        with safetensors.safe_open(folder / index["weight_map"]["b"], "pt") as shard:
            self.assertEqual(shard.metadata(), {"format": "pt", "c": "b"})
        with safetensors.safe_open(folder / index["weight_map"]["a"], "pt") as shard:
            self.assertEqual(shard.metadata(), {"format": "pt"})

    def test_sizes_count_what_is_written(self):
        _, names = self.shard(self.save({"a": torch.ones(100), "b": torch.ones(100)}), "400",
                              "--dtype", "F16")
        self.assertEqual(names, ["model.safetensors"])


if __name__ == "__main__":
    unittest.main()
