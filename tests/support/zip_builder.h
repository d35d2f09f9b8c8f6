// Writes zips record by record, sound ones and ones that lie: a field of any header can be set to
// what the test wants after the truth was written, and bytes can be put where none belong.
//
//   ZipBuilder zip;
//   zip.add("a", "hello").add("b", "world").set_central(1, kCentralMethod, 99);
//   open_zip(zip.source(), limits);
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/source.h"

namespace unbrine {

// Bytes given as text or as a vector, whichever a test has.
struct ZipContent {
  ZipContent(const char* text) : bytes(text) {}
  ZipContent(std::string text) : bytes(std::move(text)) {}
  ZipContent(const std::vector<uint8_t>& values) : bytes(values.begin(), values.end()) {}
  std::string bytes;
};

struct ZipRecord {
  std::string name;
  std::string content;
  bool deflated = false;
  bool descriptor = false;       // as in a stream: zero CRC and sizes locally, a descriptor behind
  bool wide_descriptor = false;  // of 24 bytes instead of 16
  bool record_crc = true;        // false: CRC 0 everywhere, as torch without CRC writes
  bool zip64_local = false;      // local sizes in a zip64 extra field
  bool zip64_central = false;    // sizes and offset in a zip64 extra field
  uint32_t align = 0;            // content starts at a multiple, by torch's extra field "FB"
  uint16_t flags = 0;            // besides 0x8 of a descriptor
  std::string local_extra = {};
  std::string central_extra = {};
  std::string junk_behind = {};  // bytes that belong to nothing
};

// A number in a header: its place and width in bytes.
struct ZipField {
  uint32_t at;
  uint32_t width;
};

inline constexpr ZipField kLocalSignature{0, 4}, kLocalFlags{6, 2}, kLocalMethod{8, 2},
    kLocalCrc{14, 4}, kLocalStoredSize{18, 4}, kLocalSize{22, 4}, kLocalNameSize{26, 2},
    kLocalExtraSize{28, 2}, kLocalNameByte{30, 1};
inline constexpr ZipField kCentralSignature{0, 4}, kCentralVersion{6, 2}, kCentralFlags{8, 2},
    kCentralMethod{10, 2}, kCentralTime{12, 4}, kCentralCrc{16, 4}, kCentralStoredSize{20, 4},
    kCentralSize{24, 4}, kCentralNameSize{28, 2}, kCentralExtraSize{30, 2},
    kCentralCommentSize{32, 2}, kCentralDisk{34, 2}, kCentralAttributes{38, 4},
    kCentralOffset{42, 4}, kCentralNameByte{46, 1};
inline constexpr ZipField kDescriptorSignature{0, 4}, kDescriptorCrc{4, 4},
    kDescriptorStoredSize{8, 4}, kDescriptorSize{12, 4};
inline constexpr ZipField kEndSignature{0, 4}, kEndDisk{4, 2}, kEndDirectoryDisk{6, 2},
    kEndEntriesHere{8, 2}, kEndEntries{10, 2}, kEndDirectorySize{12, 4}, kEndDirectoryOffset{16, 4},
    kEndCommentSize{20, 2};
inline constexpr ZipField kEnd64RecordSize{4, 8}, kEnd64Disk{16, 4}, kEnd64DirectoryDisk{20, 4},
    kEnd64EntriesHere{24, 8}, kEnd64Entries{32, 8}, kEnd64DirectorySize{40, 8},
    kEnd64DirectoryOffset{48, 8};
inline constexpr ZipField kLocatorDisk{4, 4}, kLocatorOffset{8, 8}, kLocatorDisks{16, 4};

class ZipBuilder {
 public:
  ZipBuilder& add(ZipRecord record);
  ZipBuilder& add(std::string name, const ZipContent& content);        // stored, plain
  ZipBuilder& add_torch(std::string name, const ZipContent& content);  // as torch.save does

  ZipBuilder& comment(std::string text);
  ZipBuilder& zip64_end(bool wanted = true);  // with the zip64 end record and its locator
  ZipBuilder& zip64_end_only();               // and 0xffff.. in the plain end record
  ZipBuilder& before_directory(std::string junk);
  ZipBuilder& before_end(std::string junk);  // between the directory and the end records
  ZipBuilder& behind_end(std::string junk);

  // Applied last; `index` counts the added records.
  ZipBuilder& set_local(size_t index, ZipField field, uint64_t value);
  ZipBuilder& set_central(size_t index, ZipField field, uint64_t value);
  ZipBuilder& set_descriptor(size_t index, ZipField field, uint64_t value);
  ZipBuilder& set_content(size_t index, ZipField field, uint64_t value);
  ZipBuilder& set_end(ZipField field, uint64_t value);
  ZipBuilder& set_zip64_end(ZipField field, uint64_t value);
  ZipBuilder& set_locator(ZipField field, uint64_t value);

  std::vector<uint8_t> bytes() const;
  std::shared_ptr<const Source> source() const;

 private:
  enum class Part { Local, Central, Descriptor, Content, End, End64, Locator };
  struct Change {
    Part part;
    size_t index;
    ZipField field;
    uint64_t value;
  };
  struct Writer;

  ZipBuilder& change(Part part, size_t index, ZipField field, uint64_t value);

  std::vector<ZipRecord> records_;
  std::string comment_, before_directory_, before_end_, behind_end_;
  bool zip64_end_ = false;
  bool zip64_end_only_ = false;
  std::vector<Change> changes_;
};

struct TorchRecord {
  std::string name;  // without the prefix
  ZipContent content;
};

// As torch.save writes: the records under one prefix, then "byteorder" and "version" unless they
// are among them; descriptors, alignment and zip64 end records as there. The builder may be
// changed further.
ZipBuilder torch_zip_builder(const std::vector<TorchRecord>& records,
                             const std::string& prefix = "archive");
std::vector<uint8_t> torch_zip(const std::vector<TorchRecord>& records,
                               const std::string& prefix = "archive");

}  // namespace unbrine
