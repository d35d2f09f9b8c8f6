// The kinds of tensors that torch keeps in several and can make again, one row each.
#pragma once

#include <span>
#include <string_view>

#include "formats/pickle/graph.h"

namespace unbrine {

struct CompositeKind {
  std::string_view layout;
  std::string_view module;  // of the function that makes it
  std::string_view function;
  std::span<const std::string_view> roles;  // of its parts, in the order of the arguments
};

// nullptr: none of these, or a part is missing.
const CompositeKind* composite_kind(const Composite& composite);

// nullptr: it has no part of that role.
const CompositePart* find_part(const Composite& composite, std::string_view role);

}  // namespace unbrine
