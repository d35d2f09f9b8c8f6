#include "converter/cli/rule_options.h"

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

void add_metadata(Rules& rules, const Options& options) {
  for (const std::string& text : options.texts("metadata")) {
    const auto [key, value] = parse_metadata(text);
    if (!rules.metadata.emplace(key, value).second)
      fail(ErrorCode::Usage, "--metadata ", quoted(text), ": ", quoted(key), " is given twice");
  }
}

}  // namespace

Rules rules_from(const Options& options) {
  Rules rules;
  rules.select = options.text("select");
  rules.include = options.texts("include");
  rules.exclude = options.texts("exclude");
  rules.strip_prefixes = options.texts("strip-prefix");
  for (const std::string& text : options.texts("rename"))
    rules.renames.push_back(parse_rename(text));
  rules.add_prefix = options.text("add-prefix");
  if (options.has("aliases")) rules.aliases = parse_aliases(options.text("aliases"));
  for (const std::string& text : options.texts("dtype"))
    rules.dtypes.push_back(parse_dtype_rule(text));
  add_metadata(rules, options);
  rules.split_top = options.has("split-top");
  rules.strict = options.has("strict-rules");
  check_rules(rules);
  return rules;
}

}  // namespace unbrine
