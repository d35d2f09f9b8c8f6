#include "converter/sha256.h"

#include <openssl/evp.h>

#include <memory>
#include <vector>

#include "converter/source_blocks.h"
#include "formats/error.h"
#include "formats/source.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr size_t kDigits = 64;
constexpr std::string_view kHexDigits = "0123456789abcdef";

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    require(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void update(ByteSpan bytes) {
    require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }
  std::string finish() {
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    require(EVP_DigestFinal_ex(context_.get(), digest, &size) == 1);
    std::string text;
    for (unsigned i = 0; i < size; ++i)
      text += {kHexDigits[digest[i] >> 4], kHexDigits[digest[i] & 15]};
    return text;
  }

 private:
  // Memory, or a policy of the system that forbids the algorithm.
  static void require(bool done) {
    if (!done) fail(ErrorCode::Io, "libcrypto cannot compute SHA-256");
  }
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

std::string digest_of(const Source& source, const std::atomic<bool>* stop) {
  Sha256 sha256;
  for_each_block(source, stop, [&](uint64_t, ByteSpan block) { sha256.update(block); });
  return sha256.finish();
}

// The letter that stands behind a backslash, or 0.
char escape_of(char character) {
  switch (character) {
    case '\\': return '\\';
    case '\n': return 'n';
    case '\r': return 'r';
    default: return 0;
  }
}

std::optional<std::string> unescaped_name(std::string_view text) {
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      name += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    if (text[i] != '\\' && text[i] != 'n' && text[i] != 'r') return std::nullopt;
    name += text[i] == 'n' ? '\n' : text[i] == 'r' ? '\r' : '\\';
  }
  return name;
}

}  // namespace

std::string sha256_of_file(const std::filesystem::path& file, const std::atomic<bool>* stop) {
  return in_context(escaped(file.native()),
                    [&] { return digest_of(FileSource(file.native()), stop); });
}

std::string sha256sum_line(const std::string& digest, const std::string& name) {
  std::string written;
  for (const char character : name) {
    const char escape = escape_of(character);
    if (escape == 0)
      written += character;
    else
      written += {'\\', escape};
  }
  return (written.size() == name.size() ? "" : "\\") + digest + "  " + written + "\n";
}

std::optional<Sha256Sum> read_sha256sum_line(std::string_view line) {
  const bool is_escaped = line.starts_with('\\');
  if (is_escaped) line.remove_prefix(1);
  const std::string_view digest = line.substr(0, kDigits);
  const bool is_hex = digest.find_first_not_of(kHexDigits) == std::string_view::npos;
  if (line.size() <= kDigits + 2 || !is_hex) return std::nullopt;
  const std::string_view between = line.substr(kDigits, 2);
  if (between != "  " && between != " *") return std::nullopt;
  const std::string_view name = line.substr(kDigits + 2);
  const std::optional<std::string> plain = is_escaped ? unescaped_name(name) : std::string(name);
  if (!plain) return std::nullopt;
  return Sha256Sum{std::string(digest), *plain};
}

}  // namespace unbrine
