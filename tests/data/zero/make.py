"""Trains a tiny net for two steps with DeepSpeed ZeRO on CPU ranks, saves it as DeepSpeed does, and
has DeepSpeed's own script merge the weights: python make.py, in an empty folder.
"""

import os
import sys
from pathlib import Path

import safetensors.torch
import torch
import torch.distributed
import torch.multiprocessing

CASES = {
    "stage1": {"stage": 1, "ranks": 2},
    "stage1_bf16": {"stage": 1, "ranks": 2, "dtype": "bf16"},
    "stage2": {"stage": 2, "ranks": 2},
    "stage2_bf16": {"stage": 2, "ranks": 3, "dtype": "bf16"},
    "stage2_round_robin": {"stage": 2, "ranks": 3, "more": {"round_robin_gradients": True}},
    "stage3": {"stage": 3, "ranks": 2},
    "stage3_bf16": {"stage": 3, "ranks": 3, "dtype": "bf16", "more": {"sub_group_size": 25}},
}
DTYPES = {"bf16": torch.bfloat16, None: torch.float32}


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(5, 7)
        self.norm = torch.nn.LayerNorm(7)
        self.second = torch.nn.Linear(7, 3, bias=False)
        self.frozen = torch.nn.Linear(3, 3)
        self.tied = torch.nn.Linear(7, 3, bias=False)
        self.tied.weight = self.second.weight
        self.register_buffer("steps", torch.arange(3))
        self.register_buffer("scale", torch.full((2, 2), 0.7))
        for parameter in self.frozen.parameters():
            parameter.requires_grad = False

    def forward(self, x):
        x = self.norm(self.first(x))
        return self.frozen(self.second(x) + self.tied(x)).sum()


def train(rank, case, folder):
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(case["ranks"]),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT="29533",
    )
    import deepspeed

    deepspeed.init_distributed(dist_backend="gloo")
    torch.manual_seed(0)
    net = Net()
    matrices = [net.first.weight, net.second.weight]
    others = [net.first.bias, net.norm.weight, net.norm.bias]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    dtype = case.get("dtype")
    engine, *_ = deepspeed.initialize(
        model=net,
        optimizer=torch.optim.AdamW(groups, lr=1e-2),
        config={
            "train_micro_batch_size_per_gpu": 2,
            "zero_optimization": {"stage": case["stage"], **case.get("more", {})},
            "bf16": {"enabled": dtype == "bf16"},
            "zero_allow_untested_optimizer": True,
        },
    )
    for _ in range(2):
        engine.backward(engine(torch.randn(2, 5, dtype=DTYPES[dtype])))
        engine.step()
    engine.save_checkpoint(folder)
    torch.distributed.barrier()


def merge(folder):
    """The script's own output, as safetensors: it refuses to write tied parameters so itself."""
    from deepspeed.utils.zero_to_fp32 import convert_zero_checkpoint_to_state_dict

    convert_zero_checkpoint_to_state_dict(folder, folder, max_shard_size=None)
    merged = Path(folder, "pytorch_model.bin")
    tensors = {name: tensor.clone() for name, tensor in torch.load(merged).items()}
    safetensors.torch.save_file(tensors, f"{folder}.expected.safetensors", {"format": "pt"})
    for left_over in (merged, *Path(folder).glob("*.py")):
        left_over.unlink()


if __name__ == "__main__":
    os.environ["DS_ACCELERATOR"] = "cpu"
    for name in sys.argv[1:] or CASES:
        case = CASES[name]
        torch.multiprocessing.spawn(train, (case, name), nprocs=case["ranks"])
        merge(name)
