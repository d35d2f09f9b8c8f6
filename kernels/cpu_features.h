// One algorithm may be written for several instruction sets. Each way is a row of a table, from the
// slowest and most general to the fastest; which rows run is asked of the machine, not of the
// build.
#pragma once

#include <stddef.h>

namespace unbrine {

// The last row that this machine supports. The first row must run everywhere.
template <class Row, size_t kRows>
const Row& fastest_supported(const Row* const (&rows)[kRows]) {
  size_t i = kRows - 1;
  while (i > 0 && !rows[i]->supported()) --i;
  return *rows[i];
}

}  // namespace unbrine
