"""Does load_tree read each kind of value that state.json knows?

Documents are written by hand here; what `unbrine convert` writes is read by
tests/oracle/tree_test.py.
"""

import collections
import copy
import json
import math
import pickle
import struct
import subprocess
import sys
import unittest

import numpy as np
from tree_folder import PYTHON, Global, TreeTest, base64_of, document, namespace, unbrine


def bits(number):
    return struct.pack(">d", number).hex()


class Scalars(TreeTest):
    def test_literals(self):
        values = [None, True, False, 0, -1, 2**53, "", "é\0\u2028", 0.1, 1e-320, 5e-324, 1e22]
        loaded = self.load(values)
        self.assertEqual(loaded, values)
        self.assertEqual([type(v) for v in loaded], [type(v) for v in values])

    def test_the_sign_of_zero(self):
        self.assertEqual(math.copysign(1, self.load(document(0).replace(": 0", ": -0.0"))), -1)

    def test_floats_that_json_lacks(self):
        loaded = self.load(
            [{"$float": name} for name in ("inf", "-inf", "nan", "0xfff4000000000001")]
        )
        self.assertEqual(loaded[:2], [math.inf, -math.inf])
        self.assertEqual(bits(loaded[2]), "7ff8000000000000")
        self.assertEqual(bits(loaded[3]), "fff4000000000001")

    def test_large_integers(self):
        long = "-1" + "0" * 20000
        self.assertEqual(self.load([{"$int": str(2**200)}, {"$int": long}]), [2**200, -(10**20000)])

    def test_odd_text_and_bytes(self):
        loaded = self.load(
            [{"$str": base64_of(b"a\xed\xa0\x80")}, {"$bytes": "AAE="}, {"$bytearray": ""}]
        )
        self.assertEqual(loaded, ["a\ud800", b"\0\1", bytearray()])
        self.assertIs(type(loaded[2]), bytearray)

    def test_complex_slice_range(self):
        loaded = self.load(
            [
                {"$complex": [0.5, -0.0]},
                {"$slice": [None, 2, {"$int": "3"}]},
                {"$range": [5]},
                {"$range": [5, 0, -2]},
            ]
        )
        self.assertEqual(loaded, [complex(0.5, -0.0), slice(None, 2, 3), range(5), range(5, 0, -2)])
        self.assertEqual(math.copysign(1, loaded[0].imag), -1)

    def test_names(self):
        loaded = self.load(
            [
                {"$global": ["a.b", "c"]},
                {"$global": ["a", "b.c"]},
                {"$global": ["m", "C"], "source": "class C: 0"},
            ]
        )
        self.assertNotEqual(loaded[0], loaded[1])
        self.assertEqual(loaded[2], Global("m", "C"))
        self.assertEqual(loaded[2].source, "class C: 0")
        self.assertEqual(str(loaded[0]), "a.b.c")
        self.assertFalse(callable(loaded[0]))

    def test_a_persistent_id(self):
        loaded = self.load({"$persid": {"$tuple": ["model", 1]}})
        self.assertEqual(loaded.value, ("model", 1))

    def test_numpy_dtypes(self):
        self.assertEqual(
            self.load([{"$dtype": "<f4"}, {"$dtype": "|O"}, {"$dtype": "<M8[25s]"}]),
            [np.dtype("<f4"), np.dtype("O"), np.dtype("<M8[25s]")],
        )


class Containers(TreeTest):
    def test_each_kind(self):
        loaded = self.load(
            {
                "tuple": {"$tuple": [1, [2]]},
                "set": {"$set": [1, {"$tuple": [2]}]},
                "frozenset": {"$frozenset": ["a"]},
                "deque": {"$deque": [1, 2], "maxlen": 3},
                "counter": {"$counter": [["a", 2]]},
                "odict": {"$odict": {"b": 1, "a": 2}},
                "odict of pairs": {"$odict": {"$dict": [[1, 2]]}},
                "dict": {"$dict": [[2, "int"], ["$x", "text"], [None, 0], [2.5, 1], [True, 3]]},
            }
        )
        expected = {
            "tuple": (1, [2]),
            "set": {1, (2,)},
            "frozenset": frozenset("a"),
            "deque": collections.deque([1, 2], 3),
            "counter": collections.Counter(a=2),
            "odict": collections.OrderedDict(b=1, a=2),
            "odict of pairs": collections.OrderedDict({1: 2}),
            "dict": {2: "int", "$x": "text", None: 0, 2.5: 1, True: 3},
        }
        self.assertEqual(loaded, expected)
        self.assertEqual([type(v) for v in loaded.values()], [type(v) for v in expected.values()])
        self.assertEqual(loaded["deque"].maxlen, 3)

    def test_the_order_of_keys(self):
        self.assertEqual(list(self.load({"b": 1, "a": 2, "": 3})), ["b", "a", ""])

    def test_a_factory_is_not_called(self):
        loaded = self.load({"$defaultdict": [["a", 1]], "factory": {"$global": ["os", "getcwd"]}})
        self.assertIsInstance(loaded, collections.defaultdict)
        self.assertEqual((loaded, loaded.factory), ({"a": 1}, Global("os", "getcwd")))
        with self.assertRaises(KeyError):
            loaded["b"]

    def test_attributes(self):
        metadata = {"$odict": {"": {"version": 1}}}
        loaded = self.load({"$odict": {"w": 1}, "attrs": {"_metadata": metadata}})
        self.assertEqual(loaded._metadata, {"": {"version": 1}})
        for node in (
            {"$set": [1]},
            {"$deque": [1]},
            {"$dict": [[1, 1]]},
            {"$counter": [[1, 1]]},
            {"$frozenset": [1]},
        ):
            self.assertEqual(self.load({**node, "attrs": {"x": [1]}}).x, [1])

    def test_attributes_by_which_numpy_would_read_any_address(self):
        attributes = {"__array_interface__": {"data": {"$tuple": [4096, False]}}, "x": 1}
        loaded = self.load({"$odict": {}, "attrs": attributes})
        self.assertFalse(hasattr(loaded, "__array_interface__"))
        self.assertEqual((loaded.x, loaded.unbrine_state["x"]), (1, 1))

    def test_keys_that_cannot_be_hashed(self):
        loaded = self.load({"$dict": [[[1], "a"], ["b", {"$tuple": []}]]})
        self.assertIsInstance(loaded, unbrine.Pairs)
        self.assertEqual((loaded, loaded.kind), ([([1], "a"), ("b", ())], "dict"))

    def test_items_that_cannot_be_hashed(self):
        loaded = self.load({"$set": [1, {"$tuple": [[2]]}]})
        self.assertEqual(loaded.unbrine.class_name, "builtins.set")
        self.assertEqual(loaded.unbrine.values, [1, ([2],)])

    def test_a_stream_is_what_is_in_it(self):
        self.assertEqual(self.load({"b": {"$stream": {"a": 1}, "kind": "pickle"}}), {"b": {"a": 1}})


class Sharing(TreeTest):
    def test_one_object_reached_twice(self):
        a, b, c = self.load(
            [{"$ref": 0}, {"$tuple": [{"$ref": 0}]}, {"$ref": 1}], [1], {"$tuple": [{"$ref": 0}]}
        )
        self.assertIs(a, b[0])
        self.assertIs(a, c[0])
        self.assertEqual(a, [1])

    def test_cycles(self):
        loop = self.load({"$ref": 0}, [{"$ref": 0}])
        self.assertIs(loop[0], loop)
        loop = self.load({"$ref": 0}, {"a": {"$tuple": [{"$ref": 0}]}})
        self.assertIs(loop["a"][0], loop)
        pair = self.load({"$ref": 0}, {"$tuple": [[{"$ref": 0}], 1]})
        self.assertIs(pair[0][0], pair)

    def test_a_cycle_through_objects_and_keys(self):
        me = {"$object": {"class": ["m", "C"], "by": "reduce", "state": [{"all": {"$ref": 1}}]}}
        loaded = self.load({"$ref": 1}, me, {"$dict": [[{"$tuple": [{"$ref": 0}]}, 1]]})
        ((key,),) = loaded
        self.assertIs(key.all, loaded)

    def test_depth_beyond_recursion(self):
        for kind in (
            lambda v: [v],
            lambda v: {"$tuple": [v]},
            lambda v: {"a": v},
            lambda v: {"$object": {"class": ["m", "C"], "by": "reduce", "args": [v]}},
            lambda v: {"$stream": v, "kind": "pickle"},
        ):
            shared = [kind({"$ref": i + 1}) for i in range(20000)]
            self.load({"$ref": 0}, *shared, 7)

    def test_keys_nested_deeper_than_python_hashes(self):
        shared = [{"$tuple": [{"$ref": i + 1}]} for i in range(50000)]
        self.assertIsInstance(self.load({"$dict": [[{"$ref": 0}, 1]]}, *shared, 7), unbrine.Pairs)


class Records(TreeTest):
    def test_attributes(self):
        args = self.load(namespace(lr=0.1, state="s", items=[1], unbrine=2))
        self.assertEqual((args.lr, args.state, args.items), (0.1, "s", [1]))
        self.assertEqual(vars(args), {"lr": 0.1, "state": "s", "items": [1], "unbrine": 2})
        self.assertEqual(args["unbrine"], 2)
        self.assertIn("lr", args)
        self.assertNotIn("wd", args)
        with self.assertRaisesRegex(AttributeError, "argparse.Namespace.* has no attribute 'wd'"):
            _ = args.wd

    def test_all_that_the_file_says(self):
        loaded = self.load(
            {
                "$object": {
                    "class": ["a.b", "C.D"],
                    "by": "newobj_ex",
                    "args": [1, {"$tuple": []}],
                    "kwargs": {"k": 2},
                    "state": [{"x": 1}, {"$tuple": [None, {"y": 2}]}],
                    "items": [["k", "v"]],
                    "values": [3],
                }
            }
        )
        call = loaded.unbrine
        self.assertEqual(call.cls, Global("a.b", "C.D"))
        self.assertEqual((call.class_name, call.by), ("a.b.C.D", "newobj_ex"))
        self.assertEqual((call.args, call.kwargs), ((1, ()), {"k": 2}))
        self.assertEqual(call.state, [{"x": 1}, (None, {"y": 2})])
        self.assertEqual((call.items, call.values), ([("k", "v")], [3]))
        self.assertEqual((loaded.x, loaded.y, loaded["k"], loaded[0]), (1, 2, "v", 3))

    def test_members_left_out_are_empty(self):
        call = self.load({"$object": {"class": {"$global": ["a", "b"]}, "by": "reduce"}}).unbrine
        self.assertEqual(
            (call.args, call.kwargs, call.state, call.items, call.values), ((), None, [], [], [])
        )

    def test_arguments_that_are_no_tuple(self):
        node = {"$object": {"class": ["a", "b"], "by": "reduce", "args": {"$ref": 0}}}
        self.assertEqual(self.load(node, [1]).unbrine.args, [1])

    def test_the_last_state_counts(self):
        node = namespace(a=1, b=1)
        node["$object"]["state"].append({"a": 2})
        loaded = self.load(node)
        self.assertEqual((loaded.a, loaded.b, vars(loaded)), (2, 1, {"a": 2, "b": 1}))

    def test_attributes_in_a_stream_of_skorch(self):
        stream = {"$stream": {"module_": 1}, "kind": "pickle"}
        net = self.load(namespace(lr=0.1, __cuda_dependent_attributes__=stream))
        self.assertEqual((net.lr, net.module_), (0.1, 1))

    def test_names_of_protocols_are_not_attributes(self):
        interface = {
            "data": {"$tuple": [4096, False]},
            "shape": {"$tuple": [1]},
            "typestr": "<f8",
            "version": 3,
        }
        loaded = self.load(namespace(__array_interface__=interface, __class__=1, __deepcopy__=2))
        self.assertFalse(hasattr(loaded, "__array_interface__"))
        self.assertEqual(np.asarray(loaded).dtype, object)
        self.assertEqual(loaded["__class__"], 1)
        self.assertIs(type(loaded), unbrine.Record)

    def test_it_can_be_copied_pickled_and_hashed(self):
        loaded = self.load(namespace(lr=[1]))
        for other in (copy.deepcopy(loaded), pickle.loads(pickle.dumps(loaded))):
            self.assertEqual(vars(other), vars(loaded))
            self.assertNotEqual(other, loaded)
        self.assertEqual(len({loaded, loaded}), 1)

    def test_it_shows_what_it_is(self):
        loaded = self.load({"$ref": 0}, namespace(lr=0.1, me={"$ref": 0}, n={"$int": "9" * 9000}))
        self.assertEqual(
            repr(loaded), "<argparse.Namespace lr=0.1 me=<argparse.Namespace> n=<int>>"
        )

    def test_it_cannot_be_changed_or_called_or_iterated(self):
        loaded = self.load(namespace(lr=0.1))
        with self.assertRaises(AttributeError):
            loaded.lr = 1
        with self.assertRaises(TypeError):
            iter(loaded)
        self.assertFalse(callable(loaded))

    def test_json_for_reading(self):
        tree = self.load(
            [namespace(p={"$set": [1]}), {"$bytes": "AA=="}, {"$dtype": "float32"}, {"$persid": 1}]
        )
        text = json.dumps(tree, default=unbrine.plain)
        self.assertEqual(
            json.loads(text),
            [
                {"class": "argparse.Namespace", "by": "newobj", "state": [{"p": [1]}]},
                {"base64": "AA=="},
            ]
            + [json.loads(json.dumps(unbrine.plain(tree[2]))), {"persistent_id": 1}],
        )


class WithoutTorch(TreeTest):
    def test_numpy_mode_never_imports_torch(self):
        size, dtype = {"$size": [1]}, {"$dtype": "float32"}
        self.write([namespace(lr=0.1), size, dtype, {"$device": "cpu"}, {"$dtype": "<f4"}])
        program = (
            "import sys; sys.modules['torch'] = None; sys.modules['ml_dtypes'] = None\n"
            f"sys.path.insert(0, {PYTHON!r})\n"
            f"import unbrine; print(*unbrine.load_tree({str(self.folder)!r}))"
        )
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        shown = "<argparse.Namespace lr=0.1> Size([1]) float32 cpu float32\n"
        self.assertEqual(run.stdout, shown, run.stderr)


if __name__ == "__main__":
    unittest.main()
