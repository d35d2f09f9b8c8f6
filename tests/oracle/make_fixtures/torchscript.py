"""TorchScript files of torch 1.0 to today, from Python 2.7 on: python torchscript.py OUT"""

from __future__ import print_function

import os
import sys
import warnings
from collections import OrderedDict

import torch
from torch import nn

from walk import PY2, expect

warnings.simplefilter("ignore")
torch.manual_seed(1)
VERSION = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
NAME = "torch-%d.%d%s" % (VERSION + ("-py2" if PY2 else "",))
OUT = os.path.join(sys.argv[1], NAME)
if not os.path.isdir(OUT):
    os.makedirs(OUT)
TABLE = torch.arange(6.0).reshape(2, 3)


class Part(torch.jit.ScriptModule):
    """The form that all releases know."""

    __constants__ = ["factor"]

    def __init__(self, width):
        super(Part, self).__init__()
        self.factor = 3
        self.weight = nn.Parameter(torch.randn(width, 3))
        self.register_buffer("steps", torch.arange(4))
        self.register_buffer("halves", torch.ones(2).half())
        self.register_buffer("scalar", torch.tensor(2.5))
        self.frozen = nn.Parameter(torch.randn(3), requires_grad=False)

    @torch.jit.script_method
    def forward(self, x):
        return x * self.factor + self.frozen + self.weight.sum()


class Whole(torch.jit.ScriptModule):
    def __init__(self):
        super(Whole, self).__init__()
        self.first = Part(2)
        self.second = Part(4)
        self.bias = nn.Parameter(torch.randn(3, 2).t())
        self.register_buffer("tail", torch.arange(10.0)[7:])

    @torch.jit.script_method
    def forward(self, x):
        return self.second(self.first(x)) + self.tail


class Plain(nn.Module):
    def __init__(self):
        super(Plain, self).__init__()
        self.linear = nn.Linear(3, 2)
        self.norm = nn.BatchNorm1d(2)
        self.again = nn.Linear(3, 2)
        if VERSION >= (1, 3):  # tracing could not, before
            self.again.weight = self.linear.weight

    def forward(self, x):
        return self.norm(self.linear(x)) + self.again(x)


class WithConstant(nn.Module):
    def __init__(self):
        super(WithConstant, self).__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x):
        return self.linear(x + TABLE) * TABLE.sum(1)


def save(module, name):
    path = os.path.join(OUT, "script_" + name)
    module.save(path)
    return path


def state_of(path):
    """As torch reads it again; tied weights keep both names."""
    return torch.jit.load(path).state_dict()


def scripted():
    path = save(Whole(), "module.pt")
    state = state_of(path)
    expect(path, {"": state, "all": state})


def traced():
    model = Plain().eval()
    path = save(torch.jit.trace(model, torch.randn(2, 3)), "traced.pt")
    state = state_of(path)
    assert sorted(state) == sorted(model.state_dict()), (sorted(state), sorted(model.state_dict()))
    expect(path, {"": state, "all": state})


def traced_with_constants():
    """Both places of TABLE share one constant; up to 1.2 it lies in the one table of tensors, as
    its first."""
    path = save(torch.jit.trace(WithConstant().eval(), torch.randn(2, 3)), "constants.pt")
    expect(path, {"all": OrderedDict(state_of(path), **{"constants.0": TABLE})})


def constants_of(path):
    """CONSTANTS.cN of the code, in which the records of constants/ are numbered."""
    mapping = torch.jit.load(path).code_with_constants[1].const_mapping
    return {"constants." + name[1:]: tensor for name, tensor in mapping.items()}


try:
    from typing import Dict, List, Tuple
except ImportError:
    List = None


class Attributes(nn.Module):
    """Attributes that are no parameters: lists, dicts, a tensor that is no buffer."""

    def __init__(self):
        super(Attributes, self).__init__()
        self.linear = nn.Linear(3, 2)
        self.tensors = torch.jit.Attribute([torch.ones(2), torch.zeros(1)], List[torch.Tensor])
        self.numbers = torch.jit.Attribute([1, 2], List[int])
        self.floats = torch.jit.Attribute([1.5], List[float])
        self.names = torch.jit.Attribute({"a": torch.ones(3)}, Dict[str, torch.Tensor])
        self.pair = torch.jit.Attribute((torch.ones(4), 3), Tuple[torch.Tensor, int])
        self.single = torch.jit.Attribute(torch.arange(5), torch.Tensor)

    def forward(self, x):
        return self.linear(x) + self.tensors[0] + len(self.numbers)


def attributes():
    if VERSION < (1, 2) or VERSION == (1, 3):  # 1.3 refuses lists of floats
        return
    model = Attributes()
    path = save(torch.jit.script(model), "attributes.pt")
    named = OrderedDict(model.linear.state_dict(prefix="linear."))
    named["tensors.0"], named["tensors.1"] = torch.ones(2), torch.zeros(1)
    named["names.a"], named["pair.0"], named["single"] = torch.ones(3), torch.ones(4), torch.arange(5)
    expect(path, {"all": named})


def frozen():
    if not hasattr(torch.jit, "freeze"):
        return
    model = torch.jit.freeze(torch.jit.script(Plain().eval()))
    path = save(model, "frozen.pt")
    expect(path, {"": constants_of(path), "all": constants_of(path)})


def quantized():
    if VERSION < (1, 4):
        return
    library = torch.nn.quantized if VERSION < (2, 0) else __import__("torch.ao.nn.quantized").ao.nn.quantized
    module = library.Linear(4, 3)
    weight = torch.quantize_per_tensor(torch.randn(3, 4), 0.1, 0, torch.qint8)
    bias = torch.randn(3)
    module.set_weight_bias(weight, bias)
    weight = module.weight()  # packing has rounded the scale to a float
    path = save(torch.jit.script(module), "quantized.pt")
    # The state of an object of a class that only torch knows is a tuple.
    owner = "_packed_params.state." if VERSION < (1, 10) else "_packed_params._packed_params.state."
    expect(path, {"all": {owner + "0": weight, owner + "1": bias}})


def mobile():
    if VERSION < (1, 6):
        return
    module = torch.jit.script(Plain().eval())
    if hasattr(module, "_save_for_lite_interpreter"):
        path = os.path.join(OUT, "script_mobile.ptl")
        module._save_for_lite_interpreter(path)
        expect(path, {"all": module.state_dict()})


def extra():
    """Records that torch.jit.save adds on request."""
    if VERSION < (1, 1):
        return
    module = torch.jit.script(Plain().eval()) if VERSION >= (1, 2) else Whole()
    path = os.path.join(OUT, "script_extra.pt")
    try:
        files = torch._C.ExtraFilesMap()
        files["note.txt"] = "hello"
    except AttributeError:
        files = {"note.txt": "hello"}
    torch.jit.save(module, path, _extra_files=files)
    expect(path, {"": state_of(path)})


for make in (scripted, traced, traced_with_constants, attributes, frozen, quantized, mobile, extra):
    try:
        make()
    except Exception as error:
        print("%s %s: %s: %s" % (NAME, make.__name__, type(error).__name__, str(error)[:300]), file=sys.stderr)
        if "-v" in sys.argv:
            raise
