"""Does load_tree read tensors and numpy's values, and refuse numbers that torch would trust?"""

import copy
import struct
import unittest

import numpy as np
from tree_folder import NEEDS_TORCH, STRUCTURE, Global, TreeTest, base64_of, safetensors, unbrine

W = {"w": {"$tensor": {"file": "model.safetensors", "name": "w"}}}
TWO_FLOATS = struct.pack("<2f", 1.0, 2.0)


@NEEDS_TORCH
class BadTorchTensors(TreeTest):
    """Numbers that torch would trust, and read outside of a tensor."""

    tensors = "torch"

    def refused(self, what, layout, shape, parts, dtype="float32", **beside):
        header, data = {}, b""
        for role, array in parts.items():
            name = {"<f4": "F32", "<f8": "F64", "<i8": "I64", "|i1": "I8", "|u1": "U8"}[
                array.dtype.str
            ]
            header[role] = (name, list(array.shape), len(data), len(data) + array.nbytes)
            data += array.tobytes()
        places = {role: {"file": "model.safetensors", "name": role} for role in parts}
        node = {"layout": layout, "dtype": dtype, "shape": shape, "parts": places, **beside}
        self.assert_refused(what, {"$tensor": node}, model=safetensors(header, data))

    def test_sparse(self):
        one, far = np.ones(1, "<f4"), np.array([[7]], "<i8")
        self.refused("do not fit", "sparse_coo", [3], {"indices": far, "values": one})
        self.refused("do not fit", "sparse_coo", [3], {"indices": -far, "values": one})
        crow, col = np.array([0, 1], "<i8"), np.array([9], "<i8")
        self.refused(
            "do not fit",
            "sparse_csr",
            [1, 3],
            {"crow_indices": crow, "col_indices": col, "values": one},
        )
        self.refused(
            "do not fit",
            "sparse_csr",
            [1, 3],
            {"crow_indices": 9 * crow, "col_indices": col * 0, "values": one},
        )

    def test_quantized(self):
        scale, point = np.ones(1), np.zeros(1, "<i8")
        parts = {"": np.zeros(2, "i1"), "scale": scale, "zero_point": point}
        beside = {"dtype": "qint8", "scheme": "per_tensor_affine"}
        self.refused("needs 1099511627776 bytes", "quantized", [2**40], parts, **beside)
        self.refused("one scale", "quantized", [2], {**parts, "scale": np.ones(2)}, **beside)
        beside["scheme"] = "per_channel_affine"
        self.refused("expected one axis", "quantized", [2], parts, **beside)
        self.refused("axis 7 of 1", "quantized", [2], {**parts, "axis": np.array([7])}, **beside)
        self.refused(
            "expected 2 of scale", "quantized", [2], {**parts, "axis": np.array([0])}, **beside
        )
        self.refused("scheme of a quantizer", "quantized", [2], parts, dtype="qint8", scheme="oops")

    def test_nested(self):
        def parts(size, stride, offset):
            numbers = (np.array([[size]]), np.array([[stride]]), np.array([offset]))
            return dict(zip(("sizes", "strides", "offsets"), numbers), values=np.ones(4, "<f4"))

        for place in (
            (4, 1, 1),
            (2, 1, 2**40),
            (2, 2**40, 0),
            (5, 0, 0),
            (-1, 1, 0),
            (2, -1, 3),
            (2, 1, -1),
        ):
            self.refused("do not fit", "strided_nested", [], parts(*place))

    def test_jagged(self):
        values = np.ones((3, 2), "<f4")
        for offsets in ([0, 4], [0, 2, 1], [-1, 3], []):
            parts = {"values": values, "offsets": np.array(offsets, "<i8")}
            self.refused("do not fit", "jagged", [], parts)
        parts = {"values": values, "offsets": np.array([0, 2]), "lengths": np.array([9])}
        self.refused("do not fit", "jagged", [], parts)

    def test_a_parameter_of_integers_with_a_gradient(self):
        node = {"$tensor": {"file": "model.safetensors", "name": "w", "requires_grad": True}}
        self.assert_refused("do not fit", node, model=safetensors({"w": ("I8", [1], 0, 1)}, b"\1"))

    def test_shapes_beyond_64_bits(self):
        node = {"$tensor": {"dtype": "float32", "shape": [2**62, 2**62], "meta": True}}
        self.assert_refused("do not fit", node)


class NumpyValues(TreeTest):
    def scalar(self, dtype, value):
        return self.load({"$scalar": {"dtype": dtype, "value": value}})

    def test_scalars(self):
        for expected, dtype, value in (
            (np.float32(0.25), "<f4", 0.25),
            (np.float64(0.1), "<f8", 0.1),
            (np.float16(-0.0), "<f2", -0.0),
            (np.int64(-(2**63)), "<i8", {"$int": str(-(2**63))}),
            (np.uint64(2**64 - 1), "<u8", {"$int": str(2**64 - 1)}),
            (np.bool_(True), "|b1", True),
            (np.complex64(1 + 2j), "<c8", {"$complex": [1.0, 2.0]}),
            (np.str_("é"), "<U1", "é"),
            (np.bytes_(b"a"), "|S3", {"$bytes": base64_of(b"a\0\0")}),
            (np.datetime64(1, "s"), "<M8[s]", {"$bytes": base64_of(struct.pack("<q", 1))}),
        ):
            loaded = self.scalar(dtype, value)
            self.assertIs(type(loaded), type(expected))
            self.assertEqual(loaded.tobytes(), expected.tobytes())
            self.assertEqual(loaded, expected)

    def test_a_big_endian_scalar(self):
        self.assertEqual(self.scalar(">f4", 0.25), np.float32(0.25))

    def test_the_bits_of_a_nan(self):
        for dtype, node, wanted in (
            ("<f4", "0xfff4000020000000", "010080ff"[:0] + struct.pack("<I", 0xFFA00001).hex()),
            ("<f2", "0x7ff8040000000000", struct.pack("<H", 0x7E01).hex()),
            ("<f8", "0x7ff4000000000001", struct.pack("<Q", 0x7FF4000000000001).hex()),
        ):
            self.assertEqual(self.scalar(dtype, {"$float": node}).tobytes().hex(), wanted)

    def test_arrays_that_are_no_tensors(self):
        for array in (
            np.array([b"ab", b""], "S3"),
            np.array([["é", "\U0001f600"]]),
            np.array([0, "NaT"], "M8[ns]"),
            np.array([1.5], np.longdouble),
            np.zeros((0, 3), "S2"),
            np.array("x"),
        ):
            node = {
                "dtype": array.dtype.str,
                "shape": list(array.shape),
                "data": base64_of(array.tobytes()),
            }
            loaded = self.load({"$ndarray": node})
            self.assertEqual((loaded.dtype, loaded.shape), (array.dtype, array.shape))
            self.assertEqual(loaded.tobytes(), array.tobytes())
            self.assertTrue(loaded.flags.writeable)

    def test_an_array_of_objects(self):
        loaded = self.load(
            {"$ref": 0},
            {"$ndarray": {"dtype": "|O", "shape": [2, 2], "items": [1, [2], {"$ref": 0}, None]}},
        )
        self.assertEqual((loaded.dtype, loaded.shape), (np.dtype(object), (2, 2)))
        self.assertEqual(loaded[0, 1], [2])
        self.assertIs(loaded[1, 0], loaded)

    def test_a_structure(self):
        array = np.array([(1, 0.5), (2, 1.5)], [("a", "<i8"), ("b", "<f4")])
        node = {"dtype": STRUCTURE, "shape": [2], "data": base64_of(array.tobytes())}
        loaded = self.load({"$ndarray": node})
        self.assertEqual(loaded.dtype, array.dtype)
        self.assertEqual(loaded.tolist(), array.tolist())
        one = self.load(
            {
                "$scalar": {
                    "dtype": STRUCTURE,
                    "value": {"$bytes": base64_of(array[0].tobytes())},
                }
            }
        )
        self.assertEqual(one, array[0])

    def test_a_structure_with_addresses_is_not_made(self):
        dtype = copy.deepcopy(STRUCTURE)
        dtype["$object"]["state"][0]["$tuple"][4]["a"] = {"$tuple": [{"$dtype": "|O"}, 0]}
        loaded = self.load(
            {"$ndarray": {"dtype": dtype, "shape": [1], "data": base64_of(bytes(12))}}
        )
        self.assertEqual(
            (loaded.unbrine.class_name, loaded.shape, loaded.data),
            ("numpy.ndarray", (1,), bytes(12)),
        )
        self.assertEqual(loaded.dtype.unbrine.class_name, "numpy.dtype")

    def test_a_class_of_arrays(self):
        node = {
            "dtype": "|S1",
            "shape": [1],
            "data": "QQ==",
            "class": ["numpy", "chararray"],
            "state": {"x": 1},
        }
        loaded = self.load({"$ndarray": node})
        self.assertEqual(
            (loaded.unbrine_class, loaded.x, loaded[0]), (Global("numpy", "chararray"), 1, b"A")
        )

    def test_a_masked_array(self):
        data = struct.pack("<2f", 1, 2) + b"\0\1"
        node = {
            "file": "arrays.safetensors",
            "name": "x",
            "mask": {"file": "arrays.safetensors", "name": "x.mask"},
            "fill": 9.0,
        }
        file = safetensors({"x": ("F32", [2], 0, 8), "x.mask": ("BOOL", [2], 8, 10)}, data)
        loaded = self.load({"$ndarray": node}, arrays=file)
        self.assertEqual(loaded.tolist(), [1.0, None])
        self.assertEqual((loaded.fill_value, loaded.data.tolist()), (9.0, [1.0, 2.0]))


class Tensors(TreeTest):
    """As numpy's; what torch's are is asked by tests/oracle/tree_test.py."""

    def tensor(self, dtype, shape, data, **beside):
        node = {"$tensor": {"file": "model.safetensors", "name": "w", **beside}}
        return self.load(node, model=safetensors({"w": (dtype, shape, 0, len(data))}, data))

    def test_each_dtype_of_numpy(self):
        for dtype, name in (
            ("F64", "<f8"),
            ("F32", "<f4"),
            ("F16", "<f2"),
            ("C64", "<c8"),
            ("I64", "<i8"),
            ("I32", "<i4"),
            ("I16", "<i2"),
            ("I8", "i1"),
            ("U64", "<u8"),
            ("U32", "<u4"),
            ("U16", "<u2"),
            ("U8", "u1"),
        ):
            array = np.array([[1, 2, 3]], name)
            loaded = self.tensor(dtype, [1, 3], array.tobytes())
            np.testing.assert_array_equal(loaded, array, strict=True)
            self.assertIs(type(loaded), np.ndarray)
            self.assertTrue(loaded.flags.writeable)
        np.testing.assert_array_equal(self.tensor("BOOL", [2], b"\0\1"), np.array([False, True]))

    def test_shapes(self):
        self.assertEqual(self.tensor("F32", [], bytes(4)).shape, ())
        self.assertEqual(self.tensor("F32", [0, 3], b"").shape, (0, 3))

    def test_what_numpy_has_no_type_for(self):
        loaded = self.tensor("F4", [2, 2], b"\x12\x34")
        self.assertEqual((loaded.dtype, loaded.shape), ("float4_e2m1fn_x2", (2, 2)))
        self.assertEqual(loaded.bits.tobytes(), b"\x12\x34")

    def test_bfloat16(self):
        loaded = self.tensor("BF16", [2], b"\x80\x3f\x00\x40")
        try:
            import ml_dtypes
        except ImportError:
            self.assertEqual((loaded.dtype, loaded.bits.tolist()), ("bfloat16", [0x3F80, 0x4000]))
        else:
            self.assertEqual(loaded.dtype, ml_dtypes.bfloat16)
            self.assertEqual(loaded.astype(np.float32).tolist(), [1.0, 2.0])

    def test_a_parameter_with_attributes(self):
        loaded = self.tensor(
            "F32",
            [1],
            bytes(4),
            requires_grad=True,
            state={"mean": [1]},
            **{"class": ["torch.nn.parameter", "Parameter"]},
        )
        self.assertTrue(loaded.requires_grad)
        self.assertEqual((loaded.unbrine_class.name, loaded.mean), ("Parameter", [1]))
        self.assertFalse(loaded[:1].requires_grad)

    def test_a_class_that_is_no_name(self):
        for cls, loaded in ((None, None), ("text", "text"), ({"$tuple": []}, ())):
            array = self.tensor("F32", [1], bytes(4), requires_grad=True, **{"class": cls})
            self.assertEqual(array.unbrine_class, loaded)

    def test_one_name_is_one_object_and_aliases_share_memory(self):
        here = {"file": "model.safetensors"}
        nodes = [{"$tensor": {**here, "name": name}} for name in ("v", "v")]
        nodes += [
            {"$tensor": {**here, "name": name, "alias_of": "v"}} for name in ("w", "not there")
        ]
        file = safetensors({"v": ("U8", [2], 0, 2), "w": ("U8", [2], 2, 4)}, b"\1\2\1\2")
        a, b, c, d = self.load(nodes, model=file)
        self.assertIs(a, b)
        a[0] = 9
        self.assertEqual([x.tolist() for x in (c, d)], [[9, 2], [9, 2]])
        self.assertIsNot(a, c)

    def test_mapped_files(self):
        file = safetensors({"w": ("F32", [2], 0, 8)}, TWO_FLOATS)
        self.write(W, model=file)
        array = unbrine.load_tree(self.folder, mmap=True)["w"]
        array[0] = 5
        self.assertEqual(array.tolist(), [5.0, 2.0])
        self.assertEqual((self.folder / "model.safetensors").read_bytes(), file)

    def test_without_data(self):
        loaded = self.load(
            [
                {"$tensor": {"dtype": "float32", "shape": [2], "meta": True}},
                {"$tensor": {"dtype": "float32", "shape": [2], "left_out": True}},
                {"$storage": {"left_out": True}},
            ]
        )
        self.assertEqual([x.reason for x in loaded], ["meta", "left_out", "left_out"])
        self.assertEqual((loaded[0].shape, str(loaded[0].dtype)), ((2,), "float32"))

    def test_complex_numbers(self):
        for dtype, kind, wanted in (("F64", "<f8", np.complex128), ("F16", "<f2", np.complex64)):
            pair = np.array([[1, -2], [0, 0.5]], kind)
            node = {
                "layout": "complex",
                "dtype": "complex128",
                "shape": [2],
                "parts": {"pair": W["w"]["$tensor"]},
            }
            file = safetensors({"w": (dtype, [2, 2], 0, pair.nbytes)}, pair.tobytes())
            loaded = self.load({"$tensor": node}, model=file)
            np.testing.assert_array_equal(loaded, np.array([1 - 2j, 0.5j], wanted), strict=True)

    def test_packed_types_and_composites_are_their_parts(self):
        part = {"file": "model.safetensors", "name": "w"}
        file = safetensors({"w": ("U8", [2], 0, 2)}, b"\1\2")
        packed = {"layout": "packed", "dtype": "bits8", "shape": [2], "parts": {"bytes": part}}
        loaded = self.load({"$tensor": packed}, model=file)
        self.assertEqual(
            (loaded.dtype, loaded.shape, loaded.bits.tolist()), ("bits8", (2,), [1, 2])
        )
        sparse = {
            "layout": "sparse_coo",
            "dtype": "uint8",
            "shape": [9],
            "parts": {"indices": part, "values": part},
        }
        loaded = self.load({"$tensor": sparse}, model=file)
        self.assertEqual(
            (loaded.layout, loaded.shape, sorted(loaded.parts)),
            ("sparse_coo", (9,), ["indices", "values"]),
        )


if __name__ == "__main__":
    unittest.main()
