// .npy files for tests, from the literal in their header.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace unbrine {

inline std::string npy_literal(std::string_view descr, std::string_view shape,
                               std::string_view fortran = "False") {
  return "{'descr': " + std::string(descr) + ", 'fortran_order': " + std::string(fortran) +
         ", 'shape': " + std::string(shape) + ", }";
}

// Padded as numpy does it, so that the data begins at a multiple of 64.
inline std::string npy(std::string literal, std::string_view data, char major = 1) {
  const size_t width = major == 1 ? 2 : 4;
  literal.append(63 - (8 + width + literal.size()) % 64, ' ');
  literal += '\n';
  std::string file = "\x93NUMPY" + std::string{major, '\0'};
  for (size_t i = 0; i < width; ++i) file += static_cast<char>(literal.size() >> 8 * i & 0xff);
  return file + literal + std::string(data);
}

inline std::vector<uint8_t> as_vector(std::string_view text) { return {text.begin(), text.end()}; }

}  // namespace unbrine
