#include "formats/folder/widened_source.h"

#include <algorithm>
#include <cstring>

namespace unbrine {
namespace {

constexpr uint64_t kBlock = 64 << 10;  // elements

// The bits move to the wider exponent and fraction; subnormals become normal numbers.
uint32_t widened_f16(uint16_t half) {
  const uint32_t sign = (half & 0x8000U) << 16;
  const uint32_t magnitude = half & 0x7fffU;
  if (magnitude > 0x7c00) return sign | 0x7fc0'0000 | magnitude << 13;  // NaN: made quiet
  if (magnitude == 0x7c00) return sign | 0x7f80'0000;
  if (magnitude >= 0x0400) return sign | ((magnitude << 13) + ((127U - 15) << 23));
  const float value = static_cast<float>(magnitude) * 0x1p-24F;  // exact
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return sign | bits;
}

}  // namespace

uint32_t widened(uint16_t half, HalfKind kind) {
  return kind == HalfKind::BF16 ? uint32_t{half} << 16 : widened_f16(half);
}

WidenedSource::WidenedSource(std::shared_ptr<const Source> halves, uint64_t offset, uint64_t count,
                             HalfKind kind, bool big_endian)
    : halves_(std::move(halves), offset, count * 2), kind_(kind), big_endian_(big_endian) {}

void WidenedSource::read_range(uint64_t offset, MutableByteSpan target) const {
  while (!target.empty()) {
    const uint64_t first = offset / 4;
    const uint64_t last = std::min((offset + target.size() + 3) / 4, first + kBlock);
    const std::vector<uint8_t> halves = halves_.read_all(first * 2, (last - first) * 2);
    std::vector<uint32_t> words;
    words.reserve(last - first);
    for (size_t i = 0; i < halves.size(); i += 2) {
      const uint32_t low = halves[i + (big_endian_ ? 1 : 0)];
      const uint32_t high = halves[i + (big_endian_ ? 0 : 1)];
      words.push_back(widened(static_cast<uint16_t>(high << 8 | low), kind_));
    }
    const uint64_t skipped = offset % 4;
    const uint64_t bytes = std::min<uint64_t>(words.size() * 4 - skipped, target.size());
    std::memcpy(target.data(), reinterpret_cast<const uint8_t*>(words.data()) + skipped, bytes);
    target = target.subspan(bytes);
    offset += bytes;
  }
}

Tensor as_float32(TensorTable& table, Tensor tensor) {
  if (tensor.dtype != DType::F16 && tensor.dtype != DType::BF16) return tensor;
  const HalfKind kind = tensor.dtype == DType::F16 ? HalfKind::F16 : HalfKind::BF16;
  const Storage& halves = table.storage_of(tensor);
  Storage storage;
  storage.name = halves.name;
  storage.source = std::make_shared<WidenedSource>(halves.source, halves.offset, halves.size / 2,
                                                   kind, halves.big_endian);
  storage.size = storage.source->size();
  storage.made_of = {tensor.storage};
  tensor.dtype = DType::F32;
  tensor.storage = table.add_storage(std::move(storage));
  return tensor;
}

}  // namespace unbrine
