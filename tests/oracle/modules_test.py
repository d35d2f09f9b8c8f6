"""Are state dicts and whole modules written under the names of state_dict()?"""

import unittest

import torch
from torch import nn

from oracle import WRITERS, OracleTest

torch.manual_seed(7)


class Net(nn.Module):
    """Every way a module holds tensors; no loader knows this class."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.rnn = nn.LSTM(6, 5, num_layers=2, bidirectional=True)  # keeps its weights twice
        self.head = nn.Linear(6, 11, bias=False)
        self.head.weight = self.embedding.weight  # tied
        self.again = self.conv  # one module, two names
        self.scale = nn.Parameter(torch.tensor(0.5))
        self.missing = None
        self.steps = nn.ParameterList([torch.ones(2), torch.zeros(3)])
        self.table = nn.ParameterDict({"left": torch.ones(1), "right": torch.ones(2)})
        self.blocks = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.ModuleList([nn.Linear(2, 3)]))
        self.register_parameter("absent", None)
        self.register_buffer("kept", torch.arange(3))
        self.register_buffer("dropped", torch.arange(4), persistent=False)
        self.register_buffer("empty", None)


class TaggedParameter(nn.Parameter):
    """A subclass, as frameworks make them."""


class ModulesTest(OracleTest):
    def assert_gives(self, value, tensors, *options):
        for writer in WRITERS:
            with self.subTest(**writer):
                self.assert_converts(self.save(value, **writer), tensors, *options)


class StateDicts(ModulesTest):
    def test_state_dict_of_a_real_module(self):
        state = Net().state_dict()
        self.assertTrue(hasattr(state, "_metadata"))
        self.assert_gives(state, state)

    def test_state_dict_with_parameters(self):
        net = Net()
        self.assert_gives(net.state_dict(keep_vars=True), net.state_dict())

    def test_dict_of_parameters(self):
        net = nn.Linear(3, 2)
        self.assert_gives(dict(net.named_parameters()), net.state_dict())

    def test_parameter_of_a_subclass(self):
        weight = torch.arange(4.0)
        self.assert_gives({"weight": TaggedParameter(weight)}, {"weight": weight})

    def test_parameter_with_plain_attributes(self):
        weight = nn.Parameter(torch.arange(4.0))
        weight.tensor_model_parallel, weight.label = True, "row"
        self.assert_gives({"weight": weight}, {"weight": weight})

    def test_parameter_with_a_tensor_as_attribute(self):
        weight = nn.Parameter(torch.arange(4.0))
        weight.mask = torch.ones(4)
        tensors = {"weight": weight, "weight.mask": weight.mask}
        self.assert_gives({"weight": weight}, tensors, "--select", "all")

    def test_one_tensor_alone(self):
        """Its path has no parts, and a file of one nameless tensor would puzzle its readers."""
        weight = torch.arange(4.0)
        self.assert_gives(weight, {"tensor": weight})


class WholeModules(ModulesTest):
    def test_names_are_those_of_state_dict(self):
        net = Net()
        names = net.state_dict().keys()
        self.assertIn("again.weight", names)
        self.assertNotIn("dropped", names)
        self.assert_gives(net, net.state_dict())

    def test_a_module_of_torch_alone(self):
        net = nn.Sequential(nn.Conv1d(2, 3, 1), nn.GroupNorm(3, 3), nn.Tanh())
        self.assert_gives(net, net.state_dict())

    def test_data_parallel_keeps_its_prefix(self):
        net = nn.DataParallel(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
        names = list(net.state_dict())
        self.assertTrue(all(name.startswith("module.") for name in names))
        self.assert_gives(net, net.state_dict())

    def test_half_precision_and_channels_last(self):
        net = nn.Conv2d(3, 8, 3).half().to(memory_format=torch.channels_last)
        self.assertFalse(net.weight.is_contiguous())
        self.assert_gives(net, net.state_dict())

    def test_a_module_inside_a_checkpoint(self):
        net = Net()
        value = {"epoch": 3, "model": net, "optimizer": torch.optim.SGD(net.parameters(), 0.1)}
        self.assert_gives(value, net.state_dict())

    def test_modules_in_a_list(self):
        nets = [nn.Linear(1, 2), nn.Linear(2, 1)]
        names = {f"{i}.{k}": v for i, net in enumerate(nets) for k, v in net.state_dict().items()}
        self.assert_gives(nets, names)

    def test_weight_norm_by_hooks(self):
        net = nn.utils.weight_norm(nn.Linear(3, 2))
        self.assert_gives(net, net.state_dict())


if __name__ == "__main__":
    unittest.main()
