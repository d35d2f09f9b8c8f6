"""Are the weights of TorchScript written under the names of torch.jit.load(...).state_dict()?"""

import unittest
import warnings
from typing import Dict, List, Optional, Tuple

import torch
from torch import nn

from oracle import OracleTest

warnings.simplefilter("ignore")  # torch.jit and quantization are on their way out
torch.manual_seed(11)

TABLE = torch.tensor([[1.5, -2.5, 3.5]])


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.norm = nn.BatchNorm1d(3)
        self.register_buffer("steps", torch.arange(4))
        self.register_buffer("hidden", torch.ones(2), persistent=False)

    def forward(self, x):
        return self.norm(self.linear(x)) + self.steps.sum() + self.hidden.sum()


class Net(nn.Module):
    """`model` and `net` are customary keys of checkpoints, but here names of submodules."""

    def __init__(self):
        super().__init__()
        self.model = Block()
        self.net = nn.Sequential(nn.Linear(3, 3, bias=False), Block())
        self.tied = self.model.linear.weight
        self.halves = nn.Parameter(torch.randn(2, 3).half())
        self.viewed = nn.Parameter(torch.arange(12.0).view(3, 4).t()[1:])
        self.scalar = nn.Parameter(torch.tensor(0.25))
        self.register_buffer("missing", None)
        self.register_buffer("flags", torch.tensor([True, False, True]))

    def forward(self, x):
        return self.net(self.model(x)) + self.tied.sum() + self.scalar + self.viewed.sum()


class WithConstant(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3))

    def forward(self, x):
        return x * self.weight + TABLE


class Attributes(nn.Module):
    tensors: List[torch.Tensor]
    table: Dict[str, torch.Tensor]
    pair: Tuple[torch.Tensor, int]
    perhaps: Optional[torch.Tensor]

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2))
        self.plain = torch.full((2,), 7.0)
        self.tensors = [torch.ones(2), torch.zeros(3)]
        self.table = {"a": torch.ones(1), "b.c": torch.ones(2)}
        self.pair = (torch.arange(3), 5)
        self.perhaps = torch.tensor(2.0)
        self.numbers = [1, 2, 3]
        self.constants = torch.tensor([4.0])

    def forward(self, x):
        return x + self.weight + self.plain + self.tensors[0] + self.table["a"] + self.constants


def plus_one(x):
    return x + 1


def scripted(module):
    return torch.jit.script(module.eval())


def traced(module, *inputs):
    return torch.jit.trace(module.eval(), inputs)


def constants_of(path):
    """CONSTANTS.cN of the code."""
    mapping = torch.jit.load(path).code_with_constants[1].const_mapping
    return {"constants." + name[1:]: tensor for name, tensor in mapping.items()}


class TorchScript(OracleTest):
    def keep(self, module, name="net.pt", **options):
        path = self.folder / name
        torch.jit.save(module, path, **options)
        return path

    def state_of(self, path):
        return torch.jit.load(path).state_dict()

    def test_script_module(self):
        path = self.keep(scripted(Net()))
        state = self.state_of(path)
        self.assertIn("model.linear.weight", state)
        self.assert_converts(path, state)
        self.assert_converts(path, state, "--select", "all")

    def test_traced_module(self):
        path = self.keep(traced(Net(), torch.randn(2, 3)))
        self.assert_converts(path, self.state_of(path))

    def test_constants_of_a_trace(self):
        path = self.keep(traced(WithConstant(), torch.randn(2, 3)))
        state = self.state_of(path)
        self.assert_converts(path, {**state, "constants.0": TABLE})

    def test_frozen_module(self):
        path = self.keep(torch.jit.freeze(scripted(Net())))
        self.assertEqual(self.state_of(path), {})
        constants = constants_of(path)
        self.assertGreater(len(constants), 3)
        self.assert_converts(path, constants)

    def test_attributes_that_are_no_parameters(self):
        net = Attributes()
        path = self.keep(scripted(net))
        expected = {
            "weight": net.weight,
            "plain": net.plain,
            "tensors.0": net.tensors[0],
            "tensors.1": net.tensors[1],
            "table.a": net.table["a"],
            "table.b.c": net.table["b.c"],
            "pair.0": net.pair[0],
            "perhaps": net.perhaps,
            "constants": net.constants,
        }
        self.assertLessEqual(set(self.state_of(path)), set(expected))
        self.assert_converts(path, expected)

    def test_extra_files(self):
        path = self.keep(scripted(Net()), _extra_files={"notes.txt": "x", "weights.pkl": "y"})
        self.assert_converts(path, self.state_of(path))

    def test_mobile_module(self):
        path = self.folder / "net.ptl"
        module = scripted(Net())
        module._save_for_lite_interpreter(str(path))
        self.assert_converts(path, module.state_dict())

    def test_packed_weights_of_a_quantized_layer(self):
        net = nn.Sequential(nn.Linear(4, 3))
        try:
            quantized = torch.ao.quantization.quantize_dynamic(net, {nn.Linear})
            module = torch.jit.script(quantized)
        except (RuntimeError, AttributeError) as error:
            self.skipTest(f"this torch has no quantized engine: {error}")
        path = self.keep(module)
        packed = torch.jit.load(path)
        packed = getattr(packed, "0")._packed_params._packed_params
        weight, bias = torch.ops.quantized.linear_unpack(packed)
        name = "0._packed_params._packed_params.state"
        expected = {
            name + ".0": weight.int_repr(),
            name + ".0.scale": torch.tensor(weight.q_scale(), dtype=torch.float64),
            name + ".0.zero_point": torch.tensor(weight.q_zero_point()),
            name + ".1": bias,
        }
        self.assert_converts(path, expected)

    def test_function_without_weights(self):
        path = self.folder / "function.pt"
        torch.jit.script(plus_one).save(str(path))
        self.assert_refused(path, 7)


if __name__ == "__main__":
    unittest.main()
