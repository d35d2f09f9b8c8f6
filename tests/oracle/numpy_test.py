"""Do numpy arrays come out as numpy holds them: in checkpoints, bare pickles, .npy and .npz?"""

import pickle
import unittest
import warnings

import numpy
import torch

from oracle import WRITERS, OracleTest

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

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


    def check(self, value, expected, protocols=range(6)):
        for protocol in protocols:
            with self.subTest(protocol=protocol):
                path = self.folder / "model.pkl"
                path.write_bytes(pickle.dumps(value, protocol))
                self.assert_converts(path, expected, "--select", "all")

    def test_orders_and_views_in_every_protocol(self):
        arrays = {
            "fortran": numpy.asfortranarray(GRID.astype("float32")),
            "permuted": GRID.transpose(1, 2, 0),
            "reversed": GRID[::-1],
            "broadcast": numpy.broadcast_to(numpy.arange(3.0), (2, 3)),
            "scalar": numpy.array(7.5),
            "empty": numpy.zeros((0, 3), dtype="float32"),
            "big_endian": GRID.astype(">f4"),
            "matrix": numpy.matrix([[1.0, 2.0]]),
            "record": numpy.rec.array([(1.0, 2)], dtype=[("a", "f4"), ("b", "i8")]).a,
        }
        self.check(arrays, {name: as_tensor(array) for name, array in arrays.items()})

    def test_masked_arrays_are_data_and_mask(self):
        data = numpy.asfortranarray(GRID[0])
        masked = numpy.ma.masked_array(data, data % 2 == 0)
        masked.data[0, 0] = 99  # behind the mask, but there
        expected = {"m": as_tensor(masked.data), "m.mask": torch.from_numpy(masked.mask.copy())}
        self.check({"m": masked}, expected)

    def test_objects_are_named_by_position(self):
        objects = numpy.empty((2, 2), dtype=object, order="F")
        objects[0, 1] = GRID
        objects[1, 0] = {"w": torch.arange(3.0)}
        expected = {"o.1": torch.from_numpy(GRID), "o.2.w": torch.arange(3.0)}
        self.check({"o": objects}, expected, (2, 3, 4, 5))

    def test_random_states_hold_their_keys(self):
        state = numpy.random.RandomState(3)
        key = as_tensor(state.get_state()[1])
        path = self.folder / "random.pkl"
        for protocol in range(6):
            path.write_bytes(pickle.dumps({"random": state, "tensor": GRID}, protocol))
            _, document = self.convert(path, "--select", "all")
            self.assertIn(key.numpy().tobytes(), document)

    @unittest.skipIf(ml_dtypes is None, "ml_dtypes is not installed")
    def test_types_of_ml_dtypes(self):
        names = "bfloat16 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz".split()
        arrays, expected = {}, {}
        for name in names:
            arrays[name] = numpy.linspace(-2, 2, 24).astype(getattr(ml_dtypes, name))
            raw = arrays[name].view("u2" if arrays[name].itemsize == 2 else "u1")
            expected[name] = torch.from_numpy(raw.copy()).view(getattr(torch, name))
        self.check(arrays, expected)


class Npy(OracleTest):
    def write(self, *arrays, **options):
        path = self.folder / "array.npy"
        with path.open("wb") as file:
            for array in arrays:
                numpy.lib.format.write_array(file, numpy.asanyarray(array), **options)
        return path

    def check(self, array, **options):
        path = self.write(array, **options)
        self.assert_converts(path, {"tensor": as_tensor(numpy.load(path))}, "--select", "all")

    def test_every_dtype_version_and_byte_order(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about versions that few numpys read
            for version in ((1, 0), (2, 0), (3, 0)):
                for name in [*DTYPES, "complex128"]:
                    for order in "<>":
                        with self.subTest(version=version, name=name, order=order):
                            dtype = numpy.dtype(name).newbyteorder(order)
                            self.check(GRID.astype(dtype), version=version)

    def test_orders_and_odd_shapes(self):
        for array in (numpy.asfortranarray(GRID), GRID.T, GRID[:, ::2], 7.5, GRID[:0], [[1.5]]):
            self.check(array)

    def test_several_arrays_behind_each_other(self):
        path = self.write(GRID, 2.5, GRID.T)
        with path.open("rb") as file:
            arrays = [numpy.load(file) for _ in range(3)]
        expected = {f"#{i}": as_tensor(array) for i, array in enumerate(arrays, 1)}
        self.assert_converts(path, expected, "--select", "all")

    def test_an_array_of_objects(self):
        objects = numpy.array([None, GRID, {"w": GRID[0]}], dtype=object)
        expected = {"1": as_tensor(GRID), "2.w": as_tensor(GRID[0])}
        self.assert_converts(self.write(objects), expected, "--select", "all")

    def test_what_is_no_tensor_is_named(self):
        cases = {
            "datetime64": numpy.array(["2020-01-01"], dtype="M8[D]"),
            "text": numpy.array(["a"]),
            "a structure of 2 fields": numpy.zeros(2, dtype=[("a", "f4"), ("b", "i8", (2,))]),
            "long double": numpy.zeros(2, dtype="g"),
        }
        for words, array in cases.items():
            with self.subTest(words):
                run = self.assert_refused(self.write(array), 7)
                self.assertIn(f"1 numpy array of {words}", run.stdout + run.stderr)


class Npz(OracleTest):
    ARRAYS = {
        "weight": GRID.astype("float32"),
        "big": GRID.astype(">i4"),
        "fortran": numpy.asfortranarray(GRID),
        "scalar": numpy.array(1.5),
        "wide": GRID.astype("complex128"),
        "large": numpy.random.default_rng(0).standard_normal((300, 401)),
        "a.b/c": GRID[0],
    }

    def write(self, save, **arrays):
        path = self.folder / "arrays.npz"
        save(path, **arrays)
        return path

    def test_stored_and_deflated(self):
        for save in (numpy.savez, numpy.savez_compressed):
            with self.subTest(save.__name__):
                path = self.write(save, **self.ARRAYS)
                expected = {name: as_tensor(array) for name, array in numpy.load(path).items()}
                self.assert_converts(path, expected, "--select", "all")

    def test_text_and_objects_beside_arrays(self):
        objects = numpy.array([GRID, None], dtype=object)
        path = self.write(numpy.savez, w=GRID, names=numpy.array(["a", "b"]), objects=objects)
        expected = {"w": as_tensor(GRID), "objects.0": as_tensor(GRID)}
        run = self.assert_converts(path, expected, "--select", "all")
        self.assertIn("1 numpy array of text", run.stderr)

    def test_damage_is_found(self):
        """Each byte of a member counts: of its header as of its data."""
        path = self.write(numpy.savez, w=self.ARRAYS["large"])
        whole = path.read_bytes()
        begin = whole.index(b"\x93NUMPY")
        for at in (begin + 120, begin + 128, begin + 100_000, begin + 128 + 962_399):
            with self.subTest(at=at - begin):
                damaged = bytearray(whole)
                damaged[at] ^= 1
                path.write_bytes(damaged)
                self.assert_refused(path, 5)


if __name__ == "__main__":
    unittest.main()
