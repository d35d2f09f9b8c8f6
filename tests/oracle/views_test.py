"""Is every view written as its elements show, however its storage lies?"""

import random
import unittest

import torch

from oracle import WRITERS, OracleTest

DTYPES = (torch.uint8, torch.float16, torch.int32, torch.complex64, torch.complex128)
GRID = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)


def random_view(draw):
    """A window of any rank, with steps that skip, repeat and overlap."""
    storage = torch.arange(4096).to(draw.choice(DTYPES))
    shape = [draw.choice((1, 2, 3, 5, 8, 0)) for _ in range(draw.randrange(6))]
    stride = [draw.choice((0, 1, 2, 7, 30, 64)) for _ in shape]
    return storage.as_strided(shape, stride, draw.randrange(1000))


class Views(OracleTest):
    def test_strided_views(self):
        self.assert_equals_torch(
            {
                "transposed": GRID.transpose(0, 2),
                "permuted": GRID.permute(1, 2, 0),
                "every second": GRID[:, ::2],
                "every third of the last": GRID[..., ::3],
                "column": GRID[:, :, 2],
                "channels last": torch.arange(96.0).reshape(2, 3, 4, 4).contiguous(
                    memory_format=torch.channels_last
                ),
            },
            WRITERS,
        )

    def test_slices_with_an_offset(self):
        value = {"rows": GRID[1:], "block": GRID[1:3, 1:3, 1:4], "one": GRID[2, 3, 4]}
        value["end"] = GRID[3:]
        self.assert_equals_torch(value, WRITERS)

    def test_expanded_views(self):
        row = torch.arange(4.0)
        value = {
            "rows": row.expand(3, 4),
            "columns": row.reshape(4, 1).expand(4, 6),
            "scalar": torch.tensor(7.0).expand(2, 3),
            "one to many": torch.ones(1).expand(100000),
        }
        self.assert_equals_torch(value)

    def test_overlapping_windows(self):
        series = torch.arange(20, dtype=torch.int64)
        value = {
            "windows": series.as_strided((17, 4), (1, 1)),
            "hopping": series.as_strided((4, 5), (3, 1), 2),
            "backward order": series.as_strided((3, 3), (1, 4), 5),
            "unfolded": series.unfold(0, 6, 2),
        }
        self.assert_equals_torch(value)

    def test_0_d_and_empty_tensors(self):
        shapes = [(0,), (0, 3), (3, 0), (2, 0, 4), (0, 0), (1, 0, 1)]
        value = {str(shape): torch.empty(shape) for shape in shapes}
        value |= {"scalar": torch.tensor(3.5), "empty slice": GRID[:0], "empty tail": GRID[:, 4:]}
        value["empty transposed"] = torch.empty(4, 0, 2).transpose(0, 2)
        self.assert_equals_torch(value, WRITERS)

    def test_dimensions_of_size_one_with_any_stride(self):
        value = {
            "column": GRID[:, :1, :],
            "lead": torch.arange(6.0).as_strided((1, 6), (1000, 1)),
            "tail": torch.arange(6.0).as_strided((6, 1), (1, 77)),
        }
        self.assert_equals_torch(value)

    def test_many_dimensions(self):
        deep = torch.arange(2.0**12).reshape((2,) * 12)
        value = {"plain": deep, "reversed": deep.permute(*reversed(range(12)))}
        self.assert_equals_torch(value)

    def test_views_drawn_at_random(self):
        draw = random.Random(11)
        value = {f"view {i}": random_view(draw) for i in range(400)}
        self.assert_equals_torch(value)


class SignedViews(OracleTest):
    def test_conjugate_views(self):
        for dtype in (torch.complex64, torch.complex128):
            value = torch.randn(4, 6, dtype=dtype, generator=torch.Generator().manual_seed(1))
            with self.subTest(dtype=dtype):
                self.assert_equals_torch(
                    {"conj": value.conj(), "adjoint": value.mH, "sliced": value.conj()[1:, ::2]},
                    WRITERS,
                )

    def test_negative_views(self):
        for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16,
                      torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8):
            value = torch.arange(-6, 6).to(dtype).reshape(3, 4)
            with self.subTest(dtype=dtype):
                self.assert_equals_torch(
                    {"neg": torch._neg_view(value), "transposed": torch._neg_view(value.t())}
                )

    def test_imaginary_part_of_a_conjugate(self):
        value = torch.complex(torch.arange(6.0), torch.arange(6.0, 12.0)).conj()
        self.assertTrue(value.imag.is_neg())
        self.assert_equals_torch({"imag": value.imag, "real": value.real}, WRITERS)

    def test_negative_conjugate(self):
        value = torch._neg_view(torch.complex(torch.arange(6.0), torch.arange(6.0, 12.0)).conj())
        self.assertTrue(value.is_neg() and value.is_conj())
        self.assert_equals_torch({"both": value}, WRITERS)

    def test_zero_and_nan_keep_their_sign_rules(self):
        value = torch.tensor([0.0, -0.0, float("inf"), float("nan")])
        self.assert_equals_torch({"neg": torch._neg_view(value)})


class SharedStorages(OracleTest):
    def test_views_of_one_storage_are_each_written_whole(self):
        base = torch.arange(100, dtype=torch.int32)
        self.assert_equals_torch(
            {"all": base, "head": base[:10], "tail": base[90:], "square": base.reshape(10, 10).t()},
            WRITERS,
        )

    def test_one_tensor_under_two_names(self):
        weight = torch.arange(12.0).reshape(3, 4)
        self.assert_equals_torch({"embed.weight": weight, "head.weight": weight}, WRITERS)

    def test_one_dict_under_two_keys(self):
        encoder = {"weight": torch.arange(4.0), "bias": torch.zeros(1)}
        self.assert_equals_torch({"student": encoder, "teacher": encoder, "both": [encoder] * 2})

    def test_a_small_view_of_a_large_storage(self):
        self.assert_equals_torch({"row": torch.arange(1_000_000.0).reshape(1000, 1000)[500]})


if __name__ == "__main__":
    unittest.main()
