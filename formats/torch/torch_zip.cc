#include "formats/torch/torch_zip.h"

#include <charconv>
#include <unordered_map>

#include "formats/archive/zip_archive.h"
#include "formats/error.h"
#include "formats/numpy/numpy_objects.h"
#include "formats/pickle/decoder.h"
#include "formats/text.h"
#include "formats/torch/torch_objects.h"

namespace unbrine {
namespace {

constexpr uint64_t kLongestSmallRecord = 64;

class TorchZipReader {
 public:
  TorchZipReader(const Probe& probe, std::shared_ptr<Archive> archive, const std::string& prefix)
      : checkpoint_(probe.source, probe.limits), archive_(std::move(archive)), prefix_(prefix) {}

  Checkpoint read() {
    checkpoint_.format = "torch-zip";
    check_version();
    big_endian_ = read_byte_order();
    decode_object();
    const std::vector<PlacedStorage> storages = place_storages();
    in_context(escaped(prefix_ + "/data.pkl"), [&] {
      build_tensors(checkpoint_, storages);
      build_arrays(checkpoint_, pickle_);
    });
    if (!archive_->has_crc)
      checkpoint_.notes.push_back(
          "the archive records no CRC-32 (all are 0): damage to the weights cannot be noticed");
    checkpoint_.cross_check = [archive = archive_] { check_zip_with_libzip(*archive); };
    return std::move(checkpoint_);
  }

 private:
  const ArchiveEntry* find(std::string_view record) const {
    return archive_->find(prefix_ + "/" + std::string(record));
  }

  std::string small_record(const ArchiveEntry& entry) {
    if (entry.size > kLongestSmallRecord)
      fail(ErrorCode::Corrupt, quoted(entry.name), ": has ", entry.size,
           " bytes, expected at most ", kLongestSmallRecord);
    const auto source = archive_->open(entry, checkpoint_.limits);
    const std::vector<uint8_t> bytes = source->read_all(0, source->size());
    return {bytes.begin(), bytes.end()};
  }

  // torch reads versions 1 to 10, as decimal text.
  void check_version() {
    const ArchiveEntry* entry = find("version");
    if (entry == nullptr) entry = find(".data/version");
    if (entry == nullptr) fail(ErrorCode::Corrupt, "has no record ", quoted(prefix_ + "/version"));
    const std::string text = small_record(*entry);
    uint64_t version = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    const std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
    if (error != std::errc() || (rest != "" && rest != "\n") || version == 0)
      fail(ErrorCode::Corrupt, quoted(entry->name), ": is ", quoted(text), ", expected a number");
    if (version > 10)
      fail(ErrorCode::Unsupported, quoted(entry->name), ": is ", version, ", known are 1 to 10");
  }

  bool read_byte_order() {
    const ArchiveEntry* entry = find("byteorder");
    if (entry == nullptr) return false;
    const std::string order = small_record(*entry);
    if (order != "little" && order != "big")
      fail(ErrorCode::Corrupt, quoted(entry->name), ": is ", quoted(order),
           ", expected 'little' or 'big'");
    return order == "big";
  }

  void decode_object() {
    const ArchiveEntry& entry = *find("data.pkl");
    in_context(escaped(entry.name), [&] {
      pickle_ = archive_->open(entry, checkpoint_.limits);
      const DecodedPickle decoded =
          decode_pickle(*pickle_, 0, checkpoint_.limits, checkpoint_.graph);
      if (decoded.end != pickle_->size())
        fail(ErrorCode::Corrupt, "byte ", decoded.end, ": ", pickle_->size() - decoded.end,
             " bytes follow the pickle's STOP");
      checkpoint_.root = decoded.root;
    });
  }

  std::vector<PlacedStorage> place_storages() {
    std::vector<PlacedStorage> placed;
    const std::string pickle_name = escaped(prefix_ + "/data.pkl");
    const auto ids = in_context(pickle_name, [&] { return read_storage_ids(checkpoint_.graph); });
    placed.reserve(ids.size());
    for (const StorageId& id : ids)
      placed.push_back({id, in_context(pickle_name, [&] { return row_of(id); })});
    return placed;
  }

  struct Known {
    uint32_t row;
    std::optional<DType> dtype;
  };

  uint32_t row_of(const StorageId& id) {
    if (id.view) fail(ErrorCode::Corrupt, "storage ", quoted(id.key), ": a view inside a zip");
    const ArchiveEntry* entry = find("data/" + id.key);
    if (entry == nullptr)
      fail(ErrorCode::Corrupt, "storage ", quoted(id.key), ": the archive has no record ",
           quoted(prefix_ + "/data/" + id.key));
    if (entry->size != id.bytes)
      fail(ErrorCode::Corrupt, "storage ", quoted(entry->name), ": has ", entry->size, " bytes, ",
           storage_class_name(id), " of ", id.numel, " needs ", id.bytes);
    const auto [known, is_new] = known_.try_emplace(id.key, Known{0, id.dtype});
    if (is_new)
      known->second.row = add_storage(*entry);
    else
      check_same_class(id, known->second, *entry);
    return known->second.row;
  }

  // Only untyped storages may be seen through several dtypes.
  static void check_same_class(const StorageId& id, const Known& known, const ArchiveEntry& entry) {
    if (id.dtype && known.dtype && id.dtype != known.dtype && entry.size != 0)
      fail(ErrorCode::Corrupt, "storage ", quoted(entry.name), ": is both torch.",
           info(*known.dtype).storage_class, " and ", storage_class_name(id));
  }

  uint32_t add_storage(const ArchiveEntry& entry) {
    Storage storage;
    storage.name = entry.name;
    storage.size = entry.size;
    storage.big_endian = big_endian_;
    if (entry.deflated) {
      storage.source = archive_->open(entry, checkpoint_.limits);  // checks the CRC
    } else {
      storage.source = archive_->source;
      storage.offset = entry.offset;
      storage.has_crc = archive_->has_crc;
      storage.crc32 = entry.crc32;
    }
    return checkpoint_.tensors.add_storage(std::move(storage));
  }

  Checkpoint checkpoint_;
  std::shared_ptr<Archive> archive_;
  std::string prefix_;
  std::shared_ptr<const Source> pickle_;
  bool big_endian_ = false;
  std::unordered_map<std::string, Known> known_;
};

}  // namespace

Checkpoint read_torch_zip(const Probe& probe, std::shared_ptr<Archive> archive,
                          const std::string& prefix) {
  return TorchZipReader(probe, std::move(archive), prefix).read();
}

}  // namespace unbrine
