"""Pickles and files of numpy arrays, as the numpy of any era writes them: python numpy_pickles.py OUT

Needs Python 2.7 or later and numpy alone; joblib too if it is there.
"""

from __future__ import print_function

import os
import pickle
import sys
from collections import OrderedDict

import numpy

from walk import PY2, expect

NUMPY = ".".join(numpy.__version__.split(".")[:2])
PYTHON = "%d%d" % sys.version_info[:2]
KINDS = "f8 f4 f2 i8 i4 i2 i1 u8 u4 u2 u1 b1 c8 c16".split()


def folder(name):
    path = os.path.join(sys.argv[1], name)
    if not os.path.isdir(path):
        os.makedirs(path)
    return path


def grids():
    grid = numpy.arange(-12, 12).reshape(2, 3, 4)
    return OrderedDict((kind, grid.astype(kind)) for kind in KINDS)


def odd_arrays():
    """Orders, byte orders, views, and arrays that are no tensors."""
    grid = numpy.arange(24.0).reshape(2, 3, 4)
    odd = OrderedDict()
    for kind in ("f8", "i4", "u2", "c8", "c16"):
        odd["big_" + kind] = grid.astype(">" + kind)
    odd["fortran"] = numpy.asfortranarray(grid)
    odd["fortran_big"] = numpy.asfortranarray(grid.astype(">i2"))
    odd["transposed"] = grid.T
    odd["strided"] = grid[:, ::2, 1:]
    odd["reversed"] = grid[::-1]
    odd["broadcast"] = numpy.broadcast_to(numpy.arange(3.0), (2, 3))
    odd["zero_d"] = numpy.array(7.5)
    odd["empty"] = numpy.zeros((0, 3), "f4")
    odd["masked"] = numpy.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], [[0, 1], [0, 0]])
    odd["unmasked"] = numpy.ma.masked_array([1, 2, 3])
    odd["matrix"] = numpy.matrix([[1.0, 2.0]])
    odd["objects"] = numpy.array([[numpy.ones(2), "x"], [None, {"deep": numpy.zeros(1)}]], dtype=object)
    odd["records"] = numpy.array([(1.5, 2)], dtype=[("a", "f4"), ("b", "i8")])
    odd["recarray"] = numpy.rec.array([(1.5, 2)], dtype=[("a", "f4"), ("b", "i8")])
    odd["dates"] = numpy.array(["2020-01-01", "NaT"], dtype="M8[D]")
    odd["spans"] = numpy.array([1, 2], dtype="m8[s]")
    odd["text"] = numpy.array([u"a", u"bc"])
    odd["raw"] = numpy.array([b"a", b"bc"])
    odd["void"] = numpy.zeros(2, "V3")
    odd["long"] = numpy.array([1, 2], dtype="g")
    odd["scalars"] = [numpy.float64(1.5), numpy.int8(-3), numpy.bool_(True), numpy.float32(2)]
    odd["nested"] = [{"weight": grid}, (grid[0], None)]
    odd["dtype"] = numpy.dtype([("a", "f4"), ("b", "<i8", (2,))])
    odd["random"] = numpy.random.RandomState(3)
    if hasattr(numpy.random, "default_rng"):
        odd["generator"] = numpy.random.default_rng(3)
    return odd


def pickles():
    where = folder("numpy")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for name, value in (("grids", grids()), ("odd", odd_arrays())):
            path = os.path.join(where, "%s.py%s.numpy%s.p%d.pkl" % (name, PYTHON, NUMPY, protocol))
            with open(path, "wb") as out:
                pickle.dump(value, out, protocol)
            with open(path, "rb") as data:
                pickle.load(data)
            expect(path, {"all": value}, protocol=protocol)
    if PY2:
        import cPickle

        for protocol in range(3):
            path = os.path.join(where, "grids.cpickle.numpy%s.p%d.pkl" % (NUMPY, protocol))
            with open(path, "wb") as out:
                cPickle.dump(grids(), out, protocol)
            expect(path, {"all": grids()}, protocol=protocol)


def tensors_only(named):
    plain = OrderedDict(named)
    for name in ("scalars", "nested", "dtype", "random", "generator", "objects", "masked", "unmasked"):
        plain.pop(name, None)
    return plain


def files():
    where = folder("numpy")
    origin = "py%s.numpy%s" % (PYTHON, NUMPY)
    named = OrderedDict(grids())
    named["big"] = named["f8"].astype(">f8")
    named["fortran"] = numpy.asfortranarray(named["f4"])
    named["zero_d"], named["empty"] = numpy.array(7.5), numpy.zeros((0, 3), "f4")
    for suffix, save in (("npz", numpy.savez), ("deflated.npz", numpy.savez_compressed)):
        path = os.path.join(where, "grids.%s.%s" % (origin, suffix))
        with open(path, "wb") as out:
            save(out, **named)
        expect(path, {"all": named})
    path = os.path.join(where, "positional.%s.npz" % origin)
    with open(path, "wb") as out:
        numpy.savez(out, numpy.arange(3), numpy.arange(4.0))
    expect(path, {"all": {"arr_0": numpy.arange(3), "arr_1": numpy.arange(4.0)}})
    arrays = {"f4": named["f4"], "big": named["big"], "fortran": named["fortran"],
              "zero_d": named["zero_d"], "empty": named["empty"]}
    arrays["objects"] = numpy.array([numpy.ones(2), "x", {"deep": numpy.zeros(1)}], dtype=object)
    for name, array in sorted(arrays.items()):
        path = os.path.join(where, "%s.%s.npy" % (name, origin))
        with open(path, "wb") as out:
            numpy.save(out, array)
        expect(path, {"all": array})


def joblib_files():
    try:
        import joblib
    except ImportError:
        return
    where = folder("joblib")
    value = OrderedDict(grids())
    odd = odd_arrays()
    for name in ("big_f8", "fortran", "transposed", "zero_d", "empty", "objects", "nested", "scalars",
                 "records", "dates", "matrix"):
        value[name] = odd[name]
    if hasattr(numpy, "memmap"):
        value["again"] = value["f8"]
    origin = "joblib%s.py%s" % (joblib.__version__, PYTHON)
    compressors = [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)]
    for compressor in compressors if not PY2 else compressors[:4]:
        name = compressor[0] if compressor else "plain"
        path = os.path.join(where, "arrays.%s.%s.joblib" % (origin, name))
        made = joblib.dump(value, path, compress=compressor)
        if len(made) > 1:
            raise RuntimeError("side files: %s" % made)
        expect(path, {"all": value}, (joblib,), protocol=2)
    path = os.path.join(where, "array.%s.joblib" % origin)
    joblib.dump(value["fortran"], path)
    expect(path, {"all": value["fortran"]}, (joblib,))


for make in (pickles, files, joblib_files):
    try:
        make()
    except Exception as error:
        print("%s: %s: %s" % (make.__name__, type(error).__name__, error), file=sys.stderr)
        if "-v" in sys.argv:
            raise
