// The manifest: what was written, with digests, as JSON for other programs. No times and no host
// names, so that equal input gives an equal manifest. And the plan, which has the same parts.
#include "converter/convert.h"
#include "converter/json_parts.h"
#include "formats/json.h"
#include "formats/text.h"
#include "kernels/digest.h"

namespace unbrine {
namespace {

std::string file_name(const std::filesystem::path& path) {
  return repaired_utf8(path.filename().empty() ? path.parent_path().filename().native()
                                               : path.filename().native());
}

void write_source(JsonWriter& json, const ConvertReport& report) {
  json.key("source").begin_object();
  json.key("file").value(file_name(report.input));
  json.key("format").value(report.input_format);
  json.key("size").value(report.input_bytes);
  json.key("selected").value(repaired_utf8(report.root)).end_object();
}

void write_file(JsonWriter& json, const WrittenFile& file) {
  json.begin_object().key("file").value(repaired_utf8(file.name)).key("size").value(file.size);
  if (file.digest.empty())
    json.key("tensors").value(file.tensors);
  else
    json.key("digest").value(file.digest);
  if (!file.aliases.empty()) {
    json.key("aliases").begin_object();
    for (const auto& [name, kept] : file.aliases) json.key(name).value(kept);
    json.end_object();
  }
  if (!file.sha256.empty()) json.key("sha256").value(file.sha256);
  json.end_object();
}

void write_cast(JsonWriter& json, const CastStatistics& cast) {
  json.begin_object();
  json.key("overflowed").value(cast.overflowed);
  json.key("became_nan").value(cast.became_nan);
  json.key("max_abs_error").value(cast.max_abs_error);
  json.key("max_rel_error").value(cast.max_rel_error).end_object();
}

void write_tensor(JsonWriter& json, const WrittenTensor& tensor, bool planned) {
  json.begin_object();
  json.key("name").value(tensor.name);
  json.key("file").value(repaired_utf8(tensor.file));
  json.key("offset").value(tensor.offset);
  json.key("size").value(tensor.size);
  json.key("dtype").value(tensor.dtype);
  json.key("source").value(repaired_utf8(tensor.source));
  json.key("source_dtype").value(dtype_name(tensor.source_dtype));
  write_numbers(json.key("shape"), tensor.shape);
  if (!planned) json.key("digest").value(digest_text(tensor.digest));
  if (!tensor.alias_of.empty()) json.key("alias_of").value(tensor.alias_of);
  if (!planned && tensor.cast) write_cast(json.key("cast"), *tensor.cast);
  json.end_object();
}

void write_parts(JsonWriter& json, const ConvertReport& report, bool planned) {
  write_source(json, report);
  json.key("files").begin_array();
  for (const WrittenFile& file : report.files) write_file(json, file);
  json.end_array().key("tensors").begin_array();
  for (const WrittenTensor& tensor : report.tensors) write_tensor(json, tensor, planned);
  json.end_array();
  write_omissions(json.key("left_out"), report.left_out);
  json.key("excluded").value(report.excluded);
  write_globals(json.key("globals"), report.globals);
  json.key("findings").begin_array().end_array();
  write_strings(json.key("notes"), report.notes);
  write_strings(json.key("warnings"), report.warnings);
}

}  // namespace

std::string manifest_json(const ConvertReport& report) {
  JsonWriter json;
  json.begin_object().key("schema").value("unbrine.manifest/1");
  write_parts(json, report, false);
  return json.end_object().take();
}

std::string plan_json(const ConvertPlan& plan) {
  JsonWriter json;
  json.begin_object().key("schema").value("unbrine.plan/1");
  json.key("output").value(repaired_utf8(plan.report.output.native()));
  json.key("bytes_needed").value(plan.bytes_needed);
  json.key("bytes_free").value(plan.bytes_free);
  write_parts(json, plan.report, true);
  return json.end_object().take();
}

}  // namespace unbrine
