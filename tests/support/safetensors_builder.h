// Writes safetensors files tensor by tensor, in the order given.
//
//   safetensors_file({{"w", "F32", {2}, bytes_of<float>({1, 2})}})
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace unbrine {

struct SafetensorsRecord {
  std::string name;
  std::string dtype;
  std::vector<uint64_t> shape;
  std::string bytes;
};

template <class Number>
std::string bytes_of(const std::vector<Number>& numbers) {
  std::string bytes(numbers.size() * sizeof(Number), '\0');
  if (!bytes.empty()) std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

inline std::string safetensors_file(const std::vector<SafetensorsRecord>& records,
                                    const std::map<std::string, std::string>& metadata = {
                                        {"format", "pt"}}) {
  std::string header = "{\"__metadata__\":{";
  std::string data;
  for (const auto& [key, value] : metadata)
    header += (header.back() == '{' ? "\"" : ",\"") + key + "\":\"" + value + "\"";
  header += "}";
  for (const SafetensorsRecord& record : records) {
    header += ",\"" + record.name + "\":{\"dtype\":\"" + record.dtype + "\",\"shape\":[";
    for (const uint64_t size : record.shape)
      header += (header.back() == '[' ? "" : ",") + std::to_string(size);
    const std::string begin = std::to_string(data.size());
    data += record.bytes;
    header += "],\"data_offsets\":[" + begin + "," + std::to_string(data.size()) + "]}";
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const uint64_t length = header.size();
  return bytes_of<uint64_t>({length}) + header + data;
}

}  // namespace unbrine
