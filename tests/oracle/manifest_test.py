"""Does a manifest say what was written, in the words of its schema?"""

import hashlib
import json
import unittest

import jsonschema
import safetensors
import torch

from oracle import ROOT, OracleTest

SCHEMA = json.loads((ROOT / "docs/unbrine.manifest.1.schema.json").read_text())

EMBEDDING = torch.randn(40, 3, dtype=torch.float64)
CHECKPOINT = {
    "model": {"embedding": EMBEDDING, "head": EMBEDDING.detach(), "steps": torch.tensor(7)},
    "optimizer": {"state": {0: torch.full((5,), 1e-3)}, "lr": 0.1},
    "size": torch.Size([1, 2]),
}


class Manifest(OracleTest):
    def setUp(self):
        super().setUp()
        self.source = self.folder / "last.pt"
        torch.save(CHECKPOINT, self.source)

    def manifest(self, *options):
        """Of a conversion with --json, held against the schema."""
        run = self.unbrine("convert", self.source, "--json", *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        manifest = json.loads(run.stdout)
        jsonschema.validate(manifest, SCHEMA)
        return manifest

    def rows(self, manifest):
        return {(row["file"], row["name"]): row for row in manifest["tensors"]}

    def test_of_a_folder_lists_every_file_and_tensor(self):
        out = self.folder / "out"
        config = self.folder / "config.json"
        config.write_text("{}")
        manifest = self.manifest("-o", f"{out}/", "--carry", config, "--sha256")
        self.assertEqual(manifest, json.loads((out / "manifest.json").read_text()))
        listed = {file["file"]: file for file in manifest["files"]}
        self.assertEqual(
            set(listed) | {"manifest.json", "SHA256SUMS"}, {path.name for path in out.iterdir()}
        )
        for name, file in listed.items():
            content = (out / name).read_bytes()
            self.assertEqual(file["size"], len(content))
            self.assertEqual(file["sha256"], hashlib.sha256(content).hexdigest())
        rows = self.rows(manifest)
        self.assertEqual(len(rows), 4)
        self.assertEqual(
            rows["optimizer.safetensors", "state.0"]["source"], "optimizer.state.0"
        )
        self.assertEqual(rows["model.safetensors", "head"]["alias_of"], "embedding")

    def test_places_are_those_of_the_file(self):
        out = self.folder / "out.safetensors"
        for row in self.manifest("-o", out)["tensors"]:
            content = out.read_bytes()[row["offset"] : row["offset"] + row["size"]]
            with safetensors.safe_open(out, framework="pt") as file:
                tensor = file.get_tensor(row["name"])
            self.assertEqual(content, tensor.numpy().tobytes())
            self.assertEqual(row["shape"], list(tensor.shape))
            self.assertEqual(f"torch.{row['source_dtype']}", str(tensor.dtype))

    def test_of_a_cast_tells_the_largest_errors(self):
        manifest = self.manifest("-o", self.folder / "out.safetensors", "--dtype", "F64=F32")
        rows = self.rows(manifest)
        cast = rows["out.safetensors", "embedding"]["cast"]
        error = (EMBEDDING.float().double() - EMBEDDING).abs()
        self.assertEqual(cast["max_abs_error"], error.max().item())
        self.assertEqual(cast["max_rel_error"], (error / EMBEDDING.abs()).max().item())
        self.assertNotIn("cast", rows["out.safetensors", "steps"])

    def test_names_that_are_kept_as_a_record_only(self):
        manifest = self.manifest("-o", self.folder / "out.safetensors", "--aliases", "keep-one")
        self.assertEqual(manifest["files"][0]["aliases"], {"head": "embedding"})

    def test_of_the_other_writers(self):
        clean = self.manifest("-o", self.folder / "clean.pt", "--to", "torch")
        self.assertEqual(clean["tensors"][0]["dtype"], "float64")
        blob = self.manifest("-o", self.folder / "out.blob", "--to", "blob")
        self.assertEqual([file["file"] for file in blob["files"]], ["out.blob", "out.blob.json"])
        shards = self.manifest("-o", self.folder / "s.safetensors", "--max-shard-size", "1000")
        self.assertEqual(len(shards["files"]), 3)

    def test_is_the_same_every_time(self):
        outputs = [self.folder / "a", self.folder / "b"]
        for out in outputs:
            self.manifest("-o", f"{out}/")
        first, second = ((out / "manifest.json").read_bytes() for out in outputs)
        self.assertEqual(first, second)

    def test_of_a_plan_has_the_same_parts(self):
        run = self.unbrine("convert", self.source, "--json", "--dry-run", "-o", f"{self.folder}/out/")
        self.assertEqual(run.returncode, 0, run.stderr)
        plan = json.loads(run.stdout)
        self.assertEqual(plan["schema"], "unbrine.plan/1")
        self.assertEqual(plan["bytes_needed"], sum(file["size"] for file in plan["files"]))
        self.assertGreater(plan["bytes_free"], 0)
        written = self.manifest("-o", f"{self.folder}/out/")
        self.assertEqual(
            [(file["file"], file["size"]) for file in plan["files"]],
            [(file["file"], file["size"]) for file in written["files"]],
        )


if __name__ == "__main__":
    unittest.main()
