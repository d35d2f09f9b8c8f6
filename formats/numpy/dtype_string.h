// numpy.dtype.str: "<f4", "|S5", "<M8[25s]".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "formats/pickle/graph.h"

namespace unbrine {

// Of a numpy.dtype(...) and its BUILD in a pickle. None for one of which the string would not tell
// all: a structure, a type of another package, what is no dtype.
std::optional<std::string> dtype_string(const Graph& graph, NodeId node);

// Adds the call that pickles such a dtype. Throws Corrupt for a text that is no dtype's.
NodeId add_dtype(Graph& graph, std::string_view type_string);

}  // namespace unbrine
