#include "formats/tree/state_reader.h"

#include "formats/error.h"
#include "formats/json_document.h"
#include "formats/text.h"
#include "formats/tree/json_fields.h"
#include "formats/tree/tree_builder.h"

namespace unbrine {
namespace {

constexpr std::string_view kStateFile = "state.json";
constexpr std::string_view kSchema = "unbrine.tree/1";

void require_schema(const JsonValue& document) {
  require_only(document, "schema tree shared ");
  const std::string_view schema = required_field(document, "schema").text();
  if (schema == kSchema) return;
  const bool is_newer = schema.starts_with("unbrine.tree/");
  fail(is_newer ? ErrorCode::Unsupported : ErrorCode::Corrupt, "its schema is ", quoted(schema),
       ", expected ", quoted(kSchema));
}

NodeId read_document(const JsonValue& document, const FolderFiles& folder, Checkpoint& checkpoint) {
  require_schema(document);
  TensorFiles files(folder, checkpoint);
  return TreeBuilder(checkpoint, files, required_field(document, "tree"),
                     required_field(document, "shared"))
      .run();
}

}  // namespace

bool looks_like_tree(const FolderFiles& folder) {
  return folder.has(kStateFile) &&
         (folder.has("manifest.json") || !folder.ending_with(".safetensors").empty() ||
          !folder.ending_with(".blob").empty());
}

// Bytes in it are text, a third longer than they were, so that the bound is not that of headers.
Content read_tree(const FolderFiles& folder, Checkpoint& checkpoint) {
  const std::shared_ptr<const Source> source = folder.open(kStateFile, checkpoint);
  const NodeId root = in_context(quoted(kStateFile), [&] {
    check_limit("bytes of JSON:", source->size(), "max_inflated_bytes",
                checkpoint.limits.max_inflated_bytes);
    const JsonDocument document(*source, source->size());
    return read_document(document.root(), folder, checkpoint);
  });
  return {root, "tree"};
}

}  // namespace unbrine
