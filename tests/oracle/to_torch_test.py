"""Does torch.load(weights_only=True) take what --to torch writes, and is it the same object?"""

import argparse
import collections
import datetime
import enum
import os
import pathlib
import pickletools
import shutil
import subprocess
import unittest
import warnings
import zipfile

import numpy
import torch
from torch._weights_only_unpickler import _get_allowed_globals

from oracle import DATA, WRITERS, OracleTest, expected_bytes, flatten

warnings.simplefilter("ignore")  # torch's, about quantized tensors and typed storages

OLD_TORCH = os.environ.get("UNBRINE_TORCH_1_13")  # a Python that has torch 1.13

STORABLE = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32,
    torch.int16, torch.int8, torch.uint64, torch.uint32, torch.uint16, torch.uint8, torch.bool,
    torch.complex128, torch.complex64, torch.complex32, torch.float8_e5m2, torch.float8_e4m3fn,
    torch.float8_e5m2fnuz, torch.float8_e4m3fnuz, torch.float8_e8m0fnu, torch.float4_e2m1fn_x2,
    torch.bits8, torch.bits16, torch.bits1x8, torch.bits2x4, torch.bits4x2,
]


class Color(enum.Enum):
    RED = 1


def of_bytes(dtype, shape):
    """A tensor of that dtype and shape over bytes that count up; bools are 0 and 1."""
    count = dtype.itemsize * int(numpy.prod(shape))
    data = torch.arange(count).remainder(2 if dtype == torch.bool else 251).to(torch.uint8)
    tensor = torch.empty(shape, dtype=dtype)
    tensor.untyped_storage().copy_(data.untyped_storage())
    return tensor


def bits(tensor):
    tensor = tensor.detach().resolve_conj().resolve_neg()
    return bytes(tensor.clone(memory_format=torch.contiguous_format).untyped_storage())


def module():
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    net.register_buffer("hidden", torch.ones(2), persistent=False)
    return net


class ToTorch(OracleTest):
    def clean(self, path, *options):
        """Converts to a .pt; the run and its path."""
        output = self.folder / "clean.pt"
        run = self.unbrine("convert", path, "--to", "torch", "-o", output, "--overwrite", *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run, output

    def reloaded(self, path, *options):
        return torch.load(self.clean(path, *options)[1], weights_only=True)

    def kept(self, value):
        """What becomes of the value beside a tensor, without which there is nothing to convert."""
        return self.reloaded(self.save([value, torch.ones(1)]))[0]

    def assert_same(self, found, expected, seen=None):
        """Equal in type, value, order and sharing, to the last bit."""
        seen = {} if seen is None else seen
        if id(expected) in seen:
            return self.assertIs(found, seen[id(expected)])
        self.assertIs(type(found), type(expected))
        if isinstance(expected, (list, dict, torch.Tensor)):
            seen[id(expected)] = found
        if isinstance(expected, torch.Tensor):
            self.assertEqual((found.dtype, found.shape, found.requires_grad),
                             (expected.dtype, expected.shape, expected.requires_grad))
            self.assertEqual(bits(found), bits(expected))
            self.assertEqual(found.__dict__.keys(), expected.__dict__.keys())
            for name, value in expected.__dict__.items():
                self.assert_same(found.__dict__[name], value, seen)
            return None
        if isinstance(expected, dict):
            self.assertEqual(len(found), len(expected))
            for (key, value), (wanted, item) in zip(found.items(), expected.items()):
                self.assert_same(key, wanted, seen)
                self.assert_same(value, item, seen)
            found, expected = (getattr(value, "__dict__", None) for value in (found, expected))
            return self.assertEqual(found, expected)
        if isinstance(expected, (list, tuple)):
            self.assertEqual(len(found), len(expected))
            for item, wanted in zip(found, expected):
                self.assert_same(item, wanted, seen)
            return None
        if isinstance(expected, float):
            return self.assertEqual(found.hex(), expected.hex())
        return self.assertEqual(found, expected)

    def assert_kept(self, value):
        """Saved in every way, the object is the same after the conversion."""
        for writer in WRITERS:
            with self.subTest(**writer):
                path = self.save([value, torch.ones(1)], **writer)
                self.assert_same(self.reloaded(path), self.load(path))

    # --- The file ---

    def test_others_read_the_zip(self):
        _, output = self.clean(self.save({"w": torch.randn(300), "e": torch.zeros(0)}))
        with zipfile.ZipFile(output) as file:
            self.assertIsNone(file.testzip())
            infos = {info.filename: info for info in file.infolist()}
            self.assertEqual(list(infos), ["archive/data.pkl", "archive/byteorder",
                                           "archive/data/0", "archive/data/1", "archive/version"])
            self.assertEqual({info.date_time for info in infos.values()}, {(1980, 1, 1, 0, 0, 0)})
            data = output.read_bytes()
            for info in infos.values():
                names = int.from_bytes(data[info.header_offset + 26 :][:2], "little")
                extra = int.from_bytes(data[info.header_offset + 28 :][:2], "little")
                self.assertEqual((info.header_offset + 30 + names + extra) % 64, 0)
        if shutil.which("unzip"):
            subprocess.run(["unzip", "-tq", output], check=True, capture_output=True)

    def test_torch_maps_it(self):
        state = {"w": torch.randn(300)}
        _, output = self.clean(self.save(state))
        self.assert_same(torch.load(output, weights_only=True, mmap=True), state)

    def test_equal_input_gives_equal_bytes(self):
        path = self.save({"m": module().state_dict(), "args": argparse.Namespace(lr=0.1)})
        first = self.clean(path)[1].read_bytes()
        self.assertEqual(self.clean(path)[1].read_bytes(), first)

    def test_the_pickle_names_only_what_is_allowed(self):
        value = {"net": module(), "when": datetime.datetime(2020, 1, 2), "color": Color.RED,
                 "sparse": torch.eye(2).to_sparse(), "f8": torch.zeros(2).to(torch.float8_e5m2)}
        _, output = self.clean(self.save(value))
        pickle = zipfile.ZipFile(output).read("archive/data.pkl")
        names = {argument.replace(" ", ".").replace("__builtin__", "builtins")
                 for opcode, argument, _ in pickletools.genops(pickle) if opcode.name == "GLOBAL"}
        self.assertLessEqual(names, _get_allowed_globals().keys())

    # --- What weights_only allows stays ---

    def test_plain_values(self):
        self.assert_kept({
            "numbers": [0, -1, 255, 256, 65536, -(2**31), 2**31, 2**63 - 1, -(2**63), -(3**400)],
            "floats": [0.0, -0.0, 0.1, float("inf"), float("-inf"), 5e-324, 1.7976931348623157e308],
            "texts": ["", "\u00e9", "\ud800", "a\0b", "x" * 300],
            "bytes": [b"", b"\xff\0", bytes(range(256)), bytearray(b"\x80")],
            "others": [None, True, False, 1j, -0.0j],
            "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
            "torch": [torch.Size([2, 3]), torch.device("cpu"), torch.device("cuda", 1),
                      torch.float16, torch.int4, torch.per_tensor_affine],
        })

    def test_keys(self):
        self.assert_kept({0: "a", (1, "b"): "c", None: 0, True: 2, 1.5: 3, torch.int8: 4, b"x": 5})

    def test_long_containers(self):
        self.assert_kept({"list": list(range(5001)), "dict": {i: -i for i in range(3001)},
                          "tuple": tuple(range(2500))})

    def test_shared_values_and_cycles(self):
        shared, loop = [1], {}
        loop["self"] = loop
        around = ([],)
        around[0].append({"up": loop, "shared": shared})
        self.assert_kept([shared, shared, loop, around, {"again": around}])

    def test_state_dicts(self):
        net = module()
        found = self.reloaded(self.save(net.state_dict()))
        self.assert_same(found, net.state_dict())
        self.assertEqual(found._metadata, net.state_dict()._metadata)
        net.load_state_dict(found)

    def test_training(self):
        net = module()
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
        for _ in range(2):
            net(torch.randn(4, 3)).sum().backward()
            optimizer.step()
        self.assert_kept({"model": net.state_dict(), "optimizer": optimizer.state_dict(),
                          "epoch": 3, "rng": torch.get_rng_state(),
                          "counts": collections.Counter("abca")})

    def test_every_dtype(self):
        for dtype in STORABLE:
            with self.subTest(dtype=dtype):
                path = self.save({"t": of_bytes(dtype, (3, 4)), "s": of_bytes(dtype, ()),
                                  "e": torch.empty((0, 2), dtype=dtype)})
                self.assert_same(self.reloaded(path), self.load(path))

    def test_views_become_tensors_of_their_own(self):
        base = torch.arange(24.0).reshape(4, 6)
        wave = torch.randn(3, dtype=torch.complex64)
        state = {"whole": base, "turned": base.t(), "part": base[1:3, ::2],
                 "spread": base[0].expand(5, 6), "conj": wave.conj(),
                 "neg": torch.randn(3, dtype=torch.complex64).conj().imag}
        path = self.save(state)
        self.assert_same(self.reloaded(path), self.load(path))

    def test_tied_tensors_stay_tied(self):
        weight = torch.nn.Parameter(torch.randn(3))
        found = self.reloaded(
            self.save({"a": weight, "b": weight, "c": weight.detach(), "d": weight[1:]}))
        self.assertIs(found["a"], found["b"])
        found["a"].data[0] = 7.0
        self.assertEqual(found["c"][0], 7.0)
        self.assertEqual(found["d"].untyped_storage().nbytes(), 8)

    def test_parameters_and_attributes(self):
        tagged = torch.nn.Parameter(torch.ones(2), requires_grad=False)
        tagged.tag = {"depth": [1, 2]}
        plain = torch.zeros(2)
        plain.note = "x"
        plain.other = tagged
        self.assert_kept({"p": torch.nn.Parameter(torch.ones(3)), "tagged": tagged, "plain": plain,
                          "grad": torch.ones(2, requires_grad=True)})

    def test_tensors_kept_in_several(self):
        dense = torch.tensor([[0.0, 2.0], [3.0, 0.0]])
        scales, zero_points = torch.tensor([0.1, 0.2]).double(), torch.tensor([1, 2])
        per_channel = torch.quantize_per_channel(
            torch.randn(2, 3), scales, zero_points, 0, torch.qint8)
        value = {
            "coo": dense.to_sparse(), "csr": dense.to_sparse_csr(), "csc": dense.to_sparse_csc(),
            "bsr": dense.to_sparse_bsr((1, 1)), "bsc": dense.to_sparse_bsc((1, 1)),
            "loose": torch.sparse_coo_tensor([[1, 1]], [2.0, 3.0], (4,)),
            "per_tensor": torch.quantize_per_tensor(torch.randn(4), 0.1, 3, torch.quint8),
            "per_channel": per_channel,
            "nested": torch.nested.nested_tensor([torch.ones(2, 3), torch.zeros(1, 3)]),
            "meta": torch.empty(2, 3, device="meta", dtype=torch.float16),
            "parameter": torch.nn.Parameter(dense.to_sparse()),
        }
        found = self.reloaded(self.save(value))
        for name, expected in value.items():
            with self.subTest(name=name):
                tensor = found[name]
                self.assertIs(type(tensor), type(expected))
                self.assertEqual((tensor.layout, tensor.dtype), (expected.layout, expected.dtype))
                if name == "meta":
                    self.assertEqual((tensor.device.type, tensor.shape), ("meta", expected.shape))
                elif name == "nested":
                    for one, other in zip(tensor.unbind(), expected.unbind(), strict=True):
                        self.assertTrue(torch.equal(one, other))
                elif expected.is_quantized:
                    self.assertTrue(torch.equal(tensor.int_repr(), expected.int_repr()))
                    self.assertTrue(torch.equal(tensor.dequantize(), expected.dequantize()))
                    self.assertEqual(tensor.qscheme(), expected.qscheme())
                else:
                    self.assertEqual(tensor.shape, expected.shape)
                    self.assertTrue(torch.equal(tensor.to_dense(), expected.to_dense()))
        self.assertEqual(found["coo"].is_coalesced(), True)
        self.assertEqual(found["loose"].is_coalesced(), False)

    # --- What it refuses becomes the nearest plain value, and is said ---

    def test_objects_become_dicts(self):
        value = {"args": argparse.Namespace(lr=0.1, sizes=(1, 2)), "t": torch.ones(1),
                 "path": pathlib.PurePosixPath("a/b"), "color": Color.RED,
                 "when": datetime.date(2020, 1, 2)}
        run, output = self.clean(self.save(value))
        found = torch.load(output, weights_only=True)
        self.assertEqual(found["args"],
                         {"__class__": "argparse.Namespace", "lr": 0.1, "sizes": (1, 2)})
        self.assertEqual(found["color"], {"__class__": "__main__.Color", "__args__": (1,)})
        self.assertEqual(found["path"]["__class__"].split(".")[0], "pathlib")
        self.assertEqual(found["when"]["__class__"], "datetime.date")
        for name in ("argparse.Namespace", "datetime.date", "__main__.Color", "PurePosixPath"):
            self.assertIn(name, run.stderr)

    def test_modules_become_dicts_with_the_names_of_their_state(self):
        net = module()
        for writer in WRITERS:
            with self.subTest(**writer):
                found = self.reloaded(self.save(net, **writer))
                self.assertEqual(found["__class__"], "torch.nn.modules.container.Sequential")
                self.assertEqual(found["1"]["__class__"], "torch.nn.modules.batchnorm.BatchNorm1d")
                self.assertIs(found["training"], True)
                for name, tensor in net.state_dict(keep_vars=True).items():
                    first, second = name.split(".")
                    self.assert_same(found[first][second], tensor)
                self.assertTrue(torch.equal(found["hidden"], net.hidden))

    def test_containers_that_are_not_allowed(self):
        value = {"deque": collections.deque([1, 2], 5), "frozen": frozenset([3]), "set": {4},
                 "default": collections.defaultdict(list, a=[5]), "colors": {Color.RED},
                 "keys": {Color.RED: "r"}, "tensor": torch.ones(())}
        run, output = self.clean(self.save(value))
        found = torch.load(output, weights_only=True)
        color = {"__class__": "__main__.Color", "__args__": (1,)}
        self.assertEqual(found, {
            "deque": [1, 2], "frozen": {3}, "set": {4}, "default": {"a": [5]}, "colors": [color],
            "keys": {"__class__": "dict", "__items__": [(color, "r")]}, "tensor": torch.ones(())})
        for name in ("collections.deque", "frozenset", "defaultdict"):
            self.assertIn(name, run.stderr)

    def test_numpy(self):
        value = {"array": numpy.arange(6.0).reshape(2, 3).T, "big": numpy.array([1, 2], ">i4"),
                 "scalars": [numpy.float32(0.1), numpy.float16(-0.0), numpy.int64(-3),
                             numpy.uint64(2**64 - 1), numpy.bool_(True), numpy.complex64(1 + 2j)],
                 "date": numpy.datetime64("2020-01-01"), "texts": numpy.array(["a", "b"])}
        run, output = self.clean(self.save(value))
        found = torch.load(output, weights_only=True)
        self.assertTrue(torch.equal(found["array"], torch.from_numpy(value["array"].copy())))
        self.assertEqual(found["big"].tolist(), [1, 2])
        self.assert_same(found["scalars"], [scalar.item() for scalar in value["scalars"]])
        self.assertIn("numpy.ndarray -> torch.Tensor", run.stderr)
        self.assertIn("numpy scalar -> number", run.stderr)
        for name in ("date", "texts"):
            self.assertIn("__class__", found[name])

    def test_a_tuple_that_holds_itself_becomes_a_list(self):
        around = ([],)
        around[0].append(around)
        found = self.kept(around)
        self.assertIs(found[0][0], found)

    def test_an_integer_too_long_for_its_opcode_becomes_text(self):
        self.assertEqual(self.kept(10**700), str(10**700))

    # --- Rules, other inputs ---

    def test_casts(self):
        weight = torch.randn(5)
        state = {"w": torch.nn.Parameter(weight), "n": torch.arange(3)}
        found = self.reloaded(self.save(state), "--dtype", "F16")
        self.assert_same(found, {"w": torch.nn.Parameter(weight.half()), "n": torch.arange(3)})

    def test_selected_parts_keep_their_structure(self):
        path = self.save({"model": module().state_dict(), "args": argparse.Namespace()})
        found = self.reloaded(path, "--select", "model")
        self.assertIsInstance(found, collections.OrderedDict)
        self.assertIn("0.weight", found)

    def test_renamed_tensors_are_a_plain_dict(self):
        state = {"module.a": torch.ones(2), "module.b": torch.zeros(2)}
        found = self.reloaded(self.save(state), "--strip-prefix", "module.")
        self.assert_same(found, {"a": torch.ones(2), "b": torch.zeros(2)})

    def test_from_safetensors(self):
        state = module().state_dict()
        path = self.folder / "in.safetensors"
        path.write_bytes(expected_bytes(state))
        found = self.reloaded(path)
        self.assertEqual(found.keys(), state.keys())
        for name, tensor in state.items():
            self.assert_same(found[name], tensor)

    def test_back_to_safetensors(self):
        value = {"model": module().state_dict(), "steps": [torch.ones(2).bfloat16()]}
        path = self.save(value)
        _, output = self.clean(path)
        self.assert_converts(output, flatten(value), "--select", "all")

    def test_every_fixture_that_converts_loads(self):
        loaded = 0
        for path in sorted(path for path in DATA.rglob("*") if path.is_file()):
            output = self.folder / "clean.pt"
            run = self.unbrine("convert", path, "--to", "torch", "-o", output, "--overwrite")
            if run.returncode != 0:
                self.assertIn(run.returncode, (2, 5, 7), f"{path}: {run.stderr}")
                continue
            with self.subTest(path=str(path.relative_to(DATA))):
                torch.load(output, weights_only=True)
                loaded += 1
        self.assertGreater(loaded, 500)

    @unittest.skipUnless(OLD_TORCH, "needs UNBRINE_TORCH_1_13, a Python with torch 1.13")
    def test_torch_1_13_loads_it(self):
        net = module()
        state = net.state_dict() | {"long": torch.arange(3), "half": torch.ones(2).half(),
                                    "flag": torch.tensor([True]),
                                    "sparse": torch.sparse_coo_tensor([[1, 1]], [2.0, 3.0], (4,))}
        _, output = self.clean(self.save({"model": state, "p": torch.nn.Parameter(torch.ones(2)),
                                          "epoch": 3, "name": "x", "big": 2**70,
                                          "size": torch.Size([1])}))
        script = ("import sys, torch; v = torch.load(sys.argv[1], weights_only=True); "
                  "print(torch.__version__, sorted(v), v['model']['0.weight'].tolist(), v['big'])")
        run = subprocess.run([OLD_TORCH, "-W", "ignore", "-c", script, output],
                             capture_output=True, text=True, timeout=300)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertTrue(run.stdout.startswith("1.13"))
        self.assertIn(str(net.state_dict()["0.weight"].tolist()), run.stdout)
        self.assertIn(str(2**70), run.stdout)


if __name__ == "__main__":
    unittest.main()
