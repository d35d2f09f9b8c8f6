// Writes a legacy torch stream around a pickled object.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/support/pickle_builder.h"

namespace unbrine {

// Key and bytes of each storage, in the order of the file.
using LegacyStorages = std::vector<std::pair<std::string, std::string>>;

// The five pickles and the storages of 4-byte elements behind them.
inline std::vector<uint8_t> legacy_stream(const PickleBuilder& object,
                                          const LegacyStorages& storages) {
  PickleBuilder stream;
  stream.raw("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.");
  stream.protocol(2).integer(1001).stop();
  stream.protocol(2).empty_dict().stop();
  stream.protocol(2).raw(object).stop();
  stream.protocol(2).mark();
  for (const auto& [key, bytes] : storages) stream.string(key);
  stream.list().stop();
  for (const auto& [key, bytes] : storages) {
    std::string count(8, '\0');
    count[0] = static_cast<char>(bytes.size() / 4);
    stream.raw(count).raw(bytes);
  }
  return stream.bytes();
}

}  // namespace unbrine
