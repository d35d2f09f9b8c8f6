"""Do many small tensors and few large ones arrive whole?"""

import unittest

import torch

from oracle import OracleTest


class Sizes(OracleTest):
    def test_two_thousand_small_tensors(self):
        value = {f"layers.{i}.weight": torch.full((i % 37, 3), float(i)) for i in range(2000)}
        self.assert_equals_torch(value)

    def test_small_tensors_of_mixed_types(self):
        dtypes = [torch.float32, torch.float16, torch.int64, torch.uint8, torch.bool]
        value = {str(i): torch.arange(i % 50).to(dtypes[i % 5]) for i in range(1000)}
        self.assert_equals_torch(value)

    def test_one_large_tensor(self):
        weight = torch.arange(10_000_000, dtype=torch.float32).reshape(1000, 10_000)
        self.assert_equals_torch({"weight": weight})

    def test_a_large_transposed_tensor(self):
        weight = torch.arange(6_000_000, dtype=torch.float32).reshape(2000, 3000)
        self.assert_equals_torch({"weight": weight.t()})

    def test_large_tensors_with_their_dimensions_in_any_order(self):
        block = torch.arange(2**20, dtype=torch.int32).reshape(16, 64, 32, 32)
        orders = [(3, 2, 1, 0), (1, 0, 3, 2), (0, 3, 1, 2), (2, 3, 0, 1), (0, 1, 3, 2)]
        self.assert_equals_torch({str(order): block.permute(order) for order in orders})

    def test_a_large_expanded_tensor(self):
        column = torch.arange(1000.0).reshape(1000, 1)
        self.assert_equals_torch({"weight": column.expand(1000, 3000)})

    def test_sizes_around_the_pieces_that_are_copied(self):
        sizes = [2**18 + delta for delta in (-1, 0, 1)] + [2**23 + delta for delta in (-1, 0, 1)]
        self.assert_equals_torch({str(n): torch.arange(n).to(torch.uint8) for n in sizes})


if __name__ == "__main__":
    unittest.main()
