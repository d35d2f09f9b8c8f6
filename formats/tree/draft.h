// One value on its way into state.json: JSON with holes, in which other values go.
//
//   {"lr": 0.1, "params": [t, t]}  is  {"lr":0.1,"params":}  with a hole for the list at 19
#pragma once

#include <vector>

#include "formats/json.h"
#include "formats/pickle/graph.h"

namespace unbrine {

struct Hole {
  size_t at;  // in the text
  NodeId value;
};

struct Draft {
  JsonWriter json;
  std::vector<Hole> holes;
  bool in_full = false;  // short and immutable: written again wherever it is met

  void add_hole(NodeId value) {
    json.json("");  // with the comma that it may need
    holes.push_back({json.text().size(), value});
  }
};

}  // namespace unbrine
