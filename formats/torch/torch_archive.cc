#include "formats/torch/torch_archive.h"

#include <algorithm>
#include <charconv>

#include "formats/error.h"
#include "formats/interpret.h"
#include "formats/object_view.h"
#include "formats/pickle/decoder.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr uint64_t kLongestSmallRecord = 64;

// Only untyped storages may be seen through several dtypes.
void check_same_class(const StorageId& id, std::optional<DType> known, const ArchiveEntry& entry) {
  if (id.dtype && known && id.dtype != known && entry.size != 0)
    fail(ErrorCode::Corrupt, "storage ", quoted(entry.name), ": is both torch.",
         info(*known).storage_class, " and ", storage_class_name(id));
}

}  // namespace

TorchArchive::TorchArchive(std::shared_ptr<const Archive> archive, const std::string& prefix,
                           Checkpoint& checkpoint)
    : checkpoint_(checkpoint), archive_(std::move(archive)), prefix_(prefix + "/") {
  check_version();
  big_endian_ = read_byte_order();
}

const ArchiveEntry* TorchArchive::find(std::string_view record) const {
  return archive_->find(full_name(record));
}

const ArchiveEntry& TorchArchive::require(std::string_view record) const {
  const ArchiveEntry* entry = find(record);
  if (entry == nullptr)
    fail(ErrorCode::Corrupt, "the archive has no record ", quoted(full_name(record)));
  return *entry;
}

std::shared_ptr<const Source> TorchArchive::open(const ArchiveEntry& entry) {
  return archive_->open(entry, checkpoint_.limits, checkpoint_.inflated_bytes);
}

std::string TorchArchive::text(const ArchiveEntry& entry, uint64_t longest) {
  if (entry.size > longest)
    fail(ErrorCode::Corrupt, quoted(entry.name), ": has ", entry.size, " bytes, expected at most ",
         longest);
  const auto source = open(entry);
  const std::vector<uint8_t> bytes = source->read_all(0, source->size());
  return {bytes.begin(), bytes.end()};
}

// torch reads versions 1 to 10, as decimal text.
void TorchArchive::check_version() {
  const ArchiveEntry* entry = find("version");
  if (entry == nullptr) entry = find(".data/version");
  if (entry == nullptr) fail(ErrorCode::Corrupt, "has no record ", quoted(full_name("version")));
  const std::string number = text(*entry, kLongestSmallRecord);
  uint64_t version = 0;
  const char* const last = number.data() + number.size();
  const auto [end, error] = std::from_chars(number.data(), last, version);
  const std::string_view rest(end, static_cast<size_t>(last - end));
  if (error != std::errc() || (rest != "" && rest != "\n") || version == 0)
    fail(ErrorCode::Corrupt, quoted(entry->name), ": is ", quoted(number), ", expected a number");
  if (version > 10)
    fail(ErrorCode::Unsupported, quoted(entry->name), ": is ", version, ", known are 1 to 10");
}

bool TorchArchive::read_byte_order() {
  const ArchiveEntry* entry = find("byteorder");
  if (entry == nullptr) return false;
  const std::string order = text(*entry, kLongestSmallRecord);
  if (order != "little" && order != "big")
    fail(ErrorCode::Corrupt, quoted(entry->name), ": is ", quoted(order),
         ", expected 'little' or 'big'");
  return order == "big";
}

uint32_t TorchArchive::storage_row(const ArchiveEntry& entry) {
  const auto [known, is_new] = rows_.try_emplace(&entry, 0);
  if (is_new) known->second = add_storage(entry);
  return known->second;
}

uint32_t TorchArchive::add_storage(const ArchiveEntry& entry) {
  Storage storage;
  storage.name = entry.name;
  storage.size = entry.size;
  storage.big_endian = big_endian_;
  if (entry.deflated) {
    storage.source = open(entry);  // checks the CRC
  } else {
    storage.source = archive_->source;
    storage.offset = entry.offset;
    storage.has_crc = archive_->has_crc;
    storage.crc32 = entry.crc32;
  }
  return checkpoint_.tensors.add_storage(std::move(storage));
}

NodeId TorchArchive::read_pickle(const ArchiveEntry& entry, StorageNames names) {
  return in_context(escaped(entry.name), [&] {
    const auto pickle = open(entry);
    const DecodedPickle decoded = decode_pickle(pickle, 0, checkpoint_.limits, checkpoint_.graph);
    if (decoded.end != pickle->size())
      fail(ErrorCode::Corrupt, "byte ", decoded.end, ": ", pickle->size() - decoded.end,
           " bytes follow the pickle's STOP");
    const auto ids = read_storage_ids(checkpoint_.graph, decoded.persistent_ids);
    interpret(checkpoint_, decoded, place(ids, names));
    return decoded.root;
  });
}

std::vector<PlacedStorage> TorchArchive::place(const std::vector<StorageId>& ids,
                                               StorageNames names) {
  std::vector<PlacedStorage> placed;
  placed.reserve(ids.size());
  for (const StorageId& id : ids) placed.push_back({id, row_of(id, names)});
  return placed;
}

uint32_t TorchArchive::row_of(const StorageId& id, StorageNames names) {
  if (id.view) fail(ErrorCode::Corrupt, "storage ", quoted(id.key), ": a view inside a zip");
  const std::string record = std::string(names.folder).append(id.key).append(names.suffix);
  const ArchiveEntry* entry = find(record);
  if (entry == nullptr)
    fail(ErrorCode::Corrupt, "storage ", quoted(id.key), ": the archive has no record ",
         quoted(full_name(record)));
  if (entry->size != id.bytes)
    fail(ErrorCode::Corrupt, "storage ", quoted(entry->name), ": has ", entry->size, " bytes, ",
         storage_class_name(id), " of ", id.numel, " needs ", id.bytes);
  check_same_class(id, classes_.try_emplace(entry, id.dtype).first->second, *entry);
  return storage_row(*entry);
}

std::string free_name(const Graph& graph, NodeId node, const std::string& wanted) {
  const std::vector<Member> taken = members(graph, node, ModuleView::Everything);
  const auto is_taken = [&](const std::string& name) {
    return std::ranges::any_of(taken, [&](const Member& member) {
      return member.part == Member::Part::Text && member.text == name;
    });
  };
  std::string name = wanted;
  for (int n = 1; is_taken(name); ++n) name = wanted + "~" + std::to_string(n);
  return name;
}

}  // namespace unbrine
