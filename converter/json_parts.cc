#include "converter/json_parts.h"

#include "formats/text.h"

namespace unbrine {

void write_numbers(JsonWriter& json, const std::vector<uint64_t>& numbers) {
  json.begin_array();
  for (const uint64_t number : numbers) json.value(number);
  json.end_array();
}

void write_strings(JsonWriter& json, const std::vector<std::string>& texts) {
  json.begin_array();
  for (const std::string& text : texts) json.value(repaired_utf8(text));
  json.end_array();
}

void write_omissions(JsonWriter& json, const std::vector<Omission>& omissions) {
  json.begin_array();
  for (const Omission& omission : omissions) {
    json.begin_object().key("key").value(repaired_utf8(omission.key));
    json.key("tensors").value(omission.tensors).key("bytes").value(omission.bytes).end_object();
  }
  json.end_array();
}

void write_globals(JsonWriter& json, const std::vector<NamedGlobal>& globals) {
  json.begin_array();
  for (const NamedGlobal& global : globals) {
    json.begin_object().key("name").value(global.name);
    json.key("interpreted").value(global.interpreted);
    json.key("called").value(global.called).end_object();
  }
  json.end_array();
}

}  // namespace unbrine
