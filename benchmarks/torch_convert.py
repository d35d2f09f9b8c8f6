"""What convert_bench.py needs torch for, each as a process of its own.

torch_convert.py convert IN OUT               the usual way: torch.load + save_file
torch_convert.py generate OUT KIND SIZE COUNT  random F32 weights, SIZE bytes in COUNT tensors
"""

import sys

import torch
from safetensors.torch import save_file


def convert(source, target):
    save_file(torch.load(source, weights_only=True), target, metadata={"format": "pt"})


def generate(target, kind, size, count):
    torch.manual_seed(0)
    elements = int(size) // int(count) // 4
    tensors = {f"layers.{i}.weight": torch.randn(elements) for i in range(int(count))}
    torch.save(tensors, target, _use_new_zipfile_serialization=kind == "zip")


if __name__ == "__main__":
    {"convert": convert, "generate": generate}[sys.argv[1]](*sys.argv[2:])
