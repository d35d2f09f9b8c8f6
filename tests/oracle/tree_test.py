"""Does load_tree give back the object that pickle or torch.save was given, to the last bit?

Live objects are written in every protocol, converted to a folder, read back, and compared with the
object itself: types, bits of numbers, order, and which values are one. Objects of classes come back
as records, which must say what the object's own __reduce_ex__ says.
"""

import _compat_pickle
import argparse
import collections
import copyreg
import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import math
import pathlib
import pickle
import struct
import sys
import types
import unittest
import uuid
import warnings

import jsonschema
import numpy as np
import torch

from oracle import ROOT, WRITERS, OracleTest

sys.path.insert(0, str(ROOT / "python"))

import unbrine  # noqa: E402
from unbrine import Global, Record  # noqa: E402

SCHEMA = json.loads((ROOT / "docs/unbrine.tree.1.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
LARGEST_VALIDATED = 200_000  # bytes of a document

SCALARS = (type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device)
PICKLES = [{"pickle": protocol} for protocol in range(6)]


class Color(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Plan:
    lr: float
    steps: tuple
    parent: object = None


class SkorchLike:
    """Keeps what may live on a GPU as a pickle of its own, as skorch does."""

    def __init__(self):
        self.weights = {"w": torch.arange(3.0), "n": (1, [2.5])}
        self.history = [1, 2]

    def __getstate__(self):
        hidden = pickle.dumps({"weights": self.weights})
        return {"history": self.history, "__cuda_dependent_attributes__": hidden}


class Slots:
    __slots__ = ("a", "b")


class Bag(dict):
    pass


class Row(list):
    pass


class Odd:
    """State that is no dict of attributes."""

    def __getstate__(self):
        return [1, self.__dict__["x"]]

    def __setstate__(self, state):
        self.__dict__["x"] = state[1]


Point = collections.namedtuple("Point", "x y")


def a_function():
    pass


def shown(value):
    try:
        return f"{type(value)} {value!r:.200}"
    except RecursionError:
        return f"{type(value)}, deep"


class Same:
    """Compares an object with what was loaded, without recursion."""

    def __init__(self, test, protocol):
        self.test = test
        self.protocol = protocol
        self.work = []
        self.loaded_of = {}  # by id of the live value
        self.live_of = {}
        self.kept = []

    def check(self, live, loaded, place="tree"):
        self.work.append((live, loaded, place))
        while self.work:
            live, loaded, place = self.work.pop()
            if isinstance(live, SCALARS) or isinstance(live, np.generic):
                self.scalar(live, loaded, place)
            elif self.is_new(live, loaded, place):
                self.value(live, loaded, place)

    def fail(self, place, live, loaded):
        self.test.fail(f"{place}: {shown(live)} and {shown(loaded)}")

    def require(self, condition, place, live, loaded):
        if not condition:
            self.fail(place, live, loaded)

    def is_new(self, live, loaded, place):
        """What is one object in the one is one in the other. Short tuples are free to be several."""
        self.kept += [live, loaded]
        if isinstance(live, (tuple, frozenset)) and all(isinstance(x, SCALARS) for x in live):
            return True
        if isinstance(live, (type, types.FunctionType, types.BuiltinFunctionType, np.dtype)):
            return True
        if id(live) in self.loaded_of:
            self.require(self.loaded_of[id(live)] is loaded, place, live, loaded)
            return False
        self.loaded_of[id(live)] = loaded
        if isinstance(loaded, (list, dict, set, Record, np.ndarray, torch.Tensor)):
            self.require(id(loaded) not in self.live_of, place, live, loaded)
            self.live_of[id(loaded)] = live
        return True

    def scalar(self, live, loaded, place):
        self.require(type(live) is type(loaded), place, live, loaded)
        if isinstance(live, np.generic):
            same = live.dtype == loaded.dtype and live.tobytes() == loaded.tobytes()
        elif isinstance(live, float):
            same = struct.pack("<d", live) == struct.pack("<d", loaded)
        elif isinstance(live, complex):
            parts = [struct.pack("<2d", x.real, x.imag) for x in (live, loaded)]
            same = parts[0] == parts[1]
        else:
            same = live == loaded
        self.require(same, place, live, loaded)

    def value(self, live, loaded, place):
        if isinstance(live, torch.Tensor):
            return self.tensor(live, loaded, place)
        if isinstance(live, np.ndarray):
            return self.array(live, loaded, place)
        if isinstance(live, (type, types.FunctionType, types.BuiltinFunctionType)):
            return self.require(loaded == self.name_of(live), place, live, loaded)
        if isinstance(live, (slice, range, np.dtype, torch.Size)):
            return self.require(type(live) is type(loaded) and live == loaded, place, live, loaded)
        plain = (list, tuple, set, frozenset, bytearray, dict, collections.OrderedDict)
        if type(live) in (*plain, collections.Counter, collections.defaultdict, collections.deque):
            return self.container(live, loaded, place)
        self.record(live, loaded, place)

    def container(self, live, loaded, place):
        is_one = isinstance(loaded, (type(live), unbrine.Pairs))
        self.require(is_one, place, live, loaded)
        self.require(len(live) == len(loaded), place, live, loaded)
        if isinstance(live, (bytearray, set, frozenset)):
            if len(live) == 1 and not isinstance(live, bytearray):
                return self.later(next(iter(live)), next(iter(loaded)), f"{place}<item>")
            return self.require(live == loaded, place, live, loaded)
        if isinstance(live, dict):
            pairs = loaded.items() if isinstance(loaded, dict) else loaded
            for i, ((key, value), (loaded_key, loaded_value)) in enumerate(
                zip(live.items(), pairs)
            ):
                self.later(key, loaded_key, f"{place}<key {i}>")
                self.later(value, loaded_value, f"{place}[{i}]")
        else:
            for i, (item, other) in enumerate(zip(live, loaded)):
                self.later(item, other, f"{place}[{i}]")
        if isinstance(live, collections.deque):
            self.require(live.maxlen == loaded.maxlen, place, live, loaded)
        if isinstance(live, collections.defaultdict):
            self.later(live.default_factory, loaded.factory, f"{place}.factory")
        if isinstance(live, collections.OrderedDict):
            self.later(vars(live), dict(vars(loaded)), f"{place}<attributes>")

    def later(self, live, loaded, place):
        self.work.append((live, loaded, place[-300:]))

    def array(self, live, loaded, place):
        native = live.astype(live.dtype.newbyteorder("=")) if live.dtype.kind in "iufc" else live
        self.require(isinstance(loaded, np.ndarray), place, live, loaded)
        self.require(
            native.dtype == loaded.dtype and live.shape == loaded.shape, place, native, loaded
        )
        if isinstance(live, np.ma.MaskedArray):
            self.require(isinstance(loaded, np.ma.MaskedArray), place, live, loaded)
            self.require((live.mask == loaded.mask).all(), place, live, loaded)
            self.require(live.fill_value == loaded.fill_value, place, live, loaded)
            native, loaded = native.data, loaded.data
        if live.dtype.hasobject:
            for i, (item, other) in enumerate(zip(live.flat, loaded.flat)):
                self.later(item, other, f"{place}[{i}]")
        else:
            self.require(native.tobytes() == loaded.tobytes(), place, live, loaded)

    def tensor(self, live, loaded, place):
        self.require(isinstance(loaded, torch.Tensor), place, live, loaded)
        for fact in (
            "dtype",
            "shape",
            "layout",
            "requires_grad",
            "is_quantized",
            "is_meta",
            "is_nested",
        ):
            if fact == "shape" and live.is_nested:
                continue
            self.require(
                getattr(live, fact) == getattr(loaded, fact), f"{place}.{fact}", live, loaded
            )
        is_parameter = isinstance(live, torch.nn.Parameter)
        self.require(is_parameter == isinstance(loaded, torch.nn.Parameter), place, live, loaded)
        for mine, other in zip(parts_of(live), parts_of(loaded), strict=True):
            self.require(
                mine.dtype == other.dtype and mine.shape == other.shape, place, live, loaded
            )
            self.require(bytes_of(mine) == bytes_of(other), place, live, loaded)

    # --- Objects ---

    def name_of(self, live):
        module, name = live.__module__, live.__qualname__
        if self.protocol < 3:
            module, name = _compat_pickle.REVERSE_NAME_MAPPING.get((module, name), (module, name))
            module = _compat_pickle.REVERSE_IMPORT_MAPPING.get(module, module)
        return Global(module, name)

    def record(self, live, loaded, place):
        self.require(isinstance(loaded, Record), place, live, loaded)
        call = loaded.unbrine
        function, args, state, items, pairs = (
            *live.__reduce_ex__(self.protocol),
            None,
            None,
            None,
        )[:5]
        by = "reduce"
        if function is copyreg.__newobj__:
            by, function, args = "newobj", args[0], args[1:]
        elif function is copyreg.__newobj_ex__ and self.protocol >= 4:
            by, function, args, kwargs = "newobj_ex", *args
            self.later(kwargs, call.kwargs, f"{place}<kwargs>")
        self.require(call.by == by, f"{place}<by {call.by}>", live, loaded)
        self.require(call.cls == self.name_of(function), f"{place}<class {call.cls}>", live, loaded)
        self.later(args, call.args, f"{place}<args>")
        self.later([] if state is None else [state], call.state, f"{place}<state>")
        self.later(list(items or ()), call.values, f"{place}<values>")
        self.later(
            [x for pair in pairs or () for x in pair],
            [x for pair in call.items for x in pair],
            f"{place}<items>",
        )


def parts_of(tensor):
    """Plain tensors that say all of one that is kept as several."""
    tensor = tensor.detach()
    if tensor.is_meta:
        return []
    if tensor.is_nested:
        return list(tensor.unbind())
    if tensor.layout == torch.sparse_coo:
        return [tensor._indices(), tensor._values()]
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        return [tensor.ccol_indices(), tensor.row_indices(), tensor.values()]
    if tensor.is_quantized and tensor.qscheme() == torch.per_tensor_affine:
        return [tensor.int_repr(), torch.tensor([tensor.q_scale(), tensor.q_zero_point()])]
    if tensor.is_quantized:
        numbers = [tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points()]
        raw = torch.empty(0, dtype=torch.uint8).set_(tensor.contiguous().untyped_storage())
        return [raw, *numbers, torch.tensor(tensor.q_per_channel_axis())]
    return [tensor]


def bytes_of(tensor):
    tensor = tensor.resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
    return bytes(tensor.reshape(-1).view(torch.uint8).numpy())


class TreeTest(OracleTest):
    validates = True

    def write(self, value, how):
        if "pickle" not in how:
            return self.save(value, **how)
        path = self.folder / "checkpoint.pkl"
        with open(path, "wb") as file:
            pickle.dump(value, file, how["pickle"])
        return path

    def convert_to_folder(self, path, *options):
        self.converted = getattr(self, "converted", 0) + 1
        output = self.folder / f"tree{self.converted}"
        run = self.unbrine("convert", path, "-o", f"{output}/", *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        text = (output / "state.json").read_text()
        if self.validates and len(text) < LARGEST_VALIDATED:
            for error in VALIDATOR.iter_errors(json.loads(text)):
                self.fail(f"{error.json_path}: {error.message:.300}")
        return output

    def read_back(self, path, *options):
        return unbrine.load_tree(self.convert_to_folder(path, *options), tensors="torch")

    def check(self, value, *writers):
        for how in writers or (*PICKLES, WRITERS[0], WRITERS[4]):
            with self.subTest(**how):
                loaded = self.read_back(self.write(value, how))
                Same(self, how.get("pickle", how.get("pickle_protocol"))).check(value, loaded)


class Scalars(TreeTest):
    def test_floats(self):
        nans = [
            struct.unpack("<d", struct.pack("<Q", bits))[0]
            for bits in (
                0x7FF8000000000000,
                0xFFF8000000000000,
                0x7FF4000000000001,
                0x7FFFFFFFFFFFFFFF,
            )
        ]
        values = [
            0.1,
            1e-320,
            5e-324,
            2.2250738585072014e-308,
            1.7976931348623157e308,
            -0.0,
            0.0,
            1.0,
            1e22,
            1e23,
            123456789012345680.0,
            2.0**63,
            math.pi,
            math.inf,
            -math.inf,
        ]
        self.check(values, {"pickle": 0}, {"pickle": 2}, WRITERS[0])
        self.check(nans, {"pickle": 1}, {"pickle": 5}, WRITERS[0])

    def test_integers(self):
        edges = [1 << bits for bits in (7, 8, 15, 16, 31, 32, 53, 62, 63, 64, 65, 200, 2000)]
        self.check(
            [0, *(sign * (edge + d) for edge in edges for d in (-1, 0, 1) for sign in (-1, 1))]
        )

    def test_others(self):
        self.check(
            [None, True, False, 1j, complex(-0.0, math.inf), slice(1, None, 2), range(3, 0, -1)]
        )

    def test_text(self):
        texts = [
            "",
            "a",
            "é",
            "\0",
            "\n",
            '"\\',
            "\u2028",
            "\U0001f600",
            "\ud800",
            "a\udfffb",
            "x" * 1000,
            "$ref",
        ]
        self.check([*texts, dict.fromkeys(texts, 1), {text: text for text in texts[:-1]}])

    def test_bytes(self):
        values = [b"", b"a", bytes(range(256)), b"\xff" * 1000, bytearray(b"ab"), bytearray()]
        self.check(values)

    def test_torch_values(self):
        self.check(
            [
                torch.float32,
                torch.bfloat16,
                torch.Size([2, 3]),
                torch.Size([]),
                torch.device("cpu"),
                torch.device("cuda", 1),
            ]
        )


class Containers(TreeTest):
    def test_nested(self):
        self.check(
            {
                "a": [1, (2, [3, {"b": ((),)}]), {4}, frozenset([5])],
                "e": [[], {}, (), set(), frozenset()],
            }
        )

    def test_keys_of_every_type(self):
        keys = [
            1,
            -1,
            2**70,
            "1",
            "$a",
            "",
            None,
            True,
            2.5,
            -0.5,
            b"1",
            (1, ("a", None)),
            frozenset([1]),
            1j,
            Color.RED,
            Point(1, 2),
            int,
            math.inf,
            torch.float32,
            datetime.date(2020, 1, 2),
            "__metadata__",
        ]
        keys.remove(True)
        self.check({key: i for i, key in enumerate(keys)}, *PICKLES)
        self.check({key: key for key in (True, False)})
        self.check([{key: 1} for key in keys], {"pickle": 2}, {"pickle": 4})

    def test_sets(self):
        self.check([{1, 2, "a", (3,)}, frozenset([b"x", None]), {Color.RED}, {frozenset([1])}])

    def test_ordered_dicts_and_their_attributes(self):
        value = collections.OrderedDict([("b", 1), ("a", collections.OrderedDict())])
        value._metadata = collections.OrderedDict([("", {"version": 1}), ("x", (value,))])
        self.check(value)

    def test_other_containers(self):
        default = collections.defaultdict(list, {1: [2]})
        self.check(
            [
                collections.Counter("hello"),
                default,
                collections.defaultdict(None),
                collections.deque([1, [2]]),
                collections.deque([3], 5),
                collections.deque(),
            ]
        )

    def test_long_lists(self):
        self.check(
            [list(range(200_000)), [str(i) for i in range(100_000)]], {"pickle": 2}, {"pickle": 5}
        )
        self.check({i: (i, None) for i in range(100_000)}, {"pickle": 4})

    def test_long_text_and_integers_that_are_shared(self):
        text, number, data = "t" * 65, 10**70, b"b" * 65
        self.check([text, number, data, {text: text}, (number, data)])


class Sharing(TreeTest):
    def test_values_reached_twice(self):
        shared = [1]
        pair = (shared, shared)
        self.check({"a": shared, "b": pair, "c": [pair, pair], "d": {"x": shared}})

    def test_equal_values_that_are_several(self):
        self.check([[1], [1], {}, {}, ([],), ([],)])

    def test_cycles(self):
        loop = [1]
        loop.append(loop)
        table = {"self": None, "list": loop}
        table["self"] = table
        through_tuple = ([],)
        through_tuple[0].append(through_tuple)
        plan = Plan(0.1, (1,))
        plan.parent = [plan]
        key = Plan(0.2, ())
        key.__class__ = Hashable
        by_key = {(key,): 1}
        key.parent = by_key
        self.check([loop, table, through_tuple, plan, by_key])

    def test_a_shared_tuple_is_one_or_the_other(self):
        long = tuple(range(9))
        self.check([long, [long], (1, 2), (1, 2)])


class Hashable(Plan):
    __hash__ = object.__hash__


class Depth(TreeTest):
    """Made opcode by opcode: pickle itself recurses when it writes."""

    DEPTH = 10_000
    validates = False  # jsonschema recurses, and shows each value that an alternative refuses

    def check_pickle(self, opcodes):
        path = self.folder / "deep.pkl"
        path.write_bytes(b"\x80\x02" + opcodes + b".")
        Same(self, 2).check(pickle.loads(path.read_bytes()), self.read_back(path))

    def test_lists(self):
        self.check_pickle(b"]" * self.DEPTH + b"a" * (self.DEPTH - 1))

    def test_tuples(self):
        self.check_pickle(b"N" + b"\x85" * self.DEPTH)

    def test_dicts(self):
        self.check_pickle(b"}X\1\0\0\0k" * self.DEPTH + b"N" + b"s" * self.DEPTH)

    def test_objects(self):
        self.check_pickle(b"cargparse\nNamespace\n)\x81}X\1\0\0\0k" * 2000 + b"N" + b"sb" * 2000)

    def test_tuples_and_lists_in_turn(self):
        half = self.DEPTH // 2
        self.check_pickle(b"]" * half + b"N" + b"\x85a" * half)

    def test_a_tree_that_doubles(self):
        doubling = b"]q\0"
        for i in range(200):
            doubling += b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1])
        path = self.folder / "doubling.pkl"
        path.write_bytes(b"\x80\x02" + doubling + b".")
        loaded = self.read_back(path)
        for _ in range(200):
            self.assertIs(loaded[0], loaded[1])
            loaded = loaded[0]
        self.assertEqual(loaded, [])


class Objects(TreeTest):
    def test_a_namespace(self):
        args = argparse.Namespace(lr=0.1, betas=(0.9, 0.999), name="é", state=None, items=[1])
        self.check({"args": args, "again": args})
        loaded = self.read_back(self.write({"args": args}, WRITERS[0]))
        self.assertEqual(vars(loaded["args"]), vars(args))
        self.assertEqual((loaded["args"].lr, loaded["args"].state), (0.1, None))

    def test_of_the_standard_library(self):
        zone = datetime.timezone(datetime.timedelta(hours=2))
        self.check(
            [
                Color.RED,
                Color.RED,
                datetime.datetime(2020, 1, 2, 3, 4, 5, 6, zone),
                datetime.timedelta(1, 2, 3),
                pathlib.PurePosixPath("/a/b"),
                pathlib.PureWindowsPath("c:/x"),
                decimal.Decimal("0.1"),
                fractions.Fraction(1, 3),
                uuid.UUID(int=5),
                Point(1, [2]),
            ]
        )

    def test_of_own_classes(self):
        slots = Slots()
        slots.a = [1]
        bag = Bag(x=1)
        bag[(1, 2)] = []
        bag.extra = 5
        odd = Odd()
        odd.x = [2]
        row = Row([1, [2]])
        self.check([Plan(0.1, (1, 2)), bag, row, odd])
        self.check([slots], *PICKLES[2:])
        bag["self"] = bag
        row.append(row)
        self.check([bag, row], *PICKLES[2:])

    def test_classes_and_functions(self):
        self.check([int, Plan, a_function, len, collections.OrderedDict, torch.nn.Linear, dict])

    def test_an_object_that_is_its_own_argument(self):
        error = ValueError("text", [1])
        error.note = error
        self.check(error)


class Numpy(TreeTest):
    def test_scalars(self):
        values = [
            np.float16(0.1),
            np.float32(0.1),
            np.float64(0.1),
            np.longdouble("0.1"),
            np.complex64(1 - 0.5j),
            np.complex128(1j),
            np.bool_(True),
            np.int8(-1),
            np.uint8(255),
            np.int64(-(2**63)),
            np.uint64(2**64 - 1),
            np.float32("nan"),
            np.float32(1e-45),
            np.float64("-inf"),
            np.str_("é\U0001f600"),
            np.bytes_(b"a\xff"),
            np.datetime64("2020-01-02T03:04:05", "s"),
            np.datetime64("NaT"),
            np.timedelta64(3, "25s"),
        ]
        nan = np.frombuffer(b"\x01\x00\xa0\x7f", "<f4")[0]
        self.check([*values, nan], *PICKLES)

    def test_arrays(self):
        arrays = [
            np.array([[0, 1, 2], [3, 4, 5]]).astype(dtype)
            for dtype in ("f2", "f4", "f8", "i1", "i4", "i8", "u2", "u8", "?", "c8", "c16")
        ]
        arrays += [
            np.asfortranarray(arrays[1]),
            arrays[1].T,
            np.arange(3, dtype=">f4"),
            np.zeros((0, 3)),
            np.array(5.0),
        ]
        self.check([*arrays, arrays[0]], *PICKLES)

    def test_arrays_that_are_no_tensors(self):
        structure = np.dtype([("a", "<i4"), ("b", "<f8", (2,)), ("c", [("d", "S3")])])
        aligned = np.dtype([("a", "i1"), ("b", "f8")], align=True)
        values = [
            np.array(["a", "é"]),
            np.array([b"ab", b""]),
            np.array([[1.5]], np.longdouble),
            np.array(["2020-01-01", "NaT"], "M8[D]"),
            np.array([1], "m8[ns]"),
            np.zeros(2, structure),
            np.ones(2, aligned),
            np.asfortranarray(np.array([["a", "b"], ["c", "d"]])),
        ]
        self.check([*values, values[0]], *PICKLES)

    def test_arrays_of_objects(self):
        value = np.array([[1, None], [[2], "x"]], object)
        value[1, 1] = value[1, 0]
        self.check([value, np.array([], object), np.asfortranarray(value)], *PICKLES)

    def test_masked_arrays(self):
        masked = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])
        self.check([masked, np.ma.array([1, 2])], *PICKLES)

    def test_the_fill_value_of_a_masked_array(self):
        self.check(np.ma.array([1.0, 2.0], mask=[False, True], fill_value=9), *PICKLES)

    def test_dtypes(self):
        self.check(
            [
                np.dtype("f4"),
                np.dtype(">i8"),
                np.dtype("S5"),
                np.dtype("M8[25s]"),
                np.dtype("O"),
                np.dtype("?"),
            ],
            *PICKLES,
        )

    def test_in_a_checkpoint_of_torch(self):
        self.check({"mean": np.arange(3.0), "n": np.float64(0.25), "w": torch.ones(2)}, *WRITERS)

    def test_as_numpy_arrays(self):
        value = {
            "w": torch.arange(6.0).reshape(2, 3),
            "c": torch.tensor([1 + 2j], dtype=torch.complex128),
        }
        folder = self.convert_to_folder(self.write(value, WRITERS[0]))
        loaded = unbrine.load_tree(folder)
        for name, tensor in value.items():
            np.testing.assert_array_equal(loaded[name], tensor.numpy(), strict=True)


class Tensors(TreeTest):
    def test_each_dtype(self):
        dtypes = [
            torch.float64,
            torch.float32,
            torch.float16,
            torch.bfloat16,
            torch.int64,
            torch.int32,
            torch.int16,
            torch.int8,
            torch.uint64,
            torch.uint32,
            torch.uint16,
            torch.uint8,
            torch.bool,
            torch.complex64,
            torch.complex128,
            torch.complex32,
            torch.float8_e4m3fn,
            torch.float8_e5m2,
            torch.float8_e4m3fnuz,
            torch.float8_e5m2fnuz,
            torch.float8_e8m0fnu,
        ]
        raw = torch.arange(1, 97, dtype=torch.uint8)
        value = {str(dtype): raw.clone().view(dtype) for dtype in dtypes if dtype != torch.bool}
        value["bool"] = torch.tensor([True, False])
        value["bits8"] = raw.clone().view(torch.bits8)
        value["bits16"] = raw.clone().view(torch.bits16)
        value["float4"] = raw.clone().view(torch.float4_e2m1fn_x2)
        self.check(value, *WRITERS)

    def test_shapes_and_views(self):
        base = torch.arange(24.0).reshape(2, 3, 4)
        conjugate = torch.tensor([1 + 2j]).conj()
        self.check(
            [
                base.permute(2, 0, 1),
                base[1:, ::2],
                torch.zeros(0, 3),
                torch.tensor(1.5),
                base[0, 0].expand(5, 4),
                conjugate,
                torch.tensor([3 - 2j]).conj().imag,
            ],
            WRITERS[0],
            WRITERS[4],
        )

    def test_parameters(self):
        plain = torch.nn.Parameter(torch.ones(2))
        frozen = torch.nn.Parameter(torch.ones(3, dtype=torch.int64), requires_grad=False)
        wanted = torch.ones(2, requires_grad=True)
        self.check([plain, frozen, wanted, plain, {"again": frozen}], *WRITERS)

    def test_attributes_and_classes(self):
        parameter = torch.nn.Parameter(torch.ones(2))
        parameter.mean = [1.5]
        loaded = self.read_back(
            self.write({"p": parameter, "b": torch.nn.Buffer(torch.ones(1))}, WRITERS[0])
        )
        self.assertIsInstance(loaded["p"], torch.nn.Parameter)
        self.assertEqual(loaded["p"].mean, [1.5])
        self.assertEqual(loaded["b"].tolist(), [1.0])

    def test_tied_weights_share_memory(self):
        weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
        value = {"a": weight, "b": weight, "data": weight.data}
        for options in ((), ("--aliases", "keep-one")):
            with self.subTest(options=options):
                folder = self.convert_to_folder(self.write(value, WRITERS[0]), *options)
                loaded = unbrine.load_tree(folder, tensors="torch")
                self.assertIs(loaded["a"], loaded["b"])
                with torch.no_grad():
                    loaded["a"][0, 0] = 7
                self.assertEqual(loaded["data"][0, 0], 7)

    def test_quantized(self):
        grid = torch.arange(24.0).reshape(4, 6)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scales, points = (
                torch.tensor([0.5, 0.25, 1.0, 2.0], dtype=torch.float64),
                torch.tensor([0, 1, 2, 3]),
            )
            values = [
                torch.quantize_per_tensor(grid, 0.1, 3, dtype)
                for dtype in (torch.qint8, torch.quint8, torch.qint32)
            ]
            values += [torch.quantize_per_channel(grid, scales, points, 0, torch.qint8)]
            values += [
                torch.quantize_per_channel(grid, scales.float(), points.float(), 0, dtype)
                for dtype in (torch.quint8, torch.quint4x2, torch.quint2x4)
            ]
            self.check(values, WRITERS[0], WRITERS[4])

    def test_sparse(self):
        grid = torch.tensor([[0.0, 2, 0, 0], [0, 0, 0, 3], [1, 0, 0, 0], [0, 0, 4, 5]])
        values = [
            grid.to_sparse_coo(),
            grid.to_sparse_csr(),
            grid.to_sparse_csc(),
            grid.to_sparse_bsr((2, 2)),
            grid.to_sparse_bsc((2, 2)),
        ]
        self.check(values, WRITERS[0], WRITERS[4])

    def test_nested(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            items = [torch.ones(2, 3), torch.zeros(1, 3)]
            self.check(
                [
                    torch.nested.nested_tensor(items),
                    torch.nested.nested_tensor(items, layout=torch.jagged),
                ],
                WRITERS[0],
            )

    def test_meta(self):
        self.check({"m": torch.ones(2, 3, device="meta"), "w": torch.ones(2)}, WRITERS[0])

    def test_storages(self):
        typed = torch.arange(3, dtype=torch.int64)
        untyped = torch.arange(2.0).untyped_storage()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = {"t": typed.storage(), "u": untyped, "w": torch.ones(1)}
        loaded = self.read_back(self.write(value, WRITERS[0]))
        self.assertEqual(loaded["t"].tolist(), [0, 1, 2])
        self.assertEqual(loaded["t"].dtype, torch.int64)
        self.assertIsInstance(loaded["u"], torch.UntypedStorage)
        self.assertEqual(bytes(loaded["u"]), bytes(untyped))


class WholeModels(TreeTest):
    def test_a_module(self):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU())
        model.add_module("tied", model[0])
        for how in (WRITERS[0], WRITERS[4], {"pickle": 4}):
            with self.subTest(**how):
                loaded = self.read_back(self.write({"model": model, "epoch": 3}, how))
                record = loaded["model"]
                self.assertEqual(record.unbrine.class_name, "torch.nn.modules.container.Sequential")
                first = record._modules["0"]
                self.assertIs(first, record._modules["tied"])
                Same(self, 2).check(model[0].weight, first._parameters["weight"])
                self.assertIs(record.training, True)

    def test_training_goes_on_bit_by_bit(self):
        def new():
            torch.manual_seed(0)
            model = torch.nn.Linear(5, 3)
            return model, torch.optim.AdamW(model.parameters(), lr=1e-3)

        def step(model, optimizer):
            torch.manual_seed(7)
            optimizer.zero_grad()
            model(torch.randn(4, 5)).square().sum().backward()
            optimizer.step()

        model, optimizer = new()
        step(model, optimizer)
        state = {
            "epoch": 1,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "rng": torch.get_rng_state(),
        }
        path = self.write(state, WRITERS[0])
        self.check(state, *WRITERS)
        loaded = self.read_back(path)
        resumed, its_optimizer = new()
        resumed.load_state_dict(loaded["model"])
        its_optimizer.load_state_dict(loaded["optimizer"])
        step(model, optimizer)
        step(resumed, its_optimizer)
        Same(self, 2).check(dict(model.state_dict()), dict(resumed.state_dict()))

    def test_extra_state_of_a_module(self):
        state = collections.OrderedDict(
            w=torch.ones(2), _extra_state={"type_map": ["O"], "n": None, "seed": 2**60}
        )
        state._metadata = collections.OrderedDict({"": {"version": 1}})
        self.check({"model": state, "epoch": 1}, *WRITERS)

    def test_attributes_in_a_pickle_of_their_own(self):
        net = SkorchLike()
        for how in (*PICKLES, WRITERS[0], WRITERS[4]):
            with self.subTest(**how):
                record = self.read_back(self.write(net, how))
                self.assertEqual(record.history, [1, 2])
                Same(self, 2).check(net.weights, record.weights)


class Outputs(TreeTest):
    """Other forms of the same folder."""

    VALUE = {"model": {"a": torch.arange(300.0), "b": torch.ones(300)}, "epoch": 3}

    def check_options(self, *options):
        folder = self.convert_to_folder(self.write(self.VALUE, WRITERS[0]), *options)
        for mmap in (False, True):
            loaded = unbrine.load_tree(folder, tensors="torch", mmap=mmap)
            Same(self, 2).check(self.VALUE, loaded)
        return folder

    def test_mapped(self):
        folder = self.check_options()
        loaded = unbrine.load_tree(folder, tensors="torch", mmap=True)
        loaded["model"]["a"].mul_(2)  # of this process alone
        Same(self, 2).check(self.VALUE, unbrine.load_tree(folder, tensors="torch"))

    def test_shards(self):
        folder = self.check_options("--max-shard-size", "1500")
        self.assertTrue((folder / "model-00001-of-00002.safetensors").exists())

    def test_a_blob(self):
        folder = self.check_options("--to", "blob")
        self.assertTrue((folder / "model.blob.json").exists())

    def test_left_out_tensors_are_named(self):
        path = self.write(self.VALUE, WRITERS[0])
        loaded = self.read_back(path, "--exclude", "b")
        Same(self, 2).check(self.VALUE["model"]["a"], loaded["model"]["a"])
        absent = loaded["model"]["b"]
        self.assertEqual((absent.dtype, absent.shape), (torch.float32, (300,)))
        self.assertEqual(absent.reason, "left_out")


if __name__ == "__main__":
    unittest.main()
