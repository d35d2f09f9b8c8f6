"""Do folders of torch.distributed.checkpoint become what dcp_to_torch_save makes of them?"""

import functools
import os
import socket
import unittest

import torch
import torch.distributed
import torch.distributed.checkpoint as dcp
import torch.multiprocessing
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save
from torch.distributed.tensor import DeviceMesh, Replicate, Shard, distribute_tensor

from oracle import OracleTest, flatten


def numbers(*shape, start=0.0):
    count = torch.Size(shape).numel()
    return (torch.arange(float(count)) + start).reshape(shape)


def sharded(mesh):
    """Tensors cut along the first and the second dimension, evenly and not, and plain ones."""

    def cut(tensor, placement):
        return distribute_tensor(tensor, mesh, [placement])

    images = numbers(6, 3, 4, 5).to(memory_format=torch.channels_last)
    return {
        "model": {
            "rows": cut(numbers(7, 3), Shard(0)),
            "columns": cut(numbers(4, 5, start=100), Shard(1)),
            "cube": cut(numbers(3, 4, 5), Shard(1)),
            "few": cut(numbers(1, 2), Shard(0)),
            "long": cut(numbers(3, 20001), Shard(1)),
            "bytes": cut(torch.arange(13, dtype=torch.uint8).reshape(1, 13), Shard(1)),
            "halves": cut(numbers(5, 2).bfloat16(), Shard(0)),
            "truths": cut(numbers(4, 3) > 5, Shard(0)),
            "complex": cut(torch.view_as_complex(numbers(5, 3, 2)), Shard(1)),
            "turned": cut(numbers(6, 4).t(), Shard(0)),
            "images": cut(images, Shard(0)),
            "everywhere": cut(numbers(3, 3), Replicate()),
            "plain": torch.arange(5),
            "scalar": torch.tensor(3.5),
            "empty": torch.zeros(0, 3),
        },
        "optimizer": {
            "state": {0: {"exp_avg": cut(numbers(7, 3), Shard(0)), "step": torch.tensor(4.0)}},
            "param_groups": [{"lr": 0.1, "params": [0, 1]}],
        },
        "list": [torch.ones(2), {"x": torch.zeros(2)}, 5],
        "epoch": 3,
        "a.b": torch.ones(1),
    }


def save(rank, ranks, port, folder):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.distributed.init_process_group("gloo", rank=rank, world_size=ranks)
    dcp.save(sharded(DeviceMesh("cpu", list(range(ranks)))), checkpoint_id=folder)
    torch.distributed.destroy_process_group()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Dcp(OracleTest):
    def assert_as_torch(self, folder):
        merged = self.folder / "merged.pt"
        dcp_to_torch_save(folder, merged)
        loaded = self.load(merged)
        self.assert_converts(folder, flatten(loaded), "--select", "all")
        return loaded

    def test_several_ranks(self):
        for ranks in (2, 3):
            with self.subTest(ranks=ranks):
                folder = self.folder / f"of_{ranks}"
                arguments = (ranks, free_port(), folder)
                torch.multiprocessing.spawn(save, arguments, nprocs=ranks)
                loaded = self.assert_as_torch(folder)
                self.assert_converts(folder, flatten(loaded["model"]))

    def test_one_process(self):
        folder = self.folder / "alone"
        state = {"model": {"w": numbers(4, 3).t(), "b": torch.ones(3)}, "names": ["a", "b"]}
        dcp.save(state, checkpoint_id=folder, no_dist=True)
        self.assert_as_torch(folder)

    def test_several_files_of_one_rank(self):
        folder = self.folder / "files"
        save = functools.partial(dcp.save, no_dist=True)
        writer = dcp.FileSystemWriter(folder, single_file_per_rank=False)
        save({str(i): torch.full((i,), float(i)) for i in range(5)}, storage_writer=writer)
        self.assertGreater(len(list(folder.glob("*.distcp"))), 4)
        self.assert_as_torch(folder)

    def test_a_part_that_is_lost_is_missed(self):
        folder = self.folder / "lost"
        dcp.save({"w": torch.ones(3)}, checkpoint_id=folder, no_dist=True)
        (folder / "__0_0.distcp").rename(folder / "__1_0.distcp")
        self.assertIn("'__0_0.distcp' is not in the folder", self.assert_refused(folder, 5).stderr)


if __name__ == "__main__":
    unittest.main()
