// Writes tars member by member, sound ones and ones that lie.
//
//   TarBuilder().add("a", "hello").add({.name = "b", .type = '2'}).bytes()
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/source.h"

namespace unbrine {

enum class TarMagic { Posix, Gnu, None };

struct TarMember {
  std::string name;
  std::string content = {};
  char type = '0';
  TarMagic magic = TarMagic::Posix;
  std::string prefix = {};
  std::string size = {};  // the field as it stands; empty: that of the content, in octal
  bool signed_checksum = false;
  int checksum_error = 0;  // added to the sum
};

class TarBuilder {
 public:
  TarBuilder& add(const TarMember& member);
  TarBuilder& add(std::string name, std::string_view content);
  TarBuilder& add(std::string name, const std::vector<uint8_t>& content);
  TarBuilder& long_name(std::string name);                // GNU's, for the next member
  TarBuilder& pax(std::string records, char type = 'x');  // the records as they stand
  TarBuilder& end(std::string behind = {});               // the end mark, and what follows it

  // With an end mark if there was none.
  std::vector<uint8_t> bytes() const;
  std::shared_ptr<const Source> source() const;
  std::vector<uint8_t> unended() const { return {bytes_.begin(), bytes_.end()}; }

 private:
  std::string bytes_;
  bool ended_ = false;
};

// "LENGTH key=value\n", the length counting itself.
std::string pax_record(const std::string& key, const std::string& value);

}  // namespace unbrine
