"""torch.package, torch.export, DCP of two ranks, compressed files, NeMo: python containers.py OUT

Names of makers may follow, to run only these: python containers.py OUT package export
"""

import bz2
import gzip
import io
import lzma
import os
import pathlib
import subprocess
import sys
import tarfile
import warnings
import zlib
from collections import OrderedDict

import torch
from torch import nn

from walk import expect

warnings.simplefilter("ignore")
torch.manual_seed(1)
OUT = pathlib.Path(sys.argv[1], "container")
OUT.mkdir(parents=True, exist_ok=True)
VERSION = ".".join(torch.__version__.split(".")[:2])


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.norm = nn.BatchNorm1d(2)
        self.register_buffer("table", torch.arange(3))
        self.register_buffer("dropped", torch.arange(4.0), persistent=False)
        self.constant = torch.tensor([0.5, 1.5])

    def forward(self, x):
        return self.norm(self.linear(x)) + self.dropped.sum() + self.constant


def package():
    from torch.package import PackageExporter

    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    state = model.state_dict()
    path = OUT / f"one.torch{VERSION}.package"
    with PackageExporter(str(path)) as exporter:
        exporter.extern(["torch.**", "sys", "collections"])
        exporter.save_pickle("model", "model.pkl", state)
    expect(str(path), {"all": state})
    path = OUT / f"several.torch{VERSION}.package"
    with PackageExporter(str(path)) as exporter:
        exporter.extern(["torch.**", "sys", "collections"])
        exporter.save_pickle("models.first", "weights.pkl", {"state_dict": state, "epoch": 3})
        exporter.save_pickle("models", "module.pkl", model)
        exporter.save_text("models", "readme.txt", "text")
        exporter.save_source_string("models.code", "x = 1\n")
    expect(str(path), {"all": {"models/first/weights": {"state_dict": state}, "models/module": model}})


def export():
    model = Small().eval()
    program = torch.export.export(model, (torch.randn(2, 3),))
    path = OUT / f"export.torch{VERSION}.pt2"
    torch.export.save(program, str(path))
    expect(str(path), {"all": OrderedDict(program.state_dict)}, partial=True)


def dcp_two_ranks():
    """Started again as two processes by torchrun's environment variables."""
    folder = OUT / "dcp_two_ranks"
    command = [sys.executable, "-W", "ignore", __file__, sys.argv[1], "--rank"]
    ranks = [subprocess.Popen(command, env={**os.environ, "RANK": str(rank), "WORLD_SIZE": "2",
                                            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29571"})
             for rank in range(2)]
    assert [rank.wait() for rank in ranks] == [0, 0]
    expect(str(folder), {"all": sharded_values()})
    expect(str(OUT / "dtensor_of_two.pt"), {"all": {"rows": sharded_values()["model"]["rows"][:4]}},
           note="rank 0 of two: its shard alone", partial=True)


def sharded_values():
    grid = torch.arange(35.0).reshape(7, 5)
    return {"model": {"rows": grid, "columns": (grid * 2).int(), "replicated": grid[0] + 1,
                      "plain": torch.arange(3)}, "step": torch.tensor(4)}


def one_rank():
    import torch.distributed as dist
    import torch.distributed.checkpoint as checkpoint
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (2,))
    state = sharded_values()
    for name, placement in (("rows", Shard(0)), ("columns", Shard(1)), ("replicated", Replicate())):
        state["model"][name] = distribute_tensor(state["model"][name], mesh, [placement])
    checkpoint.save(state, checkpoint_id=str(OUT / "dcp_two_ranks"))
    dist.barrier()
    if dist.get_rank() == 0:
        torch.save({"rows": state["model"]["rows"]}, OUT / "dtensor_of_two.pt")
    dist.destroy_process_group()


def compressed():
    value = {"weight": torch.arange(12.0).reshape(3, 4), "steps": torch.tensor(7)}
    codecs = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zlib": zlib.compress,
              "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE)}
    for suffix, zipped in (("pt", True), ("legacy.pt", False)):
        file = io.BytesIO()
        torch.save(value, file, _use_new_zipfile_serialization=zipped)
        for name, codec in codecs.items():
            path = OUT / f"weights.{suffix}.{name}"
            path.write_bytes(codec(file.getvalue()))
            expect(str(path), {"": value, "all": value})


def nemo():
    state = Small().state_dict()
    file = io.BytesIO()
    torch.save(state, file)
    members = {"./model_config.yaml": b"target: small\nname: x\n", "./model_weights.ckpt": file.getvalue()}
    for suffix, mode in (("nemo", "w"), ("gz.nemo", "w:gz")):
        path = OUT / f"small.{suffix}"
        with tarfile.open(path, mode) as archive:
            for name, data in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        expect(str(path), {"": state, "all": state}, note="by hand: layout of NeMo's save_to")


if "--rank" in sys.argv:
    one_rank()
    sys.exit()
for make in (package, export, dcp_two_ranks, compressed, nemo):
    if len(sys.argv) > 2 and make.__name__ not in sys.argv[2:]:
        continue
    try:
        make()
    except Exception as error:
        print(f"{make.__name__}: {type(error).__name__}: {error}", file=sys.stderr)
        if "-v" in sys.argv:
            raise
