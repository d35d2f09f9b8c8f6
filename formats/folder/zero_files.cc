#include "formats/folder/zero_files.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr std::string_view kRankPrefix = "zero_pp_rank_";
constexpr uint64_t kLongestTag = 4096;

std::optional<uint64_t> number_in(std::string_view digits) {
  uint64_t number = 0;
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, number);
  return error == std::errc{} && end == last ? std::optional(number) : std::nullopt;
}

std::optional<uint64_t> rank_in(std::string_view name, std::string_view suffix) {
  for (const std::string_view prefix : {"bf16_", "fp16_"})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  if (!name.starts_with(kRankPrefix)) return std::nullopt;
  name.remove_prefix(kRankPrefix.size());
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  return number_in(name);
}

uint64_t require_rank(std::string_view name, std::string_view suffix) {
  if (const auto rank = rank_in(name, suffix)) return *rank;
  fail(ErrorCode::Unsupported, "holds ", quoted(name),
       ": only checkpoints of data parallel ranks are merged, not of model, pipeline or expert "
       "parallel ones");
}

}  // namespace

std::vector<std::string> by_rank(const std::vector<std::string>& names, std::string_view suffix) {
  std::map<uint64_t, std::string> files;
  for (const std::string& name : names) {
    const auto [place, is_new] = files.emplace(require_rank(name, suffix), name);
    if (!is_new)
      fail(ErrorCode::Corrupt, quoted(place->second), " and ", quoted(name), " are of one rank");
  }
  std::vector<std::string> result;
  for (auto& [rank, name] : files) {
    if (rank != result.size())
      fail(ErrorCode::Corrupt, "the file of rank ", result.size(), " is missing");
    result.push_back(std::move(name));
  }
  return result;
}

std::string zero_step(const FolderFiles& folder, Checkpoint& checkpoint) {
  const std::shared_ptr<const Source> file = folder.open(kZeroLatest, checkpoint);
  const std::vector<uint8_t> bytes = file->read_all(0, std::min(kLongestTag, file->size()));
  const std::string_view text = as_text(bytes);
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) fail(ErrorCode::Corrupt, quoted(kZeroLatest), ": is empty");
  const std::string tag(text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first));
  if (!folder.has_folder(tag))
    fail(ErrorCode::Corrupt, quoted(kZeroLatest), ": names ", quoted(tag),
         ", which is not in the folder");
  return tag;
}

}  // namespace unbrine
