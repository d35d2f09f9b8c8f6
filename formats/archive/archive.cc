#include "formats/archive/archive.h"

#include <libdeflate.h>

#include <algorithm>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr uint64_t kBlock = 256 << 10;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

uint64_t hash_without_case(std::string_view name) {  // FNV-1a
  uint64_t hash = 0xcbf2'9ce4'8422'2325;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(lower(c))) * 0x100'0000'01b3;
  return hash;
}

int compare_without_case(std::string_view a, std::string_view b) {
  const size_t common = std::min(a.size(), b.size());
  for (size_t i = 0; i < common; ++i)
    if (lower(a[i]) != lower(b[i])) return lower(a[i]) < lower(b[i]) ? -1 : 1;
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

// Orders by hash, and where hashes are equal by name, so that equal names become neighbours.
struct KeyOrder {
  const std::vector<ArchiveEntry>& entries;

  int compare(const NameKey& key, uint64_t hash, std::string_view name) const {
    if (key.hash != hash) return key.hash < hash ? -1 : 1;
    return compare_without_case(entries[key.entry].name, name);
  }
  bool operator()(const NameKey& a, const NameKey& b) const {
    return compare(a, b.hash, entries[b.entry].name) < 0;
  }
};

uint32_t crc32_of(const Source& bytes) {
  std::vector<uint8_t> block(std::min(kBlock, bytes.size()));
  uint32_t crc = 0;
  for (uint64_t offset = 0; offset < bytes.size(); offset += block.size()) {
    block.resize(std::min<uint64_t>(block.size(), bytes.size() - offset));
    bytes.read_at(offset, block);
    crc = libdeflate_crc32(crc, block.data(), block.size());
  }
  return crc;
}

std::vector<uint8_t> inflate(const std::vector<uint8_t>& stored, uint64_t size) {
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>
      decompressor(libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  if (decompressor == nullptr) throw std::bad_alloc();
  std::vector<uint8_t> bytes(size);
  size_t consumed = 0;
  const libdeflate_result result = libdeflate_deflate_decompress_ex(
      decompressor.get(), stored.data(), stored.size(), bytes.data(), size, &consumed, nullptr);
  if (result != LIBDEFLATE_SUCCESS)
    fail(ErrorCode::Corrupt, "its deflated bytes do not inflate to the ", size, " bytes recorded");
  if (consumed != stored.size())
    fail(ErrorCode::Corrupt, stored.size() - consumed, " bytes follow its deflated bytes");
  return bytes;
}

// Inflates a whole entry, having asked the limits first.
std::shared_ptr<const Source> inflated(const Archive& archive, const ArchiveEntry& entry,
                                       const Limits& limits, uint64_t& inflated_bytes) {
  const uint64_t ratio = entry.size / std::max<uint64_t>(entry.stored_size, 1);
  check_limit("inflated over stored bytes:", ratio, "max_inflate_ratio", limits.max_inflate_ratio);
  const uint64_t left =
      limits.max_inflated_bytes - std::min(inflated_bytes, limits.max_inflated_bytes);
  if (entry.size > left)
    fail_limit("inflated bytes:", std::max(entry.size, entry.size + inflated_bytes),
               "max_inflated_bytes", limits.max_inflated_bytes);
  inflated_bytes += entry.size;
  const auto stored = archive.source->read_all(entry.offset, entry.stored_size);
  return std::make_shared<MemorySource>(inflate(stored, entry.size));
}

}  // namespace

std::vector<NameKey> order_by_name(const std::vector<ArchiveEntry>& entries) {
  std::vector<NameKey> keys(entries.size());
  for (uint32_t i = 0; i < keys.size(); ++i) keys[i] = {hash_without_case(entries[i].name), i};
  const KeyOrder order{entries};
  std::ranges::sort(keys, order);
  const auto same = std::ranges::adjacent_find(
      keys, [&](const NameKey& a, const NameKey& b) { return !order(a, b); });
  if (same != keys.end()) {
    const std::string &a = entries[same[0].entry].name, &b = entries[same[1].entry].name;
    fail(ErrorCode::Corrupt, "entries ", quoted(std::min(a, b)), " and ", quoted(std::max(a, b)),
         " have one name", a == b ? "" : " but for upper and lower case");
  }
  return keys;
}

const ArchiveEntry* Archive::find(std::string_view name) const {
  const KeyOrder order{entries};
  const uint64_t hash = hash_without_case(name);
  const auto found =
      std::partition_point(name_order.begin(), name_order.end(),
                           [&](const NameKey& key) { return order.compare(key, hash, name) < 0; });
  if (found == name_order.end() || entries[found->entry].name != name) return nullptr;
  return &entries[found->entry];
}

std::shared_ptr<const Source> Archive::open(const ArchiveEntry& entry, const Limits& limits,
                                            uint64_t& inflated_bytes) const {
  return in_context(quoted(entry.name), [&] {
    std::shared_ptr<const Source> bytes =
        entry.deflated ? inflated(*this, entry, limits, inflated_bytes)
                       : std::make_shared<SliceSource>(source, entry.offset, entry.size);
    if (has_crc && crc32_of(*bytes) != entry.crc32)
      fail(ErrorCode::Corrupt, "its bytes do not match the CRC-32 recorded: damaged file");
    return bytes;
  });
}

}  // namespace unbrine
