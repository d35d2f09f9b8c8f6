#include "converter/naming.h"

#include <algorithm>
#include <span>

#include "converter/glob.h"
#include "converter/rename.h"
#include "formats/tensor_names.h"
#include "formats/text.h"

namespace unbrine {
namespace {

// What wrappers put before every name: data parallelism, torch.compile, Opacus.
constexpr std::string_view kWrapperPrefixes[] = {"module.", "_orig_mod.", "_module."};

std::string fits_no_name(const char* option, const std::string& text) {
  return std::string(option) + " " + quoted(text) + " fits no name";
}

// The patterns of one option, which remember whether they fitted.
class Patterns {
 public:
  Patterns(const char* option, const std::vector<std::string>& patterns)
      : option_(option), patterns_(patterns), fitted_(patterns.size(), false) {
    for (const std::string& pattern : patterns) globs_.emplace_back(pattern);
  }

  bool any_matches(const std::string& name) {
    bool any = false;
    for (size_t i = 0; i < globs_.size(); ++i) {
      if ((any && fitted_[i]) || !globs_[i].matches(name)) continue;
      any = fitted_[i] = true;
    }
    return any;
  }

  void warn(std::vector<std::string>& warnings) const {
    for (size_t i = 0; i < patterns_.size(); ++i)
      if (!fitted_[i]) warnings.push_back(fits_no_name(option_, patterns_[i]));
  }

 private:
  const char* option_;
  const std::vector<std::string>& patterns_;
  std::vector<Glob> globs_;
  std::vector<bool> fitted_;
};

// Calls `visit` with the tensors of each group.
template <class Row, class Visit>
void for_each_group(std::span<Row> tensors, Visit visit) {
  while (!tensors.empty()) {
    const auto is_other = [&](const SelectedTensor& tensor) {
      return tensor.group != tensors.front().group;
    };
    const auto end = std::ranges::find_if(tensors, is_other);
    const size_t count = static_cast<size_t>(end - tensors.begin());
    visit(tensors.first(count));
    tensors = tensors.subspan(count);
  }
}

bool all_begin_with(std::span<const SelectedTensor> tensors, std::string_view prefix) {
  return std::ranges::all_of(
      tensors, [&](const SelectedTensor& tensor) { return tensor.name.starts_with(prefix); });
}

// The rules that change names, which remember whether they fitted.
class Speller {
 public:
  Speller(const Rules& rules, const Limits& limits)
      : rules_(rules),
        limits_(limits),
        stripped_(rules.strip_prefixes.size(), 0),
        renamed_(rules.renames.size(), 0) {}

  void spell(std::span<std::string> names) {
    for (std::string& name : names) strip(name);
    for (size_t i = 0; i < rules_.renames.size(); ++i)
      renamed_[i] += rules_.renames[i]->apply(names, limits_);
    if (!rules_.add_prefix.empty()) add_prefix(names);
  }

  void warn(std::vector<std::string>& warnings) const {
    for (size_t i = 0; i < stripped_.size(); ++i)
      if (stripped_[i] == 0)
        warnings.push_back(fits_no_name("--strip-prefix", rules_.strip_prefixes[i]));
    for (size_t i = 0; i < renamed_.size(); ++i)
      if (renamed_[i] == 0) warnings.push_back(fits_no_name("--rename", rules_.renames[i]->text()));
  }

 private:
  void strip(std::string& name) {
    for (size_t i = 0; i < stripped_.size(); ++i) {
      if (!name.starts_with(rules_.strip_prefixes[i])) continue;
      name.erase(0, rules_.strip_prefixes[i].size());
      ++stripped_[i];
      return;
    }
  }

  void add_prefix(std::span<std::string> names) const {
    uint64_t bytes = 0;
    for (std::string& name : names) {
      bytes += name.size() + rules_.add_prefix.size();
      check_limit("bytes of tensor names:", bytes, "max_header_bytes", limits_.max_header_bytes);
      name.insert(0, rules_.add_prefix);
    }
  }

  const Rules& rules_;
  const Limits& limits_;
  std::vector<uint64_t> stripped_;  // names that each prefix fitted
  std::vector<uint64_t> renamed_;
};

void make_writable(std::vector<std::string>& names, std::vector<std::string>& notes) {
  for (const ChangedName& change : make_names_writable(names))
    notes.push_back("name " + quoted(change.original) + " is written as " +
                    quoted(names[change.index]));
}

}  // namespace

uint64_t filter_names(Selection& selection, const Rules& rules,
                      std::vector<std::string>& warnings) {
  if (rules.include.empty() && rules.exclude.empty()) return 0;
  Patterns include("--include", rules.include);
  Patterns exclude("--exclude", rules.exclude);
  const uint64_t excluded = std::erase_if(selection.tensors, [&](const SelectedTensor& tensor) {
    const bool is_included = rules.include.empty() || include.any_matches(tensor.name);
    return exclude.any_matches(tensor.name) || !is_included;
  });
  include.warn(warnings);
  exclude.warn(warnings);
  return excluded;
}

void note_common_prefixes(const Selection& selection, const Rules& rules,
                          std::vector<std::string>& notes) {
  if (!rules.strip_prefixes.empty() || !rules.renames.empty()) return;
  for (const std::string_view prefix : kWrapperPrefixes) {
    bool is_common = false;
    for_each_group(std::span(selection.tensors), [&](std::span<const SelectedTensor> tensors) {
      is_common = is_common || (tensors.size() > 1 && all_begin_with(tensors, prefix));
    });
    if (is_common)
      notes.push_back("all names begin with " + quoted(prefix) + ": --strip-prefix " +
                      std::string(prefix) + " takes it off");
  }
}

void spell_names(Selection& selection, const Rules& rules, const Limits& limits,
                 std::vector<std::string>& notes, std::vector<std::string>& warnings) {
  Speller speller(rules, limits);
  for_each_group(std::span(selection.tensors), [&](std::span<SelectedTensor> tensors) {
    std::vector<std::string> names;
    for (SelectedTensor& tensor : tensors) names.push_back(std::move(tensor.name));
    speller.spell(names);
    make_writable(names, notes);
    for (size_t i = 0; i < tensors.size(); ++i) tensors[i].name = std::move(names[i]);
  });
  speller.warn(warnings);
}

}  // namespace unbrine
