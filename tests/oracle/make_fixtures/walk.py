"""The tensors of a live object: names by DESIGN's rules, element type, shape and bytes.

Runs on Python 2.7 to 3.13 with whatever torch and numpy lie there, or without them. An object of
a class that no reader of files can know is walked by what its own __reduce_ex__ says, since that
is what a pickle holds: constructor arguments under `args`, attributes by their names.
"""

from __future__ import print_function

import binascii
import collections
import functools
import io
import json
import platform
import struct
import sys
import types

try:
    import numpy
except ImportError:
    numpy = None
try:
    import torch
except ImportError:
    torch = None

PY2 = sys.version_info[0] == 2
TEXT = (str, u"".__class__)
ATOMS = TEXT + (bytes, bytearray, bool, int, float, complex, type(None), type, type(Ellipsis))
ATOMS += (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType)
if PY2:
    ATOMS += (long, types.ClassType)  # noqa: F821

NUMPY_NAMES = {
    "f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32", "i2": "I16", "i1": "I8",
    "u8": "U64", "u4": "U32", "u2": "U16", "u1": "U8", "b1": "BOOL", "c8": "C64",
}
ML_NAMES = {
    "bfloat16": "BF16", "float8_e5m2": "F8_E5M2", "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
}
TORCH_NAMES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64",
    "int32": "I32", "int16": "I16", "int8": "I8", "uint64": "U64", "uint32": "U32",
    "uint16": "U16", "uint8": "U8", "bool": "BOOL", "complex64": "C64",
    "float8_e5m2": "F8_E5M2", "float8_e4m3fn": "F8_E4M3", "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e8m0fnu": "F8_E8M0",
    "bits8": "U8", "bits1x8": "U8", "bits2x4": "U8", "bits4x2": "U8", "bits16": "U16",
}


class Part(object):
    """What one name of a safetensors file holds; `role` is "" for the tensor itself."""

    def __init__(self, role, dtype, shape, data):
        self.role, self.dtype, self.shape, self.data = role, dtype, [int(n) for n in shape], data


# --- numpy ---------------------------------------------------------------------------------------


def array_part(array, role=""):
    """None for what is no tensor: text, dates, records, long doubles, objects."""
    array = numpy.asarray(array)
    shape = array.shape
    if array.dtype.name in ML_NAMES:
        return Part(role, ML_NAMES[array.dtype.name], shape, array.tobytes())
    kind = "%s%d" % (array.dtype.kind, array.dtype.itemsize)
    little = numpy.array(array, dtype=array.dtype.newbyteorder("<"), order="C")
    if kind == "c16":
        return Part(role, "F64", shape + (2,), little.tobytes())
    if kind not in NUMPY_NAMES:
        return None
    return Part(role, NUMPY_NAMES[kind], shape, little.tobytes())


def array_parts(array):
    if isinstance(array, numpy.ma.MaskedArray):
        data, mask = array_part(array.data), array_part(numpy.ma.getmaskarray(array), "mask")
        return [data, mask] if data else []
    part = array_part(array)
    return [part] if part else []


# --- torch ---------------------------------------------------------------------------------------


def is_tensor(value):
    return torch is not None and isinstance(value, torch.Tensor)


def dtype_name(tensor):
    return str(tensor.dtype).replace("torch.", "")


def dense_bytes(tensor):
    """The elements, row-major and little endian, whatever this torch can do with the type."""
    tensor = tensor.detach()
    for resolve in ("resolve_conj", "resolve_neg"):
        tensor = getattr(tensor, resolve, lambda t=tensor: t)()
    name = dtype_name(tensor)
    if tensor.numel() == 0:
        return b""
    if name == "bfloat16" and not hasattr(torch, "float8_e5m2"):  # no view(dtype) in old releases
        wide = tensor.float().contiguous().numpy().astype("<f4").tobytes()
        return b"".join(wide[i + 2 : i + 4] for i in range(0, len(wide), 4))
    if hasattr(torch, "float8_e5m2"):  # any type by its bytes
        flat = tensor.clone(memory_format=torch.contiguous_format).reshape(-1)
        return bytes(bytearray(flat.view(torch.uint8).tolist()))
    array = tensor.contiguous().numpy()
    return numpy.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()


def dense_part(tensor, role=""):
    name, shape = dtype_name(tensor), list(tensor.shape)
    if name in ("complex128", "complex32"):
        return Part(role, "F64" if name == "complex128" else "F16", shape + [2], dense_bytes(tensor))
    if name == "float4_e2m1fn_x2":
        return Part(role, "F4", shape[:-1] + [shape[-1] * 2], dense_bytes(tensor))
    return Part(role, TORCH_NAMES[name], shape, dense_bytes(tensor))


def scalar_part(role, dtype, value):
    return Part(role, dtype, [], struct.pack({"F64": "<d", "I64": "<q"}[dtype], value))


def quantized_parts(tensor):
    """The integers as they are, and what turns them into numbers again."""
    tensor = tensor.detach()
    parts = [dense_part(tensor.int_repr())]  # packed types: their bytes in one row
    if "per_tensor" in str(tensor.qscheme()):
        parts.append(scalar_part("scale", "F64", tensor.q_scale()))
        parts.append(scalar_part("zero_point", "I64", tensor.q_zero_point()))
        return parts
    parts.append(dense_part(tensor.q_per_channel_scales(), "scale"))
    parts.append(dense_part(tensor.q_per_channel_zero_points(), "zero_point"))
    parts.append(scalar_part("axis", "I64", tensor.q_per_channel_axis()))
    return parts


def sparse_parts(tensor):
    tensor = tensor.detach()
    layout = str(tensor.layout)
    if layout == "torch.sparse_coo":
        return [dense_part(tensor._indices(), "indices"), dense_part(tensor._values(), "values")]
    if layout in ("torch.sparse_csr", "torch.sparse_bsr"):
        indices = [("crow_indices", tensor.crow_indices()), ("col_indices", tensor.col_indices())]
    else:
        indices = [("ccol_indices", tensor.ccol_indices()), ("row_indices", tensor.row_indices())]
    return [dense_part(t, role) for role, t in indices + [("values", tensor.values())]]


def nested_parts(tensor):
    tensor = tensor.detach()
    if str(tensor.layout) == "torch.jagged":
        roles = [("values", tensor._values), ("offsets", tensor._offsets)]
        roles += [("lengths", tensor._lengths)] if tensor._lengths is not None else []
    else:
        roles = [("values", tensor.values()), ("sizes", tensor._nested_tensor_size())]
        roles += [("strides", tensor._nested_tensor_strides())]
        roles += [("offsets", tensor._nested_tensor_storage_offsets())]
    return [dense_part(t, role) for role, t in roles]


def is_lazy(tensor):
    return type(tensor).__name__ in ("UninitializedParameter", "UninitializedBuffer")


def is_wrapper(tensor):
    """Shape without data of its own; the data is in its attributes."""
    return hasattr(tensor, "__tensor_flatten__") and "NestedTensor" not in type(tensor).__name__


def tensor_parts(tensor):
    if is_lazy(tensor) or getattr(tensor, "is_meta", False):
        return []
    if type(tensor).__name__ == "DTensor":
        return [dense_part(tensor.full_tensor())]
    if is_wrapper(tensor):
        return []
    if getattr(tensor, "is_nested", False):
        return nested_parts(tensor)
    if getattr(tensor, "is_quantized", False):
        return quantized_parts(tensor)
    if getattr(tensor, "layout", None) not in (None, getattr(torch, "strided", None)):
        return sparse_parts(tensor)
    return [dense_part(tensor)]


PARTS = ("_local_tensor", "_values", "_offsets", "_lengths")  # that tensor_parts() has given


def tensor_attributes(tensor):
    state = getattr(torch._utils, "_get_obj_state", lambda t: None)(tensor)
    composed = type(tensor).__name__ in ("DTensor", "NestedTensor")
    members = state_members(state) if state else []
    return [member for member in members if not (composed and member[0] in PARTS)]


def storage_parts(storage):
    if type(storage).__name__ in ("UntypedStorage", "_UntypedStorage"):
        data = bytes(bytearray(storage.tolist()))
        return [Part("", "U8", [len(data)], data)]
    tensor = torch.tensor([], dtype=storage.dtype).set_(storage)
    return [dense_part(tensor)]


def is_storage(value):
    return torch is not None and torch.is_storage(value)


# --- objects -------------------------------------------------------------------------------------


def key_text(key, position):
    if PY2 and isinstance(key, str):
        return key.decode("utf-8")
    if isinstance(key, TEXT):
        return key
    if key is None or (isinstance(key, ATOMS) and isinstance(key, (bool, int))):
        return str(key)
    return str(position)


def mapping_members(mapping):
    return [(key_text(key, i), item) for i, (key, item) in enumerate(mapping.items())]


def positions(values):
    return [(str(i), item) for i, item in enumerate(values)]


def is_attributes(state):
    if isinstance(state, dict):
        return True
    return isinstance(state, tuple) and all(p is None or isinstance(p, dict) for p in state)


def state_members(state):
    if state is None:
        return []
    if not is_attributes(state):
        return [("state", state)]
    parts = [state] if isinstance(state, dict) else [p for p in state if p]
    return [member for part in parts for member in mapping_members(part)]


def object_members(value, protocol):
    reduced = value.__reduce_ex__(protocol)
    if isinstance(reduced, TEXT):
        return []
    function, args = reduced[0], reduced[1]
    state, items, pairs = (tuple(reduced[2:]) + (None, None, None))[:3]
    name = getattr(function, "__name__", "")
    out = []
    if name == "__newobj__":
        args = args[1:]
    if name == "__newobj_ex__":
        out, args = [("kwargs", args[2])], args[1]
    out = [("args", args)] + out + state_members(state)
    out += mapping_members(collections.OrderedDict(pairs)) if pairs is not None else []
    return out + (positions(items) if items is not None else [])


def is_module(value):
    return torch is not None and isinstance(value, torch.nn.Module)


def module_members(module, everything):
    state = module.__reduce_ex__(2)[2]
    hidden = state.get("_non_persistent_buffers_set", ())
    out = mapping_members(state["_parameters"])
    out += [m for m in mapping_members(state["_buffers"]) if everything or m[0] not in hidden]
    out += mapping_members(state["_modules"])
    own = ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")
    if everything:
        out += [m for m in mapping_members(state) if m[0] not in own]
    return out


def is_opaque(value):
    plain = (dict, list, tuple, set, frozenset, collections.deque)
    return not is_module(value) and (type(value).__name__ == "Namespace" or type(value) not in plain)


class Walk(object):
    """`everything`: also plain attributes of modules and tensors, as `--select all` does."""

    def __init__(self, everything, protocol):
        self.everything, self.protocol = everything, protocol
        self.open, self.named_once, self.keep, self.found = set(), set(), [], []

    def members(self, value):
        if is_module(value):
            return module_members(value, self.everything)
        if type(value) in (dict, collections.OrderedDict, collections.defaultdict):
            return mapping_members(value)
        if type(value) is collections.Counter:
            return mapping_members(value)
        if type(value) in (list, tuple, set, frozenset, collections.deque):
            return positions(value)
        if isinstance(value, functools.partial):
            return [("state", (value.func, value.args, value.keywords))]
        return object_members(value, self.protocol)

    def leaf(self, name, parts):
        for part in parts:
            self.found.append((".".join(p for p in (name, part.role) if p), part))

    def visit(self, name, value):
        if isinstance(value, ATOMS) or id(value) in self.open:
            return
        self.keep.append(value)  # ids stay unique
        below = None
        if is_tensor(value):
            self.leaf(name, tensor_parts(value))
            below = tensor_attributes(value) if self.everything or is_wrapper(value) else []
        elif is_storage(value):
            self.leaf(name, storage_parts(value))
            below = []
        elif numpy is not None and isinstance(value, numpy.ndarray):
            self.leaf(name, array_parts(value))
            below = positions(value.ravel().tolist()) if value.dtype == object else []
        elif numpy is not None and isinstance(value, (numpy.generic, numpy.dtype)):
            below = []
        elif is_opaque(value) and id(value) in self.named_once:
            return
        else:
            below = self.members(value)
        self.open.add(id(value))
        self.named_once.add(id(value))
        for part, item in below:
            self.visit(".".join((name, part)) if name is not None else part, item)
        self.open.remove(id(value))


def tensors(value, everything=True, protocol=2):
    """{name: Part} of all tensors of a value; fails where two paths would give one name."""
    walk = Walk(everything, protocol)
    walk.visit(None, value)
    found = [(name if name else "tensor", part) for name, part in walk.found]
    names = [name for name, _ in found]
    twice = sorted(name for name in set(names) if names.count(name) > 1)
    if twice:
        raise ValueError("two tensors are called %r" % twice[:5])
    return dict(found)


def check_state_dict(module):
    """Our walk of a module and its own state_dict() must agree."""
    ours = tensors(module, everything=False)
    theirs = tensors(module.state_dict(), everything=False)
    assert set(ours) == set(theirs), sorted(set(ours) ^ set(theirs))
    assert all(ours[name].data == theirs[name].data for name in ours)


# --- expectations --------------------------------------------------------------------------------


def versions(*modules):
    found = collections.OrderedDict(python=platform.python_version())
    for module in (torch, numpy) + modules:
        if module is not None:
            found[module.__name__] = str(module.__version__)
    return found


def expect(path, selections, modules=(), protocol=2, note=None, partial=False):
    """Writes PATH.raw.json: for each value of --select ("" for none) the tensors to be written;
    `partial`: others may be there too. A selection is a value to walk, or a ready {name: Part}.
    digest.py makes PATH.expect.json."""
    document = collections.OrderedDict(written_by=versions(*modules))
    if partial:
        document["partial"] = True
    if note:
        document["note"] = note
    document["selections"] = collections.OrderedDict()
    for select, value in selections.items():
        ready = isinstance(value, dict) and value and all(isinstance(v, Part) for v in value.values())
        named = value if ready else tensors(value, select == "all", protocol)
        document["selections"][select] = collections.OrderedDict(
            (name, [part.dtype, part.shape, binascii.hexlify(part.data).decode("ascii")])
            for name, part in sorted(named.items())
        )
    with io.open(path + ".raw.json", "w", encoding="utf-8") as out:
        text = json.dumps(document, ensure_ascii=True)
        out.write(text.decode("ascii") if PY2 else text)
