// The manifest: what was written, with digests, as JSON for other programs. No times and no host
// names, so that equal input gives an equal manifest.
#include "converter/convert.h"
#include "converter/json_parts.h"
#include "formats/json.h"
#include "formats/text.h"
#include "kernels/digest.h"

namespace unbrine {
namespace {

std::string file_name(const std::filesystem::path& path) {
  return repaired_utf8(path.filename().native());
}

void write_tensor(JsonWriter& json, const WrittenTensor& tensor, const std::string& file) {
  json.begin_object();
  json.key("name").value(tensor.name);
  json.key("file").value(file);
  json.key("offset").value(tensor.offset);
  json.key("size").value(tensor.size);
  json.key("dtype").value(tensor.dtype);
  json.key("source_dtype").value(info(tensor.source_dtype).torch_name);
  write_numbers(json.key("shape"), tensor.shape);
  json.key("digest").value(digest_text(tensor.digest));
  json.end_object();
}

}  // namespace

std::string manifest_json(const ConvertReport& report) {
  const std::string output = file_name(report.output);
  JsonWriter json;
  json.begin_object().key("schema").value("unbrine.manifest/1");
  json.key("source").begin_object();
  json.key("file").value(file_name(report.input));
  json.key("format").value(report.input_format);
  json.key("size").value(report.input_bytes);
  json.key("selected").value(repaired_utf8(report.root)).end_object();
  json.key("files").begin_array().begin_object();
  json.key("file").value(output).key("size").value(report.output_bytes);
  json.end_object().end_array();
  json.key("tensors").begin_array();
  for (const WrittenTensor& tensor : report.tensors) write_tensor(json, tensor, output);
  json.end_array();
  write_omissions(json.key("left_out"), report.left_out);
  write_strings(json.key("notes"), report.notes);
  return json.end_object().take();
}

}  // namespace unbrine
