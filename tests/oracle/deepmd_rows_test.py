"""Do DeePMD-kit's checkpoints convert, and come back as files that DeePMD-kit reads?

The files are two that it wrote (tests/data/deepmd). It needs a torch of its own, so what torch
loads from them stands for the live model; `dp` reads what torch.load(weights_only=True) gives.
"""

import json
import shutil
import unittest
import warnings
from collections import OrderedDict

import numpy
import torch
from torch.serialization import get_unsafe_globals_in_checkpoint

from oracle import DATA, flatten
from rows import RowTest, tensors_of

CHECKPOINT = "model.ckpt-4.pt"
FROZEN = "frozen_model.pth"


def cast_statistics(tensor):
    """The largest absolute and relative error of a cast to float32, in double arithmetic."""
    source = tensor.numpy().astype(numpy.float64)
    error = numpy.abs(source.astype(numpy.float32).astype(numpy.float64) - source)
    errors = {"max_abs_error": error.max(initial=0.0)}
    errors["max_rel_error"] = (error[source != 0] / numpy.abs(source[source != 0])).max(initial=0.0)
    return {"overflowed": 0, "became_nan": 0, **errors}


class Deepmd(RowTest):
    def setUp(self):
        super().setUp()
        for name in (CHECKPOINT, FROZEN):
            shutil.copy(DATA / "deepmd" / name, self.folder)
        self.source = self.load(self.folder / CHECKPOINT)
        self.weights = flatten(self.source["model"])

    def test_d1_the_training_checkpoint(self):
        self.run_row(f"unbrine convert {CHECKPOINT} -o ck/")
        self.assert_counts("ck", model=54, optimizer=66, ema=26)  # 146
        self.assert_holds("ck/model.safetensors", self.weights)
        self.assert_holds("ck/optimizer.safetensors", flatten(self.source["optimizer"]))
        self.assert_holds("ck/ema.safetensors", flatten(self.source["ema"]))
        self.assert_same(self.tree("ck"), self.source)

    def test_d1_the_extra_state_is_plain_json(self):
        """DeePMD-kit keeps its architecture inside the state dict: ints stay ints, null null."""
        self.run_row(f"unbrine convert {CHECKPOINT} -o ck/")
        document = json.loads((self.folder / "ck/state.json").read_text())
        model = document["tree"]["model"]
        extra = model.get("$odict", model)["_extra_state"]
        self.assert_same(extra, self.source["model"]["_extra_state"])
        self.assertIsNone(extra["model_params"]["fitting_net"]["default_fparam"])
        state = OrderedDict(tensors_of(self.folder / "ck/model.safetensors"), _extra_state=extra)
        self.assertEqual(set(state), set(self.source["model"]))

    def test_d2_the_frozen_model(self):
        """The 54 weights and two masks, which are plain attributes of the live model, without torch
        or DeePMD-kit's operators; its program stays behind."""
        run = self.run_row(f"unbrine convert {FROZEN} -o frozen.safetensors")
        self.assertRegex(run.stderr, r"program.* not carried")
        trained = {name.removeprefix("model.Default."): t for name, t in self.weights.items()}
        self.check_frozen(trained)

    def test_d2_with_the_wrappers_names(self):
        self.run_row(f"unbrine convert {FROZEN} -o frozen.safetensors --add-prefix model.Default.")
        self.check_frozen(self.weights)

    def check_frozen(self, trained):
        frozen = tensors_of(self.folder / "frozen.safetensors")
        masks = {name for name in frozen if name.endswith(".emask.type_mask")}
        self.assertEqual((len(masks), len(trained)), (2, 54))
        self.assertEqual(frozen.keys() - masks, trained.keys())
        for name, tensor in trained.items():
            self.assert_same(frozen[name], tensor, name)

    def test_d3_back_to_torch(self):
        """Only names that torch allows; the same object and the same bits."""
        self.run_row(f"unbrine convert {CHECKPOINT} --to torch -o clean.pt")
        path = self.folder / "clean.pt"
        self.assertEqual(get_unsafe_globals_in_checkpoint(path), [])
        self.assert_same(torch.load(path, weights_only=True), self.source)
        self.assert_same(torch.load(path, weights_only=True, mmap=True), self.source)

    def test_d4_verify(self):
        self.run_row(f"unbrine convert {CHECKPOINT} -o ck/")
        self.run_row(f"unbrine verify ck/ --against {CHECKPOINT}")
        self.run_row("unbrine verify ck/")
        for name in ("model", "ema", "optimizer"):
            with self.subTest(file=name):
                self.check_a_flipped_byte(f"ck/{name}.safetensors")

    def check_a_flipped_byte(self, name):
        path = self.folder / name
        document = bytearray(path.read_bytes())
        size = int.from_bytes(document[:8], "little")
        header = json.loads(document[8 : 8 + size])
        header.pop("__metadata__")
        begins = {n: e["data_offsets"][0] for n, e in header.items() if 0 not in e["shape"]}
        tensor = sorted(begins)[3]
        at = 8 + size + begins[tensor]
        document[at] ^= 1
        path.write_bytes(document)
        for against in (f" --against {CHECKPOINT}", ""):
            run = self.run_row("unbrine verify ck/" + against, code=1)
            self.assertIn(tensor, run.stdout + run.stderr)
        document[at] ^= 1
        path.write_bytes(document)
        self.run_row(f"unbrine verify ck/ --against {CHECKPOINT}")

    def test_d5_single_precision(self):
        """Half the size; the errors in the manifest; integers as they were."""
        model = {**self.weights, "steps": torch.arange(-3, 2**40, 2**37)}
        model["on"] = torch.tensor([True, False])
        model["epoch"] = torch.tensor(4, dtype=torch.int32)
        self.save({"model": model}, "m.pt")
        self.run_row("unbrine convert m.pt --dtype F64=F32")
        expected = {n: t.float() if t.dtype == torch.float64 else t for n, t in model.items()}
        self.assert_holds("m.safetensors", expected)
        run = self.run_row("unbrine convert m.pt --dtype F64=F32 --overwrite --json")
        for row in json.loads(run.stdout)["tensors"]:
            tensor = model[row["name"]]
            wanted = cast_statistics(tensor) if tensor.dtype == torch.float64 else None
            self.assertEqual(row.get("cast"), wanted, row["name"])
            self.assertEqual(row["source_dtype"], str(tensor.dtype).removeprefix("torch."))

    def test_d5_the_checkpoint_itself(self):
        shutil.copy(self.folder / CHECKPOINT, self.folder / "m.pt")
        self.run_row("unbrine convert m.pt --dtype F64=F32")
        single = tensors_of(self.folder / "m.safetensors")
        self.assert_same_state(dict(sorted(single.items())),
                               {n: t.float() for n, t in sorted(self.weights.items())})
        data = sum(t.nbytes for t in single.values())
        self.assertEqual(2 * data, sum(t.nbytes for t in self.weights.values()))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    unittest.main()
