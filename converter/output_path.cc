#include "converter/output_path.h"

#include <algorithm>
#include <span>
#include <string>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

// Longer ones before those that they end with.
constexpr std::string_view kCheckpointSuffixes[] = {
    ".blob.json",
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
    ".blob",
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

// NAME of "dir/NAME.pth.tar.gz", in "dir". Throws Usage if there is none.
fs::path without_suffix(const fs::path& input) {
  const fs::path named = with_name(input);
  std::string name = named.filename().native();
  if (name.empty())
    fail(ErrorCode::Usage, escaped(input.native()), ": has no name: name an output with -o");
  drop_suffix(name, kCompressedSuffixes);
  drop_suffix(name, kCheckpointSuffixes);
  return named.parent_path() / name;
}

fs::path with_suffix(const fs::path& stem, std::string_view suffix) {
  return fs::path(stem.native() + std::string(suffix));
}

std::string_view suffix_of(const fs::path& output, const WriterFormat& writer) {
  for (const std::string_view suffix : writer.suffixes)
    if (output.native().ends_with(suffix)) return suffix;
  return "";
}

// The writer, other than this one, that the suffix fits.
const WriterFormat* writer_for(const fs::path& output) {
  for (const WriterFormat& writer : writer_formats())
    if (!suffix_of(output, writer).empty()) return &writer;
  return nullptr;
}

}  // namespace

fs::path default_output(const fs::path& input, const WriterFormat& writer) {
  const fs::path stem = without_suffix(input);
  const std::string_view suffix = writer.suffixes.front();
  fs::path output = with_suffix(stem, suffix);
  if (writer.keeps_objects && is_same_file(input, output))
    output = with_suffix(stem, ".clean" + std::string(suffix));
  if (is_same_file(input, output))
    fail(ErrorCode::Usage, escaped(input.native()),
         ": the output would replace the input: name another with -o");
  return output;
}

fs::path default_folder(const fs::path& input) {
  const fs::path folder = without_suffix(input);
  if (is_same_file(input, folder))
    fail(ErrorCode::Usage, escaped(input.native()),
         ": the output would replace the input: name another folder with -o");
  return folder / "";
}

bool names_folder(const fs::path& output) {
  std::error_code ignored;
  return output.filename().empty() || output.filename() == "." || output.filename() == ".." ||
         fs::is_directory(output, ignored);
}

void check_output(const fs::path& input, const fs::path& output, const WriterFormat& writer) {
  if (suffix_of(output, writer).empty()) {
    const WriterFormat* other = writer_for(output);
    fail(ErrorCode::Usage, "-o ", quoted(output.native()), ": does not end with ",
         writer.suffixes.front(),
         other == nullptr ? "" : "; did you mean --to " + std::string(other->name) + "?");
  }
  if (is_same_file(input, output))
    fail(ErrorCode::Usage, "-o ", quoted(output.native()), ": is the input itself");
}

void check_output_folder(const fs::path& input, const fs::path& output) {
  std::error_code ignored;
  const fs::path in = fs::weakly_canonical(input, ignored);
  const fs::path out = fs::weakly_canonical(output, ignored);
  const auto [at, end] = std::mismatch(in.begin(), in.end(), out.begin(), out.end());
  if (!in.empty() && at == in.end())
    fail(ErrorCode::Usage, "-o ", quoted(output.native()), ": is the input itself, or lies in it");
}

std::string stem_of(const fs::path& output, const WriterFormat& writer) {
  std::string name = output.filename().native();
  std::string_view longest;
  for (const std::string_view suffix : writer.suffixes)
    if (name.size() > suffix.size() && name.ends_with(suffix) && suffix.size() > longest.size())
      longest = suffix;
  name.resize(name.size() - longest.size());
  return name;
}

}  // namespace unbrine
