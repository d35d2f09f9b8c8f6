"""Does `--dtype` give the bits that torch's `.to` gives, and count what it cannot keep?

Torch is right for values in range. It is not asked where it goes another way on purpose or by
chance (2.13.0, on a CPU with AVX2 or AVX-512):
- it rounds F64 and wide integers twice, by way of F32, on their way to 16 and 8 bits: here it is
  given an F32 that was rounded to odd, so that its own rounding is the only one;
- it saturates what F8_E4M3 cannot hold, infinity too; `inf` gives NaN (for the FNUZ types both do);
- a value outside an integer's range wraps or is left to chance; here it saturates;
- NaN becomes the lowest integer, or 0, by chance; here 0, and it is counted;
- as BF16 a NaN loses its sign and depends on its place in the tensor, F16 to F32 likewise; BF16 to
  F32 leaves signalling NaNs as they are; the NaNs of FNUZ types and scales become signalling ones.
  Here a NaN keeps its sign and is quiet; its payload is compared wherever torch has but one answer.

UNBRINE_LONG_TESTS=1 adds all 2^32 patterns of F32 to each smaller float: half an hour, so run this
file by hand.
"""

import json
import os
import unittest

import numpy as np
import torch

from oracle import OracleTest, parsed

np.seterr(over="ignore", invalid="ignore")  # what does not fit is what this is about

FLOATS = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E5M2": torch.float8_e5m2, "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz, "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
}
INTEGERS = {
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U64": torch.uint64, "U32": torch.uint32, "U16": torch.uint16, "U8": torch.uint8,
}
TARGETS = {**FLOATS, **INTEGERS, "BOOL": torch.bool}
SOURCES = {**TARGETS, "F8_E8M0": torch.float8_e8m0fnu}
SMALL_FLOATS = [name for name in FLOATS if name not in ("F64", "F32")]
UNSIGNED_NAN = ("F8_E5M2FNUZ", "F8_E4M3FNUZ", "F8_E8M0")
WITHOUT_INF = ("F8_E4M3", "F8_E5M2FNUZ", "F8_E4M3FNUZ")
# Torch has no one answer for the NaNs of these.
ODD_NANS = {(source, "BF16") for source in SOURCES}
ODD_NANS |= {("F16", "F32"), ("BF16", "F32")}
ODD_NANS |= {(source, target) for source in UNSIGNED_NAN for target in ("F64", "F32")}

# The smallest size that a float cannot hold: half a step above its largest value.
FIRST_TOO_LARGE = {
    "F64": np.inf, "F32": 2.0**128 - 2.0**103, "F16": 65520.0, "BF16": 2.0**128 - 2.0**119,
    "F8_E5M2": 61440.0, "F8_E4M3": np.nextafter(464.0, 465.0),  # the tie at 464 is even: in range
    "F8_E5M2FNUZ": 61440.0, "F8_E4M3FNUZ": 248.0,
}
UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
AS_INTEGER = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def bits_of(tensor):
    size = tensor.element_size()
    return tensor.contiguous().view(AS_INTEGER[size]).numpy().view(UNSIGNED[size])


def from_bits(bits, dtype):
    bits = np.ascontiguousarray(bits)
    signed = bits.view(bits.dtype.str.replace("u", "i")) if bits.itemsize > 1 else bits
    return torch.from_numpy(signed).view(dtype)


def doubles(tensor):
    """The values; long integers rounded to odd, so that none crosses a bound or a tie."""
    if tensor.dtype not in (torch.int64, torch.uint64):
        return tensor.to(torch.float64).numpy()
    values = tensor.numpy()
    low = values & values.dtype.type(0xFFF)
    odd = (values - low) | np.where(low != 0, 0x800, 0).astype(values.dtype)
    large = values >= 2**53
    if values.dtype == np.int64:
        large |= values < -(2**53)
    return np.where(large, odd, values).astype(np.float64)


def odd_f32(values):
    """F64 as F32, what lies between two F32 as the odd one: no later rounding sees a false tie."""
    near = values.astype(np.float32)
    back = near.astype(np.float64)
    bits = near.view(np.uint32) - (np.abs(back) > np.abs(values))
    inexact = (back != values) & ~np.isnan(values)
    return from_bits((bits | inexact).astype(np.uint32), torch.float32)


def to_float(source, name, target, saturate):
    """Bits, and which of them are NaNs that nobody but the sign test may look at."""
    values = doubles(source)
    one_rounding = target not in SMALL_FLOATS or source.element_size() < 4
    given = source if one_rounding or source.dtype == torch.float32 else odd_f32(values)
    bits = bits_of(given.to(FLOATS[target])).copy()
    finite, nan = np.isfinite(values), np.isnan(values)
    sign = np.uint64(1) << np.uint64(8 * bits.itemsize - 1)
    minus = np.where(np.signbit(values), sign, 0).astype(bits.dtype)
    too_large = finite & (np.abs(values) >= FIRST_TOO_LARGE[target])
    if target == "F8_E4M3":
        bits = np.where(too_large | np.isinf(values), 0x7F | minus, bits)
    if saturate:
        largest = bits_of(torch.tensor([torch.finfo(FLOATS[target]).max], dtype=FLOATS[target]))
        bits = np.where(too_large, largest | minus, bits)
    lost_inf = np.isinf(values) & (target in WITHOUT_INF)
    became_nan = lost_inf | (too_large & (target in WITHOUT_INF and not saturate))
    return bits, nan & ((name, target) in ODD_NANS), too_large, became_nan


def to_integer(source, target):
    values = np.trunc(doubles(source))
    bounds = torch.iinfo(INTEGERS[target])
    nan = np.isnan(values)
    above, below = values >= float(bounds.max + 1), values < float(bounds.min)
    bits = bits_of(source.to(INTEGERS[target])).copy()
    mask = (1 << 8 * bits.itemsize) - 1
    bits[nan] = 0
    bits[above] = bounds.max & mask
    bits[below] = bounds.min & mask
    return bits, np.zeros_like(nan), above | below, nan


def expected(source, name, target, saturate=False):
    """Bits, NaNs whose payload is not looked at, what overflowed, what became NaN."""
    nothing = np.zeros(source.numel(), bool)
    if name == target:
        return bits_of(source), nothing, nothing, nothing
    if target == "BOOL":
        return bits_of(source.to(torch.float64) != 0), nothing, nothing, nothing
    if target in INTEGERS:
        return to_integer(source, target)
    return to_float(source, name, target, saturate)


def statistics(source, result, target, overflowed, became_nan):
    before, after = (tensor.to(torch.float64).numpy() for tensor in (source, result))
    finite = np.isfinite(before) & np.isfinite(after) & (target != "BOOL")
    before, after = before[finite], after[finite]
    error = np.abs(after - before)
    relative = error[before != 0] / np.abs(before[before != 0])
    return {
        "overflowed": int(overflowed.sum()),
        "became_nan": int(became_nan.sum()),
        "max_abs_error": float(error.max(initial=0.0)),
        "max_rel_error": float(relative.max(initial=0.0)),
    }


def all_patterns(dtype):
    size = torch.empty(0, dtype=dtype).element_size()
    return from_bits(np.arange(2 ** (8 * size)).astype(UNSIGNED[size]), dtype)


def around_ties():
    """Values of the smaller floats, the ties between them, and what is next to each, as F64."""
    values = []
    for name in SMALL_FLOATS + ["I8", "I16"]:
        exact = np.unique(doubles(all_patterns(SOURCES[name])))
        exact = exact[np.isfinite(exact)]
        values += [exact, exact[:-1] / 2 + exact[1:] / 2]
    powers = 2.0 ** np.arange(-1074, 1024)
    limits = [size for size in FIRST_TOO_LARGE.values() if np.isfinite(size)]
    ends = [torch.iinfo(dtype).max for dtype in INTEGERS.values()]
    limits += [float(end + step) for end in ends for step in (0, 1)]
    values += [powers, powers * 1.5, np.array([0.0, np.inf, *limits])]
    values = np.concatenate(values)
    return np.unique(np.concatenate([values, -values]))


def neighbours(values):
    return np.concatenate([values, np.nextafter(values, -np.inf), np.nextafter(values, np.inf)])


def random_bits(dtype, count):
    size = torch.empty(0, dtype=dtype).element_size()
    bits = np.random.default_rng(size).integers(0, 2**64, count, np.uint64)
    if not dtype.is_floating_point:  # all magnitudes alike
        bits >>= np.arange(count).astype(np.uint64) % np.uint64(8 * size)
    return from_bits(bits.astype(UNSIGNED[size]), dtype)


def sample(dtype):
    if dtype == torch.bool:
        return torch.tensor([False, True])
    if torch.empty(0, dtype=dtype).element_size() <= 2:
        return all_patterns(dtype)
    if dtype.is_floating_point:
        special = around_ties().astype(np.float64 if dtype == torch.float64 else np.float32)
        zeros = torch.tensor([0.0, -0.0], dtype=dtype)
        return torch.cat([torch.from_numpy(neighbours(special)), zeros, random_bits(dtype, 400000)])
    size = torch.empty(0, dtype=dtype).element_size()
    powers = np.uint64(1) << np.arange(8 * size, dtype=np.uint64)
    steps = np.array([0, 1, 2, 3, 2**8, 2**12, 2**20], np.uint64)
    special = (powers[:, None, None] + powers[None, :, None] + steps).flatten()
    special = np.concatenate([special, ~special, special - np.uint64(4)])
    return torch.cat([from_bits(special.astype(UNSIGNED[size]), dtype), random_bits(dtype, 200000)])


class Casts(OracleTest):
    @classmethod
    def setUpClass(cls):
        cls.samples = {name: sample(dtype) for name, dtype in SOURCES.items()}

    def cast_all(self, path, target, on_overflow):
        """Every sample as `target`: its bits, and the manifest's statistics."""
        manifest = self.folder / "manifest.json"
        rules = [f"--dtype={name}={target}" for name in SOURCES if name != target]
        options = ["--manifest", manifest, "--on-overflow", on_overflow, "--overwrite"]
        _, document = self.convert(path, *options, *rules)
        header, data = parsed(document)
        rows = {row["name"]: row.get("cast") for row in json.loads(manifest.read_text())["tensors"]}
        return {name: (self.bits(header[name], target, data), rows[name]) for name in SOURCES}
    def bits(self, entry, target, data):
        self.assertEqual(entry["dtype"], target)
        begin, end = entry["data_offsets"]
        size = torch.empty(0, dtype=TARGETS[target]).element_size()
        return np.frombuffer(data[begin:end], UNSIGNED[size]).copy()

    def check(self, name, target, bits, cast, saturate):
        source = self.samples[name]
        wanted, loose, overflowed, became_nan = expected(source, name, target, saturate)
        self.assert_same_bits(source, bits, wanted, loose)
        result = from_bits(bits, TARGETS[target])
        if loose.any():
            self.assertTrue(np.isnan(result.to(torch.float64).numpy()[loose]).all())
            signs = np.signbit(doubles(source)[loose]) & (name not in UNSIGNED_NAN)
            self.assertTrue((np.signbit(doubles(result)[loose]) == signs).all())
        if name != target:
            self.assertEqual(cast, statistics(source, result, target, overflowed, became_nan))

    def assert_same_bits(self, source, bits, wanted, loose):
        self.assertEqual(len(bits), len(wanted))
        wrong = np.flatnonzero((bits != wanted) & ~loose)
        if len(wrong):
            i = int(wrong[0])
            self.fail(f"{len(wrong)} of {len(bits)}: {bits_of(source)[i]:#x} became {bits[i]:#x}, "
                      f"not {wanted[i]:#x}")

    def check_every_pair(self, targets, on_overflow):
        path = self.save(self.samples)
        for target in targets:
            results = self.cast_all(path, target, on_overflow)
            for name, (bits, cast) in results.items():
                with self.subTest(source=name, target=target):
                    self.check(name, target, bits, cast, on_overflow == "saturate")

    def test_every_pair_with_overflow_to_infinity(self):
        self.check_every_pair(TARGETS, "inf")

    def test_every_float_saturated(self):
        self.check_every_pair(FLOATS, "saturate")

    @unittest.skipUnless(os.environ.get("UNBRINE_LONG_TESTS") == "1",
                         "all 2^32 patterns of F32: set UNBRINE_LONG_TESTS=1")
    def test_every_f32_to_every_smaller_float(self):
        for first in range(0, 2**32, 2**24):
            source = from_bits(np.arange(first, first + 2**24).astype(np.uint32), torch.float32)
            path = self.save({f"as_{target}": source for target in SMALL_FLOATS})
            rules = [f"--dtype=as_{target}={target}" for target in SMALL_FLOATS]
            _, document = self.convert(path, "--on-overflow", "inf", *rules)
            header, data = parsed(document)
            for target in SMALL_FLOATS:
                with self.subTest(first=hex(first), target=target):
                    wanted, loose, _, _ = expected(source, "F32", target)
                    bits = self.bits(header[f"as_{target}"], target, data)
                    self.assert_same_bits(source, bits, wanted, loose)


if __name__ == "__main__":
    unittest.main()
