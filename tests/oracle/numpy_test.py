"""Do numpy arrays beside tensors come out as numpy holds them?"""

import pickle
import unittest

import numpy
import torch

from oracle import WRITERS, OracleTest

GRID = numpy.arange(24).reshape(2, 3, 4)
DTYPES = "float64 float32 float16 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool complex64".split()


def as_tensor(array):
    native = array.astype(array.dtype.newbyteorder("="))
    return torch.from_numpy(numpy.ascontiguousarray(native).reshape(array.shape))


class Arrays(OracleTest):
    def check(self, arrays):
        expected = {name: as_tensor(array) for name, array in arrays.items()}
        for options in WRITERS:
            with self.subTest(**options):
                path = self.save({**arrays, "tensor": torch.ones(2)}, **options)
                self.assert_converts(path, {**expected, "tensor": torch.ones(2)})

    def test_every_dtype(self):
        self.check({name: GRID.astype(name) for name in DTYPES})

    def test_big_endian(self):
        self.check({name: GRID.astype(numpy.dtype(name).newbyteorder(">")) for name in DTYPES})

    def test_orders_and_views(self):
        self.check(
            {
                "fortran": numpy.asfortranarray(GRID.astype("float32")),
                "transposed": GRID.T,
                "strided": GRID[:, ::2, 1:],
                "scalar": numpy.array(7.5),
                "empty": numpy.zeros((0, 3), dtype="float32"),
                "empty_fortran": numpy.zeros((3, 0), order="F"),
            }
        )

    def test_an_array_longer_than_a_window(self):
        self.check({"large": numpy.random.default_rng(0).standard_normal((300, 401))})

    def test_what_is_no_number_stays_out(self):
        odd = {
            "text": numpy.array(["a", "b"]),
            "objects": numpy.array([1, "b"], dtype=object),
            "dates": numpy.array(["2020-01-01"], dtype="M8[D]"),
            "structure": numpy.zeros(2, dtype=[("a", "f4"), ("b", "i8")]),
            "scalar": numpy.float64(1.5),
        }
        for options in WRITERS:
            with self.subTest(**options):
                path = self.save({**odd, "tensor": torch.ones(2)}, **options)
                self.assert_converts(path, {"tensor": torch.ones(2)})


class BarePickles(OracleTest):
    def test_a_dict_of_arrays(self):
        """As paddle (.pdparams) and detectron2 (.pkl) write them."""
        arrays = {name: GRID.astype(name) for name in DTYPES}
        arrays["long"] = numpy.arange(100_000.0)
        for protocol in (2, 3, 4, 5):
            with self.subTest(protocol=protocol):
                path = self.folder / "model.pkl"
                path.write_bytes(pickle.dumps({"model": arrays, "__author__": "x"}, protocol))
                self.assert_converts(path, {name: as_tensor(a) for name, a in arrays.items()})


if __name__ == "__main__":
    unittest.main()
