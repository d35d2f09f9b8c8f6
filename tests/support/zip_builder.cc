#include "tests/support/zip_builder.h"

#include <libdeflate.h>

#include <algorithm>
#include <stdexcept>

namespace unbrine {
namespace {

constexpr uint64_t kMax32 = 0xffff'ffff;

void put(std::string& out, uint64_t value, int width) {
  for (int i = 0; i < width; ++i) out += static_cast<char>(value >> (8 * i));
}

uint32_t crc_of(const ZipRecord& record) {
  if (!record.record_crc) return 0;
  return libdeflate_crc32(0, record.content.data(), record.content.size());
}

std::string deflate(const std::string& content) {
  libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
  std::string out(libdeflate_deflate_compress_bound(compressor, content.size()), '\0');
  out.resize(libdeflate_deflate_compress(compressor, content.data(), content.size(), out.data(),
                                         out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

std::string extra_field(uint16_t id, const std::string& payload) {
  std::string out;
  put(out, id, 2);
  put(out, payload.size(), 2);
  return out + payload;
}

std::string numbers64(std::initializer_list<uint64_t> values) {
  std::string out;
  for (const uint64_t value : values) put(out, value, 8);
  return out;
}

// torch pads with 'Z' inside an extra field named "FB".
std::string padding_field(uint64_t content_without_it, uint32_t align) {
  const uint64_t fill = align - (content_without_it + 4) % align;
  return extra_field(0x4246, std::string(fill % align, 'Z'));
}

uint16_t flags_of(const ZipRecord& record) {
  return static_cast<uint16_t>(record.flags | (record.descriptor ? 0x8 : 0));
}

}  // namespace

// The bytes so far and where each part begins.
struct ZipBuilder::Writer {
  std::string out;
  std::vector<std::string> stored;
  std::vector<uint64_t> locals, contents, descriptors, centrals;
  uint64_t directory = 0, directory_size = 0, end = 0, end64 = 0, locator = 0;

  void write_record(const ZipRecord& record) {
    stored.push_back(record.deflated ? deflate(record.content) : record.content);
    locals.push_back(out.size());
    write_local(record);
    contents.push_back(out.size());
    out += stored.back();
    descriptors.push_back(out.size());
    if (record.descriptor && !stored.back().empty()) write_descriptor(record);
    out += record.junk_behind;
  }

  void write_local(const ZipRecord& record) {
    const bool known = !record.descriptor;
    const uint64_t size = known ? record.content.size() : 0;
    const uint64_t stored_size = known ? stored.back().size() : 0;
    std::string extra = record.local_extra;
    if (record.zip64_local) extra += extra_field(1, numbers64({size, stored_size}));
    if (record.align != 0)
      extra += padding_field(out.size() + 30 + record.name.size() + extra.size(), record.align);
    put(out, 0x04034b50, 4);
    put(out, 20, 2);
    put(out, flags_of(record), 2);
    put(out, record.deflated ? 8 : 0, 2);
    put(out, 0, 4);
    put(out, known ? crc_of(record) : 0, 4);
    put(out, record.zip64_local ? kMax32 : stored_size, 4);
    put(out, record.zip64_local ? kMax32 : size, 4);
    put(out, record.name.size(), 2);
    put(out, extra.size(), 2);
    out += record.name + extra;
  }

  void write_descriptor(const ZipRecord& record) {
    const int width = record.wide_descriptor ? 8 : 4;
    put(out, 0x08074b50, 4);
    put(out, crc_of(record), 4);
    put(out, stored.back().size(), width);
    put(out, record.content.size(), width);
  }

  void write_central(const ZipRecord& record, size_t index) {
    const bool wide = record.zip64_central;
    const uint64_t size = record.content.size(), stored_size = stored[index].size();
    std::string extra = record.central_extra;
    if (wide) extra += extra_field(1, numbers64({size, stored_size, locals[index]}));
    centrals.push_back(out.size());
    put(out, 0x02014b50, 4);
    put(out, 20, 2);
    put(out, 20, 2);
    put(out, flags_of(record), 2);
    put(out, record.deflated ? 8 : 0, 2);
    put(out, 0, 4);
    put(out, crc_of(record), 4);
    put(out, wide ? kMax32 : stored_size, 4);
    put(out, wide ? kMax32 : size, 4);
    put(out, record.name.size(), 2);
    put(out, extra.size(), 2);
    put(out, 0, 8);  // comment, disk, half of the attributes
    put(out, 0, 2);
    put(out, wide ? kMax32 : locals[index], 4);
    out += record.name + extra;
  }

  void write_zip64_end(uint64_t entries) {
    end64 = out.size();
    put(out, 0x06064b50, 4);
    put(out, 44, 8);
    put(out, 45, 2);
    put(out, 45, 2);
    put(out, 0, 4 + 4);  // disks
    out += numbers64({entries, entries, directory_size, directory});
    locator = out.size();
    put(out, 0x07064b50, 4);
    put(out, 0, 4);
    put(out, end64, 8);
    put(out, 1, 4);
  }

  void write_end(uint64_t entries, bool in_zip64_only, const std::string& comment) {
    end = out.size();
    put(out, 0x06054b50, 4);
    put(out, 0, 2 + 2);  // disks
    put(out, in_zip64_only ? kMax32 : entries, 2);
    put(out, in_zip64_only ? kMax32 : entries, 2);
    put(out, in_zip64_only ? kMax32 : directory_size, 4);
    put(out, in_zip64_only ? kMax32 : directory, 4);
    put(out, comment.size(), 2);
    out += comment;
  }

  uint64_t start_of(Part part, size_t index) const {
    switch (part) {
      case Part::Local: return locals.at(index);
      case Part::Central: return centrals.at(index);
      case Part::Descriptor: return descriptors.at(index);
      case Part::Content: return contents.at(index);
      case Part::End: return end;
      case Part::End64: return end64;
      case Part::Locator: return locator;
    }
    throw std::logic_error("no such part");
  }
};

ZipBuilder& ZipBuilder::add(ZipRecord record) {
  records_.push_back(std::move(record));
  return *this;
}

ZipBuilder& ZipBuilder::add(std::string name, const ZipContent& content) {
  return add(ZipRecord{.name = std::move(name), .content = content.bytes});
}

ZipBuilder& ZipBuilder::add_torch(std::string name, const ZipContent& content) {
  return add(ZipRecord{.name = std::move(name),
                       .content = content.bytes,
                       .descriptor = !content.bytes.empty(),
                       .align = 64,
                       .flags = 0x0800});
}

ZipBuilder& ZipBuilder::comment(std::string text) {
  comment_ = std::move(text);
  return *this;
}

ZipBuilder& ZipBuilder::zip64_end(bool wanted) {
  zip64_end_ = wanted;
  return *this;
}

ZipBuilder& ZipBuilder::zip64_end_only() {
  zip64_end_ = zip64_end_only_ = true;
  return *this;
}

ZipBuilder& ZipBuilder::before_directory(std::string junk) {
  before_directory_ = std::move(junk);
  return *this;
}

ZipBuilder& ZipBuilder::before_end(std::string junk) {
  before_end_ = std::move(junk);
  return *this;
}

ZipBuilder& ZipBuilder::behind_end(std::string junk) {
  behind_end_ = std::move(junk);
  return *this;
}

ZipBuilder& ZipBuilder::change(Part part, size_t index, ZipField field, uint64_t value) {
  changes_.push_back({part, index, field, value});
  return *this;
}

ZipBuilder& ZipBuilder::set_local(size_t index, ZipField field, uint64_t value) {
  return change(Part::Local, index, field, value);
}

ZipBuilder& ZipBuilder::set_central(size_t index, ZipField field, uint64_t value) {
  return change(Part::Central, index, field, value);
}

ZipBuilder& ZipBuilder::set_descriptor(size_t index, ZipField field, uint64_t value) {
  return change(Part::Descriptor, index, field, value);
}

ZipBuilder& ZipBuilder::set_content(size_t index, ZipField field, uint64_t value) {
  return change(Part::Content, index, field, value);
}

ZipBuilder& ZipBuilder::set_end(ZipField field, uint64_t value) {
  return change(Part::End, 0, field, value);
}

ZipBuilder& ZipBuilder::set_zip64_end(ZipField field, uint64_t value) {
  return change(Part::End64, 0, field, value);
}

ZipBuilder& ZipBuilder::set_locator(ZipField field, uint64_t value) {
  return change(Part::Locator, 0, field, value);
}

std::vector<uint8_t> ZipBuilder::bytes() const {
  Writer writer;
  for (const ZipRecord& record : records_) writer.write_record(record);
  writer.out += before_directory_;
  writer.directory = writer.out.size();
  for (size_t i = 0; i < records_.size(); ++i) writer.write_central(records_[i], i);
  writer.directory_size = writer.out.size() - writer.directory;
  writer.out += before_end_;
  if (zip64_end_) writer.write_zip64_end(records_.size());
  writer.write_end(records_.size(), zip64_end_only_, comment_);
  writer.out += behind_end_;
  for (const Change& change : changes_)
    for (uint32_t i = 0; i < change.field.width; ++i)
      writer.out.at(writer.start_of(change.part, change.index) + change.field.at + i) =
          static_cast<char>(change.value >> (8 * i));
  return {writer.out.begin(), writer.out.end()};
}

std::shared_ptr<const Source> ZipBuilder::source() const {
  return std::make_shared<MemorySource>(bytes());
}

ZipBuilder torch_zip_builder(const std::vector<TorchRecord>& records, const std::string& prefix) {
  ZipBuilder zip;
  zip.zip64_end();
  const auto has = [&](std::string_view name) {
    return std::ranges::find(records, name, &TorchRecord::name) != records.end();
  };
  for (const TorchRecord& record : records)
    zip.add_torch(prefix + "/" + record.name, record.content);
  if (!has("byteorder")) zip.add_torch(prefix + "/byteorder", "little");
  if (!has("version")) zip.add_torch(prefix + "/version", "3\n");
  return zip;
}

std::vector<uint8_t> torch_zip(const std::vector<TorchRecord>& records, const std::string& prefix) {
  return torch_zip_builder(records, prefix).bytes();
}

}  // namespace unbrine
