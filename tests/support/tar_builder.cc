#include "tests/support/tar_builder.h"

#include <algorithm>
#include <cstdio>

namespace unbrine {
namespace {

constexpr size_t kBlock = 512;

std::string octal(uint64_t number, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(number));
  return text;
}

void put(std::string& block, size_t at, std::string_view text) {
  std::ranges::copy(text, block.begin() + static_cast<ptrdiff_t>(at));
}

std::string_view magic_of(TarMagic magic) {
  switch (magic) {
    case TarMagic::Posix: return {"ustar\00000", 8};
    case TarMagic::Gnu: return {"ustar  \0", 8};
    default: return {"\0\0\0\0\0\0\0\0", 8};
  }
}

int64_t checksum(const std::string& block, bool as_signed) {
  int64_t sum = 0;
  for (const char c : block)
    sum += as_signed ? static_cast<signed char>(c) : static_cast<uint8_t>(c);
  return sum;
}

std::string header_of(const TarMember& member) {
  std::string block(kBlock, '\0');
  put(block, 0, member.name.substr(0, 100));
  put(block, 100, "0000644");
  put(block, 124, member.size.empty() ? octal(member.content.size(), 11) : member.size);
  put(block, 136, "00000000000");
  put(block, 148, "        ");
  block[156] = member.type;
  put(block, 257, magic_of(member.magic));
  put(block, 345, member.prefix);
  const int64_t sum = checksum(block, member.signed_checksum) + member.checksum_error;
  put(block, 148, octal(static_cast<uint64_t>(sum), 6) + '\0');
  return block;
}

}  // namespace

TarBuilder& TarBuilder::add(const TarMember& member) {
  bytes_ += header_of(member) + member.content;
  bytes_.resize((bytes_.size() + kBlock - 1) / kBlock * kBlock);
  return *this;
}

TarBuilder& TarBuilder::add(std::string name, std::string_view content) {
  return add({.name = std::move(name), .content = std::string(content)});
}

TarBuilder& TarBuilder::add(std::string name, const std::vector<uint8_t>& content) {
  return add({.name = std::move(name), .content = {content.begin(), content.end()}});
}

TarBuilder& TarBuilder::long_name(std::string name) {
  return add(
      {.name = "././@LongLink", .content = name + '\0', .type = 'L', .magic = TarMagic::Gnu});
}

TarBuilder& TarBuilder::pax(std::string records, char type) {
  return add({.name = "pax", .content = std::move(records), .type = type});
}

TarBuilder& TarBuilder::end(std::string behind) {
  bytes_ += std::string(2 * kBlock, '\0') + behind;
  ended_ = true;
  return *this;
}

std::vector<uint8_t> TarBuilder::bytes() const {
  std::vector<uint8_t> all = unended();
  if (!ended_) all.resize(all.size() + 2 * kBlock);
  return all;
}

std::shared_ptr<const Source> TarBuilder::source() const {
  return std::make_shared<MemorySource>(bytes());
}

std::string pax_record(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

}  // namespace unbrine
