"""Do joblib's files come out as joblib.load holds them?"""

import io
import unittest

import numpy
import torch

from oracle import OracleTest

try:
    import joblib
except ImportError:
    joblib = None

GRID = numpy.arange(24).reshape(2, 3, 4)
COMPRESSORS = ("zlib", "gzip", "bz2", "lzma", "xz")


def as_tensor(array):
    native = array.astype(array.dtype.newbyteorder("="))
    return torch.from_numpy(numpy.ascontiguousarray(native).reshape(array.shape))


class Estimator:
    def __init__(self):
        self.coef_ = GRID.astype("float32")
        self.classes_ = numpy.array(["a", "b"])
        self.n_iter_ = numpy.int64(3)


@unittest.skipIf(joblib is None, "joblib is not installed")
class Joblib(OracleTest):
    def dump(self, value, **options):
        path = self.folder / "model.joblib"
        joblib.dump(value, path, **options)
        return path

    def check(self, value, expected, **options):
        path = self.dump(value, **options)
        return self.assert_converts(path, expected, "--select", "all")

    def test_every_protocol_and_compressor(self):
        arrays = {
            "f4": GRID.astype("float32"),
            "u1": GRID.astype("uint8"),
            "big_endian": GRID.astype(">i4"),
            "fortran": numpy.asfortranarray(GRID),
            "view": GRID[:, ::2].T,
            "scalar": numpy.array(1.5),
            "empty": numpy.zeros((0, 3)),
            "large": numpy.arange(200_001.0),
        }
        loaded = joblib.load(self.dump(arrays))
        expected = {name: as_tensor(array) for name, array in loaded.items()}
        for protocol in (2, 3, 4, 5):
            for compress in (0, *((name, 3) for name in COMPRESSORS)):
                with self.subTest(protocol=protocol, compress=compress):
                    self.check(arrays, expected, protocol=protocol, compress=compress)

    def test_an_array_by_itself(self):
        self.check(GRID, {"tensor": as_tensor(GRID)})

    def test_an_array_that_is_used_twice(self):
        self.check([GRID, GRID], {"0": as_tensor(GRID), "1": as_tensor(GRID)})

    def test_arrays_of_objects(self):
        objects = numpy.array([GRID, None, {"w": GRID[0]}], dtype=object)
        expected = {"o.0": as_tensor(GRID), "o.2.w": as_tensor(GRID[0]), "z": as_tensor(GRID)}
        for protocol in (2, 4, 5):
            with self.subTest(protocol=protocol):
                self.check({"o": objects, "z": GRID}, expected, protocol=protocol)

    def test_attributes_of_objects(self):
        run = self.check(Estimator(), {"coef_": as_tensor(GRID.astype("float32"))})
        self.assertIn("1 numpy array of text", run.stderr)

    def test_what_is_no_tensor_is_skipped(self):
        odd = {
            "dates": numpy.array(["2020-01-01"], dtype="M8[D]"),
            "structure": numpy.zeros(2, dtype=[("a", "f4"), ("b", "i8")]),
            "masked": numpy.ma.masked_array([1.0, 2.0], [True, False]),
            "end": GRID,
        }
        expected = {
            "masked": torch.tensor([1.0, 2.0], dtype=torch.float64),
            "masked.mask": torch.tensor([True, False]),
            "end": as_tensor(GRID),
        }
        run = self.check(odd, expected)
        self.assertIn("1 numpy array of datetime64", run.stderr)

    def test_a_file_object_that_cannot_tell(self):
        """joblib then leaves the padding away."""

        class Pipe(io.BytesIO):
            def tell(self):
                raise io.UnsupportedOperation

        pipe = Pipe()
        joblib.dump({"w": GRID}, pipe)
        path = self.folder / "model.joblib"
        path.write_bytes(pipe.getvalue())
        self.assert_converts(path, {"w": as_tensor(GRID)}, "--select", "all")

    def test_every_cut(self):
        path = self.dump({"w": GRID.astype("uint8"), "o": numpy.array([None], dtype=object)})
        whole = path.read_bytes()
        for size in range(1, len(whole), 7):
            path.write_bytes(whole[:size])
            with self.subTest(size=size):
                self.assert_refused(path, 5)


if __name__ == "__main__":
    unittest.main()
