// numpy's element types: "<f4" in a file's header, numpy.dtype(...) in a pickle.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "formats/pickle/graph.h"

namespace unbrine {

struct ElementType {
  DType dtype;
  bool big_endian;
};

struct DTypeRecord {
  std::optional<ElementType> type = {};    // none: no plain numbers
  bool has_objects = false;                // 'O': the data is Python values
  std::optional<uint64_t> item_size = {};  // bytes of one element, if the dtype tells it
  std::string description = {};            // "datetime64", "a structure of 2 fields": for messages
};

// Of an array-protocol type string as in numpy.dtype.str, e.g. "<f4", "|b1", ">c16", "<M8[ns]";
// also without the byte order. Throws Corrupt if it is none.
DTypeRecord dtype_of_string(std::string_view type_string);

// numpy.dtype.str of plain numbers, "<f4"; none for a dtype that numpy does not have.
std::optional<std::string> type_string(const ElementType& type);

// Of numpy.dtype(code, align, copy) and its BUILD, or of a class like numpy.float32. A class that
// is not known gives a record without a type. Throws Corrupt if the node is no dtype.
DTypeRecord read_dtype(const Graph& graph, NodeId node);

// "package.Class", escaped, for messages.
std::string class_name(const Global& global);

}  // namespace unbrine
