"""Does load_tree refuse a damaged folder, and say in which file and where?"""

import json
import math
import os
import struct
import unittest

import numpy as np
from tree_folder import TreeError, TreeTest, base64_of, document, safetensors, unbrine

NESTED = json.dumps([[[]]]).replace("[]", "[" * 5000 + "]" * 5000)


W = {"w": {"$tensor": {"file": "model.safetensors", "name": "w"}}}
TWO_FLOATS = struct.pack("<2f", 1.0, 2.0)


class BadDocuments(TreeTest):
    def test_a_folder_that_is_not_there(self):
        with self.assertRaisesRegex(TreeError, "state.json: cannot be read"):
            unbrine.load_tree(self.folder / "none")

    def test_another_word_for_tensors(self):
        with self.assertRaisesRegex(ValueError, "numpy.*torch"):
            unbrine.load_tree(self.folder, tensors="jax")

    def test_text_that_is_no_json(self):
        self.assert_refused("state.json: no JSON at character 0", "")
        self.assert_refused("no JSON at character 1", "{")
        self.assert_refused("no UTF-8 at byte 0", b"\xff")
        self.assert_refused("NaN is no JSON", document(math.nan))
        self.assert_refused(
            "too large", document(0).replace("0}", "1e400}").replace(": 0", ": 1e400")
        )

    def test_a_repeated_key(self):
        self.assert_refused("the key 'a' is repeated", document({}).replace("{}", '{"a":1,"a":2}'))

    def test_another_schema(self):
        self.assert_refused("its schema is 'unbrine.tree/2'", document(0).replace("/1", "/2"))
        self.assert_refused("its schema is a NoneType", "{}")
        self.assert_refused("no JSON object", "[]")

    def test_more_or_less_than_a_tree(self):
        self.assert_refused("expected schema, tree and shared", '{"schema":"unbrine.tree/1"}')
        self.assert_refused(
            "shared: expected an array", '{"schema":"unbrine.tree/1","tree":0,"shared":{}}'
        )

    def test_nesting_beyond_all_bounds(self):
        self.assert_refused("values nested too deep", document(0).replace("0", NESTED))

    def test_an_integer_that_should_be_text(self):
        self.assert_refused("an integer of 30 digits", document(10**29))


class BadValues(TreeTest):
    def test_the_message_says_where(self):
        message = self.assert_refused("$oops", {"a": [0, {"$tuple": [{"$oops": 1}]}]})
        self.assertEqual(message, "state.json: tree['a'][1][0]: '$oops' is no kind of value")

    def test_text_of_the_file_is_escaped_and_cut(self):
        message = self.assert_refused("no kind of value", {"$\x1b[2J" + "x" * 200: 1})
        self.assertNotIn("\x1b", message)
        self.assertLess(len(message), 150)

    def test_two_kinds_at_once(self):
        self.assert_refused("no kind of value", {"$tuple": [], "$set": []})

    def test_a_companion_that_is_not_known(self):
        self.assert_refused("'maxlen' is not known beside $set", {"$set": [], "maxlen": 1})

    def test_references(self):
        for index in (1, -1, True, "0", None, 0.0):
            self.assert_refused("a $ref is an index below 1", {"$ref": index}, [])
        self.assert_refused("is itself no $ref", {"$ref": 0}, {"$ref": 0})

    def test_cycles_of_what_cannot_be_empty(self):
        self.assert_refused("holds itself", {"$ref": 0}, {"$tuple": [{"$ref": 0}]})
        self.assert_refused("holds itself", {"$ref": 0}, {"$stream": {"$ref": 0}, "kind": "pickle"})
        self.assert_refused("holds itself", {"$ref": 0}, {"$frozenset": [{"$ref": 0}]})
        self.assert_refused(
            "holds itself", {"$ref": 0}, {"$dict": [[{"$tuple": [{"$ref": 0}]}, 1]]}
        )

    def test_numbers(self):
        for text in ("", "-", "1.0", " 1", "1_0", "٣", 1, None):
            self.assert_refused("state.json: tree", {"$int": text})
        for text in ("NaN", "0x7ff0000000000000", "0x3ff0000000000000", "0x7FF8000000000000", 1.0):
            self.assert_refused("state.json: tree", {"$float": text})
        self.assert_refused("are numbers", {"$complex": ["1", 2]})
        self.assert_refused("state.json: tree", {"$complex": [1.0]})

    def test_bytes(self):
        for text in ("A", "QQ=", "Q Q=", "é", 1):
            self.assert_refused("state.json: tree", {"$bytes": text})
        self.assert_refused("no UTF-8 at byte 0", {"$str": base64_of(b"\xff")})

    def test_ranges_slices_and_sizes(self):
        self.assert_refused("state.json: tree", {"$range": [1, 2, 0]})
        self.assert_refused("state.json: tree", {"$range": ["a"]})
        self.assert_refused("state.json: tree", {"$slice": [1]})
        self.assert_refused("64 bits", {"$size": [{"$int": str(2**64)}]})
        self.assert_refused("64 bits", {"$size": ["a"]})
        self.assert_refused("maxlen", {"$deque": [], "maxlen": -1})

    def test_names_and_pairs(self):
        for content in ("a.b", ["a"], ["a", 1], ["a", "b", "c"]):
            self.assert_refused("state.json: tree", {"$global": content})
        for content in ([1], [[1]], [[1, 2, 3]], 1):
            self.assert_refused("state.json: tree", {"$dict": content})
        self.assert_refused("starts with '$'", {"$odict": {"$a": 1}})

    def test_objects(self):
        self.assert_refused("an object has a class", {"$object": {"by": "reduce"}})
        self.assert_refused("made by one of", {"$object": {"class": ["a", "b"], "by": "eval"}})
        self.assert_refused(
            "'module' is not known", {"$object": {"class": ["a", "b"], "by": "inst", "module": 1}}
        )

    def test_numpy_values(self):
        for dtype, value in (
            ("<f4", 0.1),
            ("<f4", 1),
            ("<i4", 1.5),
            ("<i1", 128),
            ("|u1", -1),
            ("|O8", 1),
            ("<f8", "1"),
            ("f", 1.0),
            ("<V99999999999", 1),
            ("<U3", 5),
            ("(2,3)<f4", 1.0),
            (7, 1),
            ("<M8[xx]", {"$bytes": base64_of(bytes(8))}),
            ("<f16", 1.0),
            ("<M8[s]", {"$bytes": base64_of(bytes(7))}),
        ):
            self.assert_refused("state.json: tree", {"$scalar": {"dtype": dtype, "value": value}})

    def test_numpy_arrays(self):
        for node in (
            {"dtype": "|S4", "shape": [2], "data": "AAAA"},
            {"dtype": "|S4", "shape": [-1], "data": ""},
            {"dtype": "|O", "shape": [1], "data": base64_of(bytes(8))},  # an address
            {"dtype": "<U1", "shape": [1], "data": base64_of(b"\xff\xff\xff\xff")},
            {"dtype": "|O", "shape": [2], "items": [1]},
            {"dtype": "|O", "shape": [2**62, 2**62], "items": []},
            {"dtype": "|S0", "shape": [2**62, 2**62], "data": ""},
            {},
        ):
            with self.subTest(node=node):
                self.assert_refused("state.json: ", {"$ndarray": node})

    def test_keys_that_take_for_ever_to_hash(self):
        doubling = [{"$tuple": [{"$ref": i + 1}, {"$ref": i + 1}]} for i in range(13)]
        doubling.append({"$tuple": [1, 2]})
        keys = [[{"$tuple": [i, {"$ref": 0}]}, 0] for i in range(2000)]
        self.assert_refused("too long to hash", {"$dict": keys}, *doubling)


class BadTensorFiles(TreeTest):
    def refused(self, what, content):
        return self.assert_refused(what, W, model=content)

    def test_names_that_lead_elsewhere(self):
        for name in (
            "../model.safetensors",
            "/etc/passwd",
            "a/b.safetensors",
            "..",
            "",
            "state.json",
            "model.safetensors\0",
            "model.safetensors\n",
            "a\\b.safetensors",
            5,
            None,
        ):
            node = {"$tensor": {"file": name, "name": "w"}}
            self.assert_refused("state.json: tree", node)

    def test_a_file_that_is_not_there(self):
        self.assert_refused("tree['w']: model.safetensors: cannot be read", W)

    def test_a_pipe_is_not_waited_for(self):
        os.mkfifo(self.folder / "model.safetensors")
        self.assert_refused("no regular file", W)

    def test_a_name_that_is_not_in_it(self):
        self.refused("model.safetensors has no tensor 'w'", safetensors("{}"))

    def test_lengths(self):
        self.refused("0 bytes are no safetensors file", b"")
        self.refused("header of 9223372036854775808 bytes", struct.pack("<Q", 2**63) + b"{}")
        self.refused("header of 3 bytes is longer", struct.pack("<Q", 3) + b"{}")

    def test_headers(self):
        self.refused("model.safetensors: no JSON", safetensors("{"))
        self.refused("header is no object", safetensors("[]"))
        self.refused("'w' is repeated", safetensors('{"w":{},"w":{}}'))
        self.refused("expected dtype, shape and data_offsets", safetensors('{"w":[]}'))
        self.refused("'F31' is no known dtype", safetensors({"w": ("F31", [2], 0, 8)}, TWO_FLOATS))

    def test_shapes(self):
        for shape in ([-1], [1.0], [True], ["2"], 2, [2**63], [1] * 65):
            self.refused("tensor 'w'", safetensors({"w": ("F32", shape, 0, 8)}, TWO_FLOATS))
        self.refused("needs 96 bits, has 64", safetensors({"w": ("F32", [3], 0, 8)}, TWO_FLOATS))
        self.refused(
            "has 64", safetensors({"w": ("F32", [2**62, 2**62], 0, 8)}, TWO_FLOATS)
        )  # not: 0 bytes

    def test_places(self):
        self.refused("not in the file", safetensors({"w": ("F32", [2], 0, 8)}, b"1234567"))
        self.refused("not in the file", safetensors({"w": ("F32", [2], 8, 0)}, TWO_FLOATS))
        self.refused("tensors end at byte", safetensors({"w": ("U8", [1], 0, 1)}, b"12"))
        self.refused("hole or overlap", safetensors({"w": ("U8", [1], 1, 2)}, b"12"))
        overlap = {"w": ("U8", [2], 0, 2), "v": ("U8", [2], 1, 3)}
        self.refused("hole or overlap", safetensors(overlap, b"123"))

    def test_a_bool_that_is_neither(self):
        self.refused("a BOOL is 0 or 1", safetensors({"w": ("BOOL", [1], 0, 1)}, b"\2"))

    def test_an_alias_of_another_shape(self):
        node = {"$tensor": {"file": "model.safetensors", "name": "v", "alias_of": "w"}}
        header = {"w": ("U8", [2], 0, 2), "v": ("U8", [1, 2], 2, 4)}
        self.assert_refused("'v' is no alias of 'w'", node, model=safetensors(header, b"1234"))

    def test_tensors_without_a_place(self):
        for node in (
            {},
            {"name": "w"},
            {"file": 1, "name": "w"},
            {"meta": 1},
            {"meta": False},
            {"layout": "quantized", "parts": {"": 1}},
            {"oops": 1},
            {"meta": True, "dtype": "float32", "shape": [-1]},
        ):
            self.assert_refused("state.json: ", {"$tensor": node})
        self.assert_refused("expected text for 'file'", {"$storage": {}})


class BadBlobs(TreeTest):
    NODE = {"$tensor": {"file": "model.blob", "name": "w"}}

    def write_blob(self, index, data=b"\1\2\3\4"):
        (self.folder / "model.blob").write_bytes(data)
        (self.folder / "model.blob.json").write_text(json.dumps(index))

    def row(self, **changed):
        row = {"name": "w", "dtype": "U8", "shape": [4], "offset": 0, "size": 4}
        return {**row, **changed}

    def refused(self, what, *rows):
        self.write_blob({"schema": "unbrine.blob/1", "tensors": list(rows)})
        self.assert_refused(what, self.NODE)

    def test_an_index_that_is_none(self):
        self.assert_refused("cannot be read", self.NODE)
        for index in ({}, [], {"schema": "unbrine.blob/2"}, {"schema": "unbrine.blob/1"}):
            self.write_blob(index)
            self.assert_refused("model.blob.json", self.NODE)

    def test_rows(self):
        self.refused("has no tensor 'w'")
        self.refused("repeated", self.row(), self.row())
        self.refused("not in the file", self.row(offset=1))
        self.refused("not in the file", self.row(offset=-1))
        self.refused("must be integers", self.row(offset=0.0))
        self.refused("must be integers", self.row(size="4"))
        self.refused("expected an object with a name", 1)
        self.refused("needs 24 bits", self.row(shape=[3]))
        self.refused(
            "overlap at byte 3", self.row(), self.row(name="v", offset=3, size=1, shape=[1])
        )

    def test_a_sound_one(self):
        self.write_blob(
            {"schema": "unbrine.blob/1", "tensors": [self.row(size=2, shape=[2], offset=2)]}
        )
        np.testing.assert_array_equal(self.load(self.NODE), np.array([3, 4], np.uint8))


if __name__ == "__main__":
    unittest.main()
