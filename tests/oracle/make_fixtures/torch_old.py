"""Files of old torch, 1.0 to 1.12, from Python 2.7 on: python torch_old.py OUT"""

from __future__ import print_function

import io
import os
import pickle
import sys
import warnings
from collections import OrderedDict

import numpy
import torch
from torch import nn

from walk import PY2, check_state_dict, dense_part, expect, tensors

warnings.simplefilter("ignore")
torch.manual_seed(1)
VERSION = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
NAME = "torch-%d.%d%s" % (VERSION + ("-py2" if PY2 else "",))
OUT = os.path.join(sys.argv[1], NAME)
if not os.path.isdir(OUT):
    os.makedirs(OUT)
ZIPS = VERSION >= (1, 4)


class Small(nn.Module):
    def __init__(self):
        super(Small, self).__init__()
        self.linear = nn.Linear(3, 2)
        self.norm = nn.BatchNorm1d(2)
        self.tied = nn.Linear(3, 2)
        self.tied.weight = self.linear.weight
        self.register_buffer("table", torch.arange(3))
        self.register_buffer("nothing", None)

    def forward(self, x):
        return self.norm(self.linear(x)) + self.tied(x)


def save(value, path, zipped, **options):
    if ZIPS:
        options["_use_new_zipfile_serialization"] = zipped
    elif zipped:
        return False
    torch.save(value, path, **options)
    return True


def write(name, value, selections=None, zips=True, legacy=True, loads=True, compared=None,
          **options):
    """`loads`: torch itself can read the file again."""
    for suffix, zipped in ((".pt", True), (".legacy.pt", False)):
        path = os.path.join(OUT, name + suffix)
        if (zips if zipped else legacy) and save(value, path, zipped, **options):
            expect(path, selections or {"all": value})
            compare(path, compared or value) if loads else None


def compare(path, value):
    """Does torch give back what it was given?"""
    try:
        ours, theirs = tensors(value), tensors(torch.load(path))
    except Exception as error:
        return print("%s: torch cannot load it: %s" % (path, error), file=sys.stderr)
    for name in sorted(set(ours) | set(theirs)):
        if name not in ours or name not in theirs or ours[name].data != theirs[name].data:
            print("%s: %s is loaded otherwise" % (path, name), file=sys.stderr)


def models():
    model = Small()
    check_state_dict(model)
    optimizer = torch.optim.Adam(model.parameters(), amsgrad=True)
    model(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    state = model.state_dict()
    write("state_dict", state, {"": state, "all": state})
    write("module", model, {"": model, "all": model})
    training = OrderedDict(
        epoch=3, state_dict=state, optimizer=optimizer.state_dict(), arch="small",
        rng=torch.get_rng_state(), best=numpy.float64(0.5), loss=torch.tensor(1.5),
        mean=numpy.arange(3.0),
    )
    write("training", training, {"": state, "all": training})
    write("protocol3", state, pickle_protocol=3, zips=False) if not PY2 else None
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path = os.path.join(OUT, "state_dict.p%d.pkl" % protocol)
        with open(path, "wb") as out:
            pickle.dump(state, out, protocol)
        expect(path, {"": state}, protocol=protocol)
    path = os.path.join(OUT, "module.p2.pkl")
    with open(path, "wb") as out:
        pickle.dump(model, out, 2)
    expect(path, {"": model, "all": model})


def views():
    grid = torch.arange(60.0).reshape(3, 4, 5)
    base = torch.arange(40, dtype=torch.int32)
    values = OrderedDict([
        ("grid", grid), ("transposed", grid.transpose(0, 2)), ("sliced", grid[1:, ::2, 3]),
        ("expanded", torch.arange(3.0).reshape(3, 1).expand(3, 5)), ("tied", grid),
        ("tail", base[33:]), ("columns", base.reshape(8, 5).t()), ("scalar", torch.tensor(1.5)),
        ("element", grid[1, 2, 3]), ("empty", torch.zeros(0, 3)),
        ("grad", torch.ones(2, requires_grad=True)), ("parameter", nn.Parameter(grid[0])),
        ("numpy", numpy.arange(6).reshape(2, 3).T), ("list", [torch.ones(1), (torch.zeros(2),)]),
    ])
    write("views", values)
    if VERSION >= (1, 10):
        wave = torch.complex(torch.arange(12.0), torch.arange(12.0, 24.0)).reshape(3, 4)
        lazy = {"conj": wave.conj(), "neg": wave.clone().conj().imag}
        # 1.10 to 1.12 store the bytes but not that they are to be negated: so are they loaded.
        stored = {"conj": wave, "neg": wave.imag} if VERSION < (1, 13) else lazy
        write("conj_neg", lazy, {"all": stored}, compared=stored)
    path = os.path.join(OUT, "shared_storage.legacy.pt")
    with open(path, "wb") as out:
        save({"a": grid, "view": grid[1]}, out, False)
        save([torch.ones(2)], out, False)
    expect(path, {"all": {"#1": {"a": grid, "view": grid[1]}, "#2": [torch.ones(2)]}})


def dtypes():
    names = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128"
    values = OrderedDict()
    for name in names.split():
        try:
            value = torch.arange(-6, 6).to(getattr(torch, name)).reshape(3, 4)
            dense_part(value)
        except Exception:  # a type that this release does not have
            continue
        values[name] = value
    write("dtypes", values)


def layouts():
    dense = torch.tensor([[0, 1.5, 0, 2], [0, 0, 0, 0], [3, 0, 0, 4]])
    indices, plain = torch.tensor([[0, 0, 1], [0, 2, 3]]), torch.tensor([1.0, 2.0, 3.0])
    sparse = {"coo": torch.sparse_coo_tensor(indices, plain, (2, 4))}
    if VERSION >= (1, 10):
        sparse["csr"] = dense.to_sparse_csr()
    if VERSION >= (1, 4):  # earlier ones refuse; these check indices before they have read them
        write("sparse", sparse, loads=VERSION >= (1, 8))
    if VERSION >= (1, 3):
        x = torch.arange(-12.0, 12.0).reshape(4, 6) / 7
        scales = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.double)
        zeros = torch.arange(4)
        write("quantized", OrderedDict([
            ("qint8", torch.quantize_per_tensor(x, 0.05, 3, torch.qint8)),
            ("quint8", torch.quantize_per_tensor(x, 0.05, 30, torch.quint8)),
            ("qint32", torch.quantize_per_tensor(x, 0.001, 0, torch.qint32)),
        ]))
        write("quantized_channels", {"channels": torch.quantize_per_channel(
            x, scales, zeros, 0, torch.qint8)})


def quantized_module():
    if VERSION < (1, 3):
        return
    module = torch.nn.quantized.Linear(4, 3)
    module.set_weight_bias(torch.quantize_per_tensor(torch.randn(3, 4), 0.1, 0, torch.qint8),
                           torch.randn(3))
    state = module.state_dict()
    write("quantized_linear", state, {"all": {k: v for k, v in flat(state)}})


def flat(state, prefix=""):
    """A packed weight's pair (weight, bias) by positions, as any tuple."""
    for key, value in state.items():
        if isinstance(value, tuple):
            for i, item in enumerate(value):
                yield "%s.%d" % (key, i), item
        else:
            yield key, value


for make in (models, views, dtypes, layouts, quantized_module):
    try:
        make()
    except Exception as error:
        print("%s %s: %s: %s" % (NAME, make.__name__, type(error).__name__, error), file=sys.stderr)
        if "-v" in sys.argv:
            raise
