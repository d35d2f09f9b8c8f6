"""What convert_bench.py needs torch for, each as a process of its own.

torch_convert.py convert IN OUT                the usual way: torch.load + save_file
torch_convert.py generate OUT KIND SIZE COUNT  random F32 weights, SIZE bytes in COUNT tensors, the
                                               same in every container
"""

import gzip
import json
import pickle
import shutil
import sys
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file


def convert(source, target):
    save_file(torch.load(source, weights_only=True), target, metadata={"format": "pt"})


def save_torch(tensors, target, kind):
    torch.save(tensors, target, _use_new_zipfile_serialization=kind != "legacy")


def save_pickle(tensors, target, _):
    with open(target, "wb") as file:
        pickle.dump(tensors, file, 4)


def save_npz(tensors, target, _):
    with open(target, "wb") as file:
        numpy.savez(file, **{name: tensor.numpy() for name, tensor in tensors.items()})


def save_joblib(tensors, target, _):
    import joblib

    joblib.dump({name: tensor.numpy() for name, tensor in tensors.items()}, target)


def save_gzip(tensors, target, _):
    save_torch(tensors, f"{target}.plain", "zip")
    with open(f"{target}.plain", "rb") as plain, gzip.open(target, "wb", 1) as packed:
        shutil.copyfileobj(plain, packed, 1 << 20)
    Path(f"{target}.plain").unlink()


def save_shards(tensors, target, _):
    """Four shards and the index of Hugging Face."""
    Path(target).mkdir()
    names, weight_map = list(tensors), {}
    for i in range(4):
        file = f"pytorch_model-{i + 1:05}-of-00004.bin"
        shard = {name: tensors[name] for name in names[i::4]}
        torch.save(shard, Path(target, file))
        weight_map.update(dict.fromkeys(shard, file))
    Path(target, "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))


def save_dcp(tensors, target, _):
    from torch.distributed import checkpoint

    checkpoint.save(tensors, checkpoint_id=target, no_dist=True)


SAVERS = {
    "zip": save_torch, "legacy": save_torch, "pickle": save_pickle, "npz": save_npz,
    "joblib": save_joblib, "gzip": save_gzip, "shards": save_shards, "dcp": save_dcp,
}


def generate(target, kind, size, count):
    torch.manual_seed(0)
    elements = int(size) // int(count) // 4
    tensors = {f"layers.{i}.weight": torch.randn(elements) for i in range(int(count))}
    SAVERS[kind](tensors, target, kind)


if __name__ == "__main__":
    {"convert": convert, "generate": generate}[sys.argv[1]](*sys.argv[2:])
