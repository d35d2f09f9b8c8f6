"""Does every element type that torch can save arrive as safetensors would write it?"""

import unittest

import torch

from oracle import CONTAINERS, WRITERS, OracleTest

ZIP_WRITERS = [writer for writer in WRITERS if writer["_use_new_zipfile_serialization"]]
PATTERN = torch.arange(-96, 96, dtype=torch.int16).to(torch.int8)

EVERYWHERE = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
    torch.complex64, torch.complex128,
]
# torch writes these by _rebuild_tensor_v3, which it offers in zips alone.
ZIP_ONLY = [
    torch.uint16, torch.uint32, torch.uint64,
    torch.float8_e5m2, torch.float8_e4m3fn, torch.float8_e5m2fnuz, torch.float8_e4m3fnuz,
    torch.float8_e8m0fnu, torch.float4_e2m1fn_x2, torch.complex32,
    torch.bits8, torch.bits16, torch.bits1x8, torch.bits2x4, torch.bits4x2,
]


def sample(dtype):
    """Elements whose bytes are all different patterns, NaN and denormal ones among them."""
    return PATTERN.clone().view(dtype).reshape(2, -1)


class DTypes(OracleTest):
    def test_types_that_zip_and_legacy_hold(self):
        for dtype in EVERYWHERE:
            with self.subTest(dtype=dtype):
                self.assert_equals_torch({"weight": sample(dtype)}, WRITERS)

    def test_types_that_only_zips_hold(self):
        for dtype in ZIP_ONLY:
            with self.subTest(dtype=dtype):
                self.assert_equals_torch({"weight": sample(dtype)}, ZIP_WRITERS)

    def test_bool(self):
        self.assert_equals_torch({"mask": torch.tensor([[True, False], [False, True]])}, WRITERS)

    def test_bool_bytes_beyond_one_become_one(self):
        """On purpose unlike save_file, which writes the byte 2 as it is."""
        value = {"mask": torch.tensor([0, 1, 2, 255], dtype=torch.uint8).view(torch.bool)}
        for writer in CONTAINERS:
            with self.subTest(**writer):
                _, document = self.convert(self.save(value, **writer))
                self.assertEqual(document[-4:], bytes([0, 1, 1, 1]))

    def test_all_types_in_one_file_are_laid_out_in_the_reference_order(self):
        for dtypes, writers in ((EVERYWHERE, WRITERS), (EVERYWHERE + ZIP_ONLY, ZIP_WRITERS)):
            names = [str(dtype) for dtype in dtypes]
            value = {name: sample(dtype) for name, dtype in zip(names, dtypes)}
            value["mask"] = torch.tensor([True])
            self.assert_equals_torch(value, writers)

    def test_empty_and_0_d_tensors_of_every_type(self):
        for dtype in EVERYWHERE + ZIP_ONLY:
            value = {"empty": torch.empty(0, 3, dtype=dtype)}
            if dtype != torch.float4_e2m1fn_x2:  # save_file refuses half a byte
                value["scalar"] = sample(dtype)[0, 1]
            with self.subTest(dtype=dtype):
                self.assert_equals_torch(value, CONTAINERS if dtype in EVERYWHERE else ZIP_WRITERS)

    def test_transposed_tensors_of_every_type(self):
        for dtype in EVERYWHERE + ZIP_ONLY:
            with self.subTest(dtype=dtype):
                self.assert_equals_torch({"weight": sample(dtype).t()}, ZIP_WRITERS[:1])


if __name__ == "__main__":
    unittest.main()
