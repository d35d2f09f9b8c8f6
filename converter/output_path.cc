#include "converter/output_path.h"

#include <span>
#include <string>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

// Longer ones before those that they end with.
constexpr std::string_view kCheckpointSuffixes[] = {
    ".safetensors.index.json",
    ".bin.index.json",
    ".pth.tar",
    ".pt.tar",
    ".safetensors",
    ".pdparams",
    ".package",
    ".pickle",
    ".joblib",
    ".model",
    ".ckpt",
    ".nemo",
    ".pth",
    ".bin",
    ".tar",
    ".pkl",
    ".jit",
    ".npz",
    ".npy",
    ".pt2",
    ".ptl",
    ".pt",
    ".pd",
};

// May stand behind one of them.
constexpr std::string_view kCompressedSuffixes[] = {
    ".zlib", ".lzma", ".bz2", ".gz", ".xz", ".z",
};

void drop_suffix(std::string& name, std::span<const std::string_view> suffixes) {
  for (const std::string_view suffix : suffixes) {
    if (name.size() <= suffix.size() || !name.ends_with(suffix)) continue;
    name.resize(name.size() - suffix.size());
    return;
  }
}

// "dir/" and "." are given their name.
fs::path with_name(const fs::path& input) {
  const fs::path plain = input.filename().empty() ? input.parent_path() : input;
  if (plain.filename() != "." && plain.filename() != "..") return plain;
  std::error_code ignored;  // then it stays without a name
  return fs::canonical(plain, ignored);
}

bool is_same_file(const fs::path& a, const fs::path& b) {
  std::error_code ignored;  // a file that does not exist is not the same as any
  return a == b || fs::equivalent(a, b, ignored);
}

}  // namespace

fs::path default_output(const fs::path& input, const WriterFormat& writer) {
  const fs::path named = with_name(input);
  std::string name = named.filename().native();
  if (name.empty())
    fail(ErrorCode::Usage, escaped(input.native()), ": has no name: name an output with -o");
  drop_suffix(name, kCompressedSuffixes);
  drop_suffix(name, kCheckpointSuffixes);
  const fs::path output = named.parent_path() / (name + std::string(writer.suffix));
  if (is_same_file(input, output))
    fail(ErrorCode::Usage, escaped(input.native()),
         ": the output would replace the input: name another with -o");
  return output;
}

void check_output(const fs::path& input, const fs::path& output, const WriterFormat& writer) {
  std::error_code ignored;
  if (output.filename().empty() || fs::is_directory(output, ignored))
    fail(ErrorCode::Usage, "-o ", escaped(output.native()), ": is a folder: name a ", writer.suffix,
         " file in it");
  if (!output.native().ends_with(writer.suffix))
    fail(ErrorCode::Usage, "-o ", escaped(output.native()), ": does not end with ", writer.suffix);
  if (is_same_file(input, output))
    fail(ErrorCode::Usage, "-o ", escaped(output.native()), ": is the input itself");
}

}  // namespace unbrine
