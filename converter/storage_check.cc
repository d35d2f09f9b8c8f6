#include "converter/storage_check.h"

#include <algorithm>
#include <string>
#include <utility>

#include "formats/error.h"
#include "formats/text.h"
#include "kernels/crc32.h"

namespace unbrine {
namespace {

std::string hex(uint32_t number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[number >> shift & 15];
  return text;
}

bool reads_whole(const Tensor& tensor, const Storage& storage) {
  return first_byte(tensor) == 0 && byte_count(tensor) == storage.size && is_contiguous(tensor);
}

}  // namespace

StorageCheck::StorageCheck(const Layout& layout, const Selection& selection)
    : layout_(layout), selection_(selection), readers_(selection.table->storages().size()) {
  for (uint32_t slot = 0; slot < layout.slots.size(); ++slot) take_in(slot);
}

void StorageCheck::take_in(uint32_t slot) {
  const Tensor& tensor = tensor_of(slot);
  const Storage& storage = selection_.table->storage_of(tensor);
  Reader& reader = readers_[tensor.storage];
  const bool is_first = reader.slot == kNone;
  const bool whole = storage.has_crc && reads_whole(tensor, storage);
  if (is_first || (whole && !reader.whole)) reader = {slot, whole};
  if (is_first && !storage.made_of.empty()) take_in_parts(slot, storage);
}

// Those that the storage is made of, which may be made of others again.
void StorageCheck::take_in_parts(uint32_t slot, const Storage& storage) {
  std::vector<uint32_t> open = storage.made_of;
  while (!open.empty()) {
    const uint32_t part = open.back();
    open.pop_back();
    if (readers_[part].slot != kNone) continue;
    readers_[part].slot = slot;
    const std::vector<uint32_t>& parts = selection_.table->storages()[part].made_of;
    open.insert(open.end(), parts.begin(), parts.end());
  }
}

const Tensor& StorageCheck::tensor_of(uint32_t slot) const {
  return selection_.tensor(selection_.tensors[layout_.slots[slot].selected]);
}

bool StorageCheck::taken_from(uint32_t slot) const {
  const Reader& reader = readers_[tensor_of(slot).storage];
  return reader.whole && reader.slot == slot;
}

std::vector<uint32_t> StorageCheck::left_over() const {
  const std::vector<Storage>& rows = selection_.table->storages();
  std::vector<uint32_t> storages;
  for (uint32_t i = 0; i < readers_.size(); ++i)
    if (readers_[i].slot != kNone && !readers_[i].whole && rows[i].has_crc) storages.push_back(i);
  return storages;
}

void StorageCheck::add(uint32_t storage, uint64_t begin, uint64_t size, uint32_t crc) {
  const uint64_t whole = selection_.table->storages()[storage].size;
  if (size == whole) return compare(storage, crc);
  const std::scoped_lock lock(mutex_);
  Progress& progress = open_[storage];
  progress.parts.push_back({begin, size, crc});
  progress.size += size;
  if (progress.size != whole) return;
  std::ranges::sort(progress.parts, {}, &Part::begin);
  uint32_t joined = 0;
  for (const Part& part : progress.parts) joined = crc32_combine(joined, part.crc, part.size);
  open_.erase(storage);
  compare(storage, joined);
}

void StorageCheck::compare(uint32_t storage, uint32_t crc) const {
  const Storage& row = selection_.table->storages()[storage];
  if (crc == row.crc32) return;
  const uint32_t slot = readers_[storage].slot;
  const SelectedTensor& tensor = selection_.tensors[layout_.slots[slot].selected];
  fail(ErrorCode::Corrupt, "storage ", quoted(row.name), " (tensor ", quoted(tensor.name),
       "): CRC-32 of its ", row.size, " bytes is ", hex(crc), ", the archive records ",
       hex(row.crc32), ": the file is damaged");
}

}  // namespace unbrine
