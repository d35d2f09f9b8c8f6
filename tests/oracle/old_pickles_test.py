"""Are tensors read that today's torch no longer writes, but still loads?"""

import pickle
import types
import unittest

import torch

from oracle import CONTAINERS, OracleTest, flatten

GRID = torch.arange(24.0).reshape(2, 3, 4)


def storage_of(tensor):
    return torch.storage.TypedStorage(
        wrap_storage=tensor.untyped_storage(), dtype=tensor.dtype, _internal=True
    )


def geometry(tensor):
    return storage_of(tensor), tensor.storage_offset(), tuple(tensor.shape), tensor.stride()


def old_tensor(tensor):
    """As torch wrote a tensor before 0.4."""
    return torch._utils._rebuild_tensor, geometry(tensor)


def parameter_by_call(tensor):
    """A parameter as a call of its class."""
    if type(tensor) is torch.nn.Parameter:
        return torch.nn.Parameter, (tensor.detach(), tensor.requires_grad)
    return tensor.__reduce_ex__(2)


def writer(reduce):
    """A stand-in for the pickle module that torch.save is given, with another way for tensors."""

    class Pickler(pickle.Pickler):
        def reducer_override(self, value):
            return reduce(value) if isinstance(value, torch.Tensor) else NotImplemented

    module = types.ModuleType("old_pickle")
    module.__dict__.update(vars(pickle))
    module.Pickler = Pickler
    return module


class OldPickles(OracleTest):
    def check(self, value, reduce, marker):
        for container in CONTAINERS:
            with self.subTest(**container):
                path = self.save(value, pickle_module=writer(reduce), **container)
                self.assertIn(marker, path.read_bytes())
                self.assert_converts(path, flatten(self.load(path)))

    def test_tensors_before_torch_0_4(self):
        value = {"plain": GRID, "view": GRID[1:, ::2].transpose(0, 2), "scalar": torch.tensor([1])}
        self.check(value, old_tensor, b"ctorch._utils\n_rebuild_tensor\n")

    def test_parameters_as_calls_of_their_class(self):
        value = {"weight": torch.nn.Parameter(GRID), "frozen": torch.nn.Parameter(GRID[0], False)}
        self.check(value, parameter_by_call, b"ctorch.nn.parameter\nParameter\n")


if __name__ == "__main__":
    unittest.main()
