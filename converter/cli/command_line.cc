#include "converter/cli/command_line.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <sstream>

#include "converter/cli/command.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace po = boost::program_options;

constexpr const char* kOperand = "operand";

po::options_description describe(const CommandLine& line) {
  po::options_description description;
  for (const OptionRow& row : line.options) {
    std::string name(row.name);
    if (row.letter != 0) name += std::string(",") + row.letter;
    const std::string help(row.help);
    if (row.value_name.empty()) {
      description.add_options()(name.c_str(), help.c_str());
      continue;
    }
    auto* value = po::value<std::vector<std::string>>()->value_name(std::string(row.value_name));
    description.add_options()(name.c_str(), value, help.c_str());
  }
  return description;
}

[[noreturn]] void fail_usage(const CommandLine& line, const std::string& what) {
  fail(ErrorCode::Usage, what, "; see unbrine ", line.command, " --help");
}

// How many operands a command takes, by the text that its help shows.
struct OperandCount {
  size_t least;
  size_t most;
};

OperandCount operand_count(std::string_view operand) {
  const size_t words = static_cast<size_t>(std::ranges::count(operand, ' ')) + 1;
  const bool optional = operand.starts_with('[');
  return {optional ? 0 : words, operand.ends_with("...") ? SIZE_MAX : words};
}

// "one IN", "A B".
std::string expected_operands(const CommandLine& line) {
  return "expected " + std::string(operand_count(line.operand).least == 1 ? "one " : "") +
         std::string(line.operand);
}

void keep_operand(const CommandLine& line, const std::string& value, Options& options) {
  if (value.empty()) fail_usage(line, expected_operands(line) + ", got an empty name");
  const size_t before = options.operand.empty() ? 0 : 1 + options.others.size();
  if (before >= operand_count(line.operand).most)
    fail_usage(line, expected_operands(line) + ", got another: " + quoted(value));
  if (before == 0)
    options.operand = value;
  else
    options.others.push_back(value);
}

void require_operands(const CommandLine& line, const Options& options) {
  const size_t count = options.operand.empty() ? 0 : 1 + options.others.size();
  if (count < operand_count(line.operand).least) fail_usage(line, expected_operands(line));
}

// "--output" for an option of the command, else an operand.
void keep(const CommandLine& line, const po::basic_option<char>& given, Options& options) {
  if (given.string_key == kOperand) return keep_operand(line, given.value.front(), options);
  std::vector<std::string>& values = options.values[given.string_key];
  for (const OptionRow& row : line.options)
    if (row.name == given.string_key && !row.repeatable && !values.empty())
      fail_usage(line, "--" + given.string_key + " is given twice");
  values.push_back(given.value.empty() ? "" : given.value.front());
}

void set_limit(Limits& limits, const std::string& assignment) {
  const std::string_view all = assignment;
  const size_t equals = std::min(all.find('='), all.size());
  const std::string_view name = all.substr(0, equals);
  const std::string_view text = all.substr(std::min(equals + 1, all.size()));
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    fail(ErrorCode::Usage, "--limit ", quoted(assignment),
         ": expected NAME=NUMBER; see unbrine --help");
  for (const LimitName& row : limit_names())
    if (row.name == name) return void(limits.*row.member = value);
  fail(ErrorCode::Usage, "--limit ", quoted(name),
       ": no such limit; see unbrine --help, and `unbrine help limits` for a list");
}

}  // namespace

std::string Options::text(std::string_view name) const {
  const auto found = values.find(name);
  return found == values.end() ? "" : found->second.front();
}

std::vector<std::string> Options::texts(std::string_view name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::vector<std::string>() : found->second;
}

Options parse(const CommandLine& line, const Arguments& arguments) {
  po::options_description all = describe(line);
  all.add_options()(kOperand, po::value<std::vector<std::string>>());
  po::positional_options_description positions;
  positions.add(kOperand, -1);
  Options options;
  try {
    const auto given = po::command_line_parser(arguments).options(all).positional(positions).run();
    for (const auto& option : given.options) keep(line, option, options);
  } catch (const po::error& error) {
    fail_usage(line, escaped(error.what()));
  }
  if (!options.has("help")) require_operands(line, options);
  return options;
}

std::string help_text(const CommandLine& line) {
  std::ostringstream out;
  out << "Usage: unbrine " << line.command << " [OPTION]... " << line.operand << "\n\n"
      << line.about << "\n\nOptions:\n"
      << describe(line) << "\n"
      << exit_code_table();
  return out.str();
}

Limits limits_from(const Options& options) {
  Limits limits;
  const auto found = options.values.find("limit");
  if (found != options.values.end())
    for (const std::string& assignment : found->second) set_limit(limits, assignment);
  return limits;
}

}  // namespace unbrine
