// The head of a .npy file: a magic number, a version, and a Python dict literal.
//
//   93 "NUMPY" | major | 0 | length u16 (major 1) or u32 (2, 3) | the literal, blanks, newline
//   {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
//
// Source: numpy/lib/format.py.
#pragma once

#include <string>
#include <vector>

#include "formats/limits.h"
#include "formats/numpy/numpy_dtype.h"
#include "formats/pickle/byte_values.h"

namespace unbrine {

struct NpyHeader {
  DTypeRecord dtype;
  std::string descr;  // as the header writes the type
  bool fortran_order = false;
  std::vector<uint64_t> shape;
  uint64_t size = 0;   // bytes before the data
  uint32_t crc32 = 0;  // of these
};

// The magic number and a version that exists.
bool begins_npy(ByteSpan head);

// Of the literal alone, which the project never evaluates: a strict grammar. Throws Corrupt.
NpyHeader parse_npy_literal(std::string_view literal);

// Of the bytes at the beginning of `file`. Throws Corrupt, and Limit for a header longer than
// max_header_bytes.
NpyHeader read_npy_header(const ByteRange& file, const Limits& limits);

}  // namespace unbrine
