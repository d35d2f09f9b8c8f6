#include "converter/cli/compare_options.h"

#include <charconv>
#include <cmath>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

double number_from(const Options& options, const std::string& name) {
  if (!options.has(name)) return 0;
  const std::string text = options.text(name);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  if (!is_number || !std::isfinite(number) || number < 0)
    fail(ErrorCode::Usage, "--", name, " ", quoted(text),
         ": expected a number that is not negative");
  return number;
}

}  // namespace

std::optional<Tolerance> tolerance_from(const Options& options) {
  if (!options.has("rtol") && !options.has("atol")) return std::nullopt;
  return Tolerance{number_from(options, "rtol"), number_from(options, "atol")};
}

}  // namespace unbrine
