"""Files of torch 2: python torch_new.py OUT"""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import os
import pathlib
import pickle
import random
import sys
import types
import uuid
import warnings

import numpy
import torch
from torch import nn

from walk import check_state_dict, expect, tensors

warnings.simplefilter("ignore")
torch.manual_seed(1)
OUT = pathlib.Path(sys.argv[1], "torch-" + ".".join(torch.__version__.split(".")[:2]))
OUT.mkdir(parents=True, exist_ok=True)
PATTERN = torch.arange(-32, 32, dtype=torch.int16).to(torch.int8)


class Net(nn.Module):
    """Tied weights, one module under two names, buffers of every sort, an RNN."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 3)
        self.norm = nn.BatchNorm1d(3)
        self.rnn = nn.LSTM(3, 2)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.embedding.weight
        self.again = self.norm
        self.blocks = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1))
        self.register_parameter("absent", None)
        self.register_buffer("kept", torch.arange(3))
        self.register_buffer("dropped", torch.arange(4), persistent=False)
        self.history = [torch.ones(2)]


def write(name, value, selections=None, legacy=None, **options):
    """Saves as zip, and as a legacy stream unless `legacy` is False."""
    for suffix, zipped in (("", True), (".legacy", False)):
        if zipped or legacy is not False:
            path = str(OUT / f"{name}{suffix}.pt")
            try:
                torch.save(value, path, _use_new_zipfile_serialization=zipped, **options)
            except Exception as error:
                os.remove(path)
                print(f"{path}: torch cannot save it: {error}", file=sys.stderr)
                continue
            expect(path, selections or {"all": value})
            compare(path, value)


def compare(path, value):
    """Does torch give back what it was given?"""
    try:
        ours, theirs = tensors(value), tensors(torch.load(path, weights_only=False))
    except Exception as error:
        return print("%s: torch cannot load it: %s" % (path, error), file=sys.stderr)
    for name in sorted(set(ours) | set(theirs)):
        if name not in ours or name not in theirs or ours[name].data != theirs[name].data:
            print(f"{path}: {name} is loaded otherwise", file=sys.stderr)


def models():
    net = Net()
    check_state_dict(net)
    state = net.state_dict()
    write("state_dict", state, {"": state, "all": state})
    write("module", net, {"": net, "all": net})
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    optimizer = torch.optim.Adam(model.parameters(), amsgrad=True)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    model(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    scheduler.step()
    training = {
        "epoch": 3,
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "rng": {"torch": torch.get_rng_state(), "numpy": numpy.random.RandomState(3).get_state(),
                "python": random.Random(3).getstate()},
        "best": numpy.float64(0.5),
        "loss": torch.tensor(1.5),
    }
    write("training", training, {"": model.state_dict(), "all": training})
    write("optimizer_object", {"model": model, "optimizer": optimizer}, {"": model})


def views():
    grid = torch.arange(60.0).reshape(3, 4, 5)
    wave = torch.complex(torch.arange(12.0), torch.arange(12.0, 24.0)).reshape(3, 4)
    base = torch.arange(40, dtype=torch.int32)
    real = {
        "grid": grid, "transposed": grid.transpose(0, 2), "sliced": grid[1:, ::2, 3],
        "expanded": torch.arange(3.0).reshape(3, 1).expand(3, 5), "tied": grid,
        "tail": base[33:], "columns": base.reshape(8, 5).t(), "scalar": torch.tensor(1.5),
        "element": grid[1, 2, 3], "empty": torch.empty(0, 3), "channels_last":
        torch.arange(24.0).reshape(1, 2, 3, 4).contiguous(memory_format=torch.channels_last),
        "diagonal": torch.arange(9.0).reshape(3, 3).diagonal(), "requires_grad":
        torch.ones(2, requires_grad=True), "windows": torch.arange(6.0).unfold(0, 3, 1),
    }
    write("views", real)
    lazy = {"conj": wave.conj(), "adjoint": wave.mH, "neg": wave.clone().conj().imag,
            "conj_slice": wave.conj()[1:, ::2]}
    write("conj_neg", lazy, legacy=False)
    write("tensor", torch.arange(3.0))
    write("parameter", nn.Parameter(torch.arange(3.0)))
    write("list", [torch.ones(1), (torch.zeros(2), {"a": torch.ones(3)})])


def dtypes():
    everywhere = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 complex64 complex128"
    zip_only = "uint16 uint32 uint64 float8_e5m2 float8_e4m3fn float8_e5m2fnuz float8_e4m3fnuz "
    zip_only += "float8_e8m0fnu float4_e2m1fn_x2 complex32 bits8 bits16 bits1x8 bits2x4 bits4x2"
    sample = {name: PATTERN.clone().view(getattr(torch, name)).reshape(2, -1) for name in everywhere.split()}
    sample["bool"] = torch.tensor([[True, False], [False, True]])
    write("dtypes", sample)
    there = [name for name in zip_only.split() if hasattr(torch, name)]
    new = {name: PATTERN.clone().view(getattr(torch, name)).reshape(2, -1) for name in there}
    write("dtypes_new", new, legacy=False)
    narrow = {name: tensor for name, tensor in new.items() if not name.startswith("uint")}
    write("dtypes_narrow", narrow, legacy=False)


def layouts():
    x = torch.arange(-12.0, 12.0).reshape(4, 6) / 7
    scales, zeros = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.double), torch.arange(4)
    quantized = {
        "qint8": torch.quantize_per_tensor(x, 0.05, 3, torch.qint8),
        "quint8": torch.quantize_per_tensor(x, 0.05, 30, torch.quint8),
        "qint32": torch.quantize_per_tensor(x, 0.001, 0, torch.qint32),
        "channels": torch.quantize_per_channel(x, scales, zeros, 0, torch.qint8),
        "float_params": torch.quantize_per_channel(
            x, scales.float(), zeros.float(), 0, torch.quint8),
        "packed_4": torch.quantize_per_channel(x, scales.float(), zeros.float(), 0, torch.quint4x2),
        "view": torch.quantize_per_tensor(x, 0.05, 3, torch.qint8).t(),
    }
    write("quantized", quantized)
    dense = torch.tensor([[0, 1.5, 0, 2], [0, 0, 0, 0], [3, 0, 0, 4], [0, 0, 5, 6]])
    sparse = {
        "coo": dense.to_sparse().coalesce(),
        "uncoalesced": torch.sparse_coo_tensor([[0, 0, 1]], [1.0, 2.0, 3.0], (3,)),
        "hybrid": torch.sparse_coo_tensor([[0, 2]], torch.arange(6.0).reshape(2, 3), (3, 3)),
        "csr": dense.to_sparse_csr(), "csc": dense.to_sparse_csc(),
        "bsr": dense.to_sparse_bsr((2, 2)), "bsc": dense.to_sparse_bsc((2, 2)),
    }
    write("sparse", sparse)
    pieces = [torch.arange(6.0).reshape(2, 3), torch.arange(12.0).reshape(4, 3)]
    write("nested", {"strided": torch.nested.nested_tensor(pieces)})
    if hasattr(torch.nn, "Buffer"):  # earlier than 2.5 they cannot be saved
        write("nested_jagged", {"jagged": torch.nested.nested_tensor(pieces, layout=torch.jagged)})
    meta = {"real": torch.ones(2), "meta": torch.empty(1000, 1000, device="meta")}
    write("meta", meta)


class Tagged(torch.Tensor):
    """A subclass with data, attributes and slots."""

    __slots__ = ("slot",)


class Box(torch.Tensor):
    """A wrapper: shape and dtype, the data in an attribute."""

    @staticmethod
    def __new__(cls, inner, scale):
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=torch.float32)

    def __init__(self, inner, scale):
        self.inner, self.scale = inner, scale

    def __tensor_flatten__(self):
        return ["inner", "scale"], None

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        raise NotImplementedError(func)

    def __repr__(self):
        return "Box"


def subclasses():
    tagged = torch.arange(4.0).as_subclass(Tagged)
    tagged.note, tagged.extra, tagged.slot = "text", torch.ones(2), torch.zeros(1)
    write("subclass", {"tagged": tagged, "plain": torch.ones(1)})
    write("wrapper", {"box": Box(torch.arange(4, dtype=torch.int8), torch.tensor(0.5))}, legacy=False)
    parameter = nn.Parameter(torch.arange(3.0))
    parameter.tag, parameter.mask = "x", torch.tensor([True, False, True])
    write("parameter_state", {"weight": parameter, "frozen": nn.Parameter(torch.ones(2), False)})
    lazy = nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 2))
    state = {name: t for name, t in lazy.state_dict().items() if not name.startswith("0.")}
    write("lazy", {"model": lazy.state_dict()}, {"": state})
    if hasattr(nn, "Buffer"):
        write("buffer", {"model": nn.Buffer(torch.arange(3.0))})


class Color(enum.Enum):
    RED = 1
    BLUE = "blue"


@dataclasses.dataclass
class Config:
    width: int
    weight: torch.Tensor
    extra: list


Pair = collections.namedtuple("Pair", "left right")


class Slotted:
    __slots__ = ("weight", "note")


class Hidden:
    """Its state is no dict."""

    def __init__(self, weight):
        self.weight = weight

    def __getstate__(self):
        return [self.weight, 7]

    def __setstate__(self, state):
        self.weight = state[0]


class Table(dict):
    """A dict with attributes, as AttributeDict and its like are."""


def one(value):
    return torch.full((2,), float(value))


def odd_objects():
    slotted, table, cyclic = Slotted(), Table(a=one(10)), {"weight": one(11)}
    slotted.weight, slotted.note, table.mask = one(9), "n", one(12)
    cyclic["self"] = cyclic
    cyclic["list"] = [cyclic, one(13)]
    key = one(14)
    counter = collections.Counter()
    counter["hits"] = one(7)
    values = {
        "set": {one(0)}, "frozenset": frozenset([one(1)]),
        "deque": collections.deque([one(2), one(3)], maxlen=5),
        "default": collections.defaultdict(list, x=[one(4)]),
        "ordered": collections.OrderedDict(y=one(5)),
        "counter": counter,
        "config": Config(3, one(6), [one(8)]), "slotted": slotted, "table": table, "cyclic": cyclic,
        "pair": Pair(one(15), one(16)), "hidden": Hidden(one(17)),
        "partial": functools.partial(max, one(18), key=one(19)),
        "by_tensor": {"params": [key], "state": {key: {"momentum": one(20)}}},
        "int_keys": {0: one(21), -7: one(22), True: one(23), None: one(24), (1, 2): one(25)},
        "enum": [Color.RED, Color.BLUE], "date": datetime.datetime(2020, 1, 2, 3, 4),
        "path": pathlib.PurePosixPath("a/b"), "uuid": uuid.UUID(int=5),
        "decimal": decimal.Decimal("1.5"), "fraction": fractions.Fraction(1, 3),
        "complex": 1 + 2j, "range": range(1, 9, 2), "slice": slice(1, None, 2),
        "bytes": b"\0\1\xff" * 3, "bytearray": bytearray(b"abc"), "big": 10**40, "nan": float("nan"),
        "namespace": types.SimpleNamespace(weight=one(26)), "size": torch.Size([1, 2]),
        "dtype": torch.bfloat16, "device": torch.device("cpu", 0),
        "function": one, "type": Config, "ellipsis": ..., "text": "naïve 重み \U0001f999",
        "numpy": {"f8": numpy.float64(1.5), "i4": numpy.int32(-3), "b": numpy.bool_(True),
                  "date": numpy.datetime64("2020-01-01"), "dtype": numpy.dtype("<f4")},
        "generator": torch.Generator().manual_seed(3).get_state(),
    }
    write("odd_objects", values)
    write("odd_objects.p5", values, legacy=False, pickle_protocol=5)
    values = {"generator": numpy.random.default_rng(5), "legacy": numpy.random.RandomState(5),
              "python": random.Random(5), "weight": one(1)}
    write("random_states", values)


def arrays():
    grid = numpy.arange(24).reshape(2, 3, 4)
    values = {name: grid.astype(name) for name in "f8 f4 f2 i8 i4 i2 i1 u8 u4 u2 u1 ? c8 c16".split()}
    values["big"] = grid.astype(">f4")
    values["fortran"] = numpy.asfortranarray(grid)
    values["objects"] = numpy.array([[torch.ones(1), "x"], [None, torch.zeros(2)]], dtype=object)
    values["dates"] = numpy.array(["2020-01-01", "NaT"], dtype="M8[D]")
    values["records"] = numpy.zeros(2, dtype=[("a", "f4"), ("b", "i8")])
    values["long"] = numpy.array([1, 2], dtype="g")
    values["masked"] = numpy.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0])
    values["tensor"] = torch.ones(2)
    write("arrays", values)


def storages():
    base = torch.arange(6.0)
    write("storage", {"typed": base.storage(), "view": base[2:], "tensor": torch.ones(1)})
    write("untyped_storage", {"untyped": base.untyped_storage(), "tensor": torch.ones(1)})


def several():
    with open(OUT / "several.legacy.pt", "wb") as file:
        torch.save({"a": one(1)}, file, _use_new_zipfile_serialization=False)
        torch.save([one(2), one(3)], file, _use_new_zipfile_serialization=False)
        torch.save(one(4), file, _use_new_zipfile_serialization=False)
    expect(str(OUT / "several.legacy.pt"), {"all": {"#1": {"a": one(1)}, "#2": [one(2), one(3)],
                                                    "#3": one(4)}})


def dtensor():
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    try:
        from torch.distributed.tensor import Replicate, Shard, distribute_tensor
    except ImportError:  # up to 2.4
        from torch.distributed._tensor import Replicate, Shard, distribute_tensor

    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    mesh = init_device_mesh("cpu", (1,))
    grid = torch.arange(12.0).reshape(3, 4)
    write("dtensor", {"sharded": distribute_tensor(grid, mesh, [Shard(0)]), "replicated":
                      nn.Parameter(distribute_tensor(grid + 1, mesh, [Replicate()])),
                      "plain": one(1)})
    dist.destroy_process_group()


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.norm = nn.BatchNorm1d(2)
        self.register_buffer("table", torch.arange(3))

    def forward(self, x):
        return self.norm(self.linear(x))


def bare_pickles():
    model = nn.Sequential(Small(), nn.Linear(2, 1))
    for protocol in range(6):
        for name, value in (("state_dict", model.state_dict()), ("module", model)):
            path = OUT / f"{name}.p{protocol}.pkl"
            path.write_bytes(pickle.dumps(value, protocol))
            expect(str(path), {"": value, "all": value}, protocol=protocol)
    grid = torch.arange(12, dtype=torch.float64).reshape(3, 4)
    value = {"grid": grid, "view": grid.t()[1:], "tied": grid, "half": grid.to(torch.bfloat16),
             "parameter": nn.Parameter(grid), "numpy": grid.numpy(), "int": 3}
    path = OUT / "views.p4.pkl"
    path.write_bytes(pickle.dumps(value, 4))
    expect(str(path), {"all": value})
    value = {"model": pickle.dumps({"not": "walked"}), "inner": {"state_dict": model.state_dict()}}
    path = OUT / "bytes.p4.pkl"
    path.write_bytes(pickle.dumps(value, 4))
    expect(str(path), {"all": value}, note="`model` holds a pickle of plain values")
    with open(OUT / "several.p4.pkl", "wb") as file:
        for value in ({"a": one(1)}, [numpy.arange(3)], "text"):
            pickle.dump(value, file, 4)
    expect(str(OUT / "several.p4.pkl"), {"all": {"#1": {"a": one(1)}, "#2": [numpy.arange(3)]}})


for make in (models, views, dtypes, layouts, subclasses, odd_objects, arrays, storages, several,
             bare_pickles, dtensor):
    try:
        make()
    except Exception as error:  # one feature less is no reason to lose the others
        print(f"{make.__name__}: {type(error).__name__}: {error}", file=sys.stderr)
        if "-v" in sys.argv:
            raise
