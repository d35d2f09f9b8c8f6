// Parts that several JSON outputs share.
#pragma once

#include <string>
#include <vector>

#include "converter/inspect.h"
#include "converter/select.h"
#include "formats/json.h"

namespace unbrine {

void write_numbers(JsonWriter& json, const std::vector<uint64_t>& numbers);
void write_strings(JsonWriter& json, const std::vector<std::string>& texts);
void write_omissions(JsonWriter& json, const std::vector<Omission>& omissions);
void write_globals(JsonWriter& json, const std::vector<NamedGlobal>& globals);

}  // namespace unbrine
