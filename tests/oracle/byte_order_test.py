"""Are big-endian zips read as torch reads them? Made from little-endian ones by swapping."""

import pickle
import unittest
import zipfile

import torch

from oracle import OracleTest, flatten

ALIGNMENT = 64
# Bytes that are reversed together, by storage class; of a complex number each half by itself.
# An UntypedStorage does not tell.
SWAP_UNITS = {
    "DoubleStorage": 8, "LongStorage": 8, "ComplexDoubleStorage": 8,
    "FloatStorage": 4, "IntStorage": 4, "ComplexFloatStorage": 4,
    "HalfStorage": 2, "BFloat16Storage": 2, "ShortStorage": 2,
    "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1, "UntypedStorage": 0,
}


class StorageClasses(pickle.Unpickler):
    """Notes the class of each storage key; builds no tensor."""

    def __init__(self, file):
        super().__init__(file)
        self.units = {}

    def persistent_load(self, identity):
        _, storage_class, key, _, _ = identity
        self.units[key] = SWAP_UNITS[storage_class]

    def find_class(self, module, name):
        return name if name in SWAP_UNITS else lambda *arguments: None


def swapped(data, unit):
    pieces = (data[i : i + unit][::-1] for i in range(0, len(data), unit))
    return b"".join(pieces)


def padding(target, name):
    """An extra field that lets the data after this local header start at a multiple of 64."""
    fixed = target.tell() + 30 + len(name.encode()) + 4
    fill = -fixed % ALIGNMENT
    return b"FB" + fill.to_bytes(2, "little") + b"Z" * fill


def big_endian_twin(path, aligned, untyped_unit=1):
    twin = path.with_name("big.pt")
    with zipfile.ZipFile(path) as source, open(twin, "wb") as target:
        prefix = source.namelist()[0].split("/")[0]
        classes = StorageClasses(source.open(f"{prefix}/data.pkl"))
        classes.load()
        units = {key: unit or untyped_unit for key, unit in classes.units.items()}
        with zipfile.ZipFile(target, "w") as out:
            for name in source.namelist():
                data = source.read(name)
                if name == f"{prefix}/byteorder":
                    data = b"big"
                if name.startswith(f"{prefix}/data/"):
                    data = swapped(data, units[name.split("/")[-1]])
                entry = zipfile.ZipInfo(name)
                entry.extra = padding(target, name) if aligned else b""
                out.writestr(entry, data)
    return twin


def numbers():
    values = torch.arange(-8, 8)
    real = [torch.float64, torch.float32, torch.float16, torch.bfloat16,
            torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]
    value = {str(dtype): values.to(dtype) for dtype in real}
    value["complex64"] = torch.complex(values.float(), values.float() * 3)
    value["complex128"] = value["complex64"].to(torch.complex128)
    return value


class ByteOrder(OracleTest):
    def check(self, value, aligned):
        path = self.save(value)
        twin = big_endian_twin(path, aligned)
        given = flatten(self.load(twin))
        for name, tensor in flatten(value).items():
            self.assertTrue(torch.equal(given[name], tensor), name)
        self.assert_converts(twin, given)

    def test_every_type_with_data_aligned_or_not(self):
        for aligned in (True, False):
            with self.subTest(aligned=aligned):
                self.check(numbers(), aligned)

    def test_one_byte_types_of_the_new_kind(self):
        value = torch.arange(16, dtype=torch.uint8).view(torch.float8_e4m3fn)
        path = self.save({"weight": value})
        twin = big_endian_twin(path, True)
        self.assert_converts(twin, flatten(self.load(twin)))

    def test_wider_types_of_the_new_kind_are_swapped_too(self):
        """On purpose unlike torch.load, which takes these storages for single bytes and so gives
        other numbers than the big-endian machine that wrote them."""
        pattern = torch.arange(32, dtype=torch.uint8)
        units = {torch.uint16: 2, torch.uint32: 4, torch.uint64: 8, torch.complex32: 2}
        for dtype, unit in units.items():
            with self.subTest(dtype=dtype):
                value = {"weight": pattern.view(dtype)}
                twin = big_endian_twin(self.save(value), True, unit)
                read = self.load(twin)["weight"].view(torch.uint8)
                self.assertFalse(torch.equal(read, pattern))
                self.assert_converts(twin, value)

    def test_views(self):
        grid = torch.arange(60, dtype=torch.float64).reshape(3, 4, 5)
        wave = torch.complex(torch.arange(12.0), torch.arange(12.0, 24.0)).reshape(3, 4)
        value = {
            "transposed": grid.transpose(0, 2),
            "sliced": grid[1:, ::2, 3],
            "expanded": torch.arange(3.0).reshape(3, 1).expand(3, 5),
            "conj": wave.conj(),
            "adjoint": wave.mH,
            "scalar": torch.tensor(1.5),
            "empty": torch.empty(0, 3),
        }
        self.check(value, True)

    def test_two_views_of_one_storage(self):
        base = torch.arange(40, dtype=torch.int32)
        self.check({"all": base, "tail": base[33:], "grid": base.reshape(8, 5).t()}, False)

    def test_an_unknown_byte_order_is_refused(self):
        path = self.save({"weight": torch.ones(3)})
        odd = path.with_name("odd.pt")
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(odd, "w") as out:
            for name in source.namelist():
                data = b"middle" if name.endswith("/byteorder") else source.read(name)
                out.writestr(name, data)
        self.assertRaises(Exception, self.load, odd)
        self.assertIn("middle", self.assert_refused(odd, 5).stderr)


if __name__ == "__main__":
    unittest.main()
