#include "converter/verify.h"

#include <algorithm>

#include "converter/json_parts.h"
#include "converter/tensor_values.h"
#include "converter/verify_against.h"
#include "converter/verify_files.h"
#include "formats/blob/blob_index.h"
#include "formats/blob/blob_reader.h"
#include "formats/error.h"
#include "formats/json.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifestName = "manifest.json";
constexpr std::string_view kStateName = "state.json";

RunOptions run_options(unsigned workers, const std::atomic<bool>* stop) {
  RunOptions run;
  run.backend = available_backends().front();
  run.workers = workers;
  run.stop = stop;
  return run;
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

Manifest manifest_at(const fs::path& path, const Limits& limits) {
  return in_context(escaped(path.native()),
                    [&] { return read_manifest(FileSource(path.native()), limits); });
}

// A blob's index is a manifest of one file.
Manifest manifest_of_blob(const fs::path& index_path, const Limits& limits) {
  const BlobIndex index = in_context(escaped(index_path.native()), [&] {
    return read_blob_index(FileSource(index_path.native()), limits);
  });
  Manifest manifest;
  manifest.files.push_back(
      {.name = index.file, .size = index.size, .tensors = index.tensors.size()});
  for (const BlobEntry& entry : index.tensors)
    manifest.tensors.push_back({.name = entry.name,
                                .file = index.file,
                                .offset = entry.offset,
                                .size = entry.size,
                                .dtype = entry.dtype,
                                .shape = entry.shape,
                                .digest = parse_digest(entry.digest)});
  return manifest;
}

// Of one file alone: the file may have another name by now.
void follow_rename(ListedOutput& output, const fs::path& path) {
  output.name = path.filename().native();
  Manifest& manifest = output.manifest;
  if (manifest.file(output.name) != nullptr) return;
  if (manifest.files.size() != 1)
    fail(ErrorCode::Usage, quoted(output.name), " is not among the ", manifest.files.size(),
         " files of the manifest");
  manifest.files.front().name = output.name;
  for (ManifestTensor& tensor : manifest.tensors) tensor.file = output.name;
}

class Verifier {
 public:
  Verifier(const fs::path& output, const VerifyOptions& options)
      : output_(output), options_(options), run_(run_options(options.workers, options.stop)) {
    report_.output = output;
    report_.against = options.against;
  }

  VerifyReport run() {
    const std::optional<ListedOutput> listed = find_list();
    if (listed)
      verify_listed(*listed);
    else
      list_unlisted();
    if (!options_.against.empty())
      verify_against(tensors_, origin_, state_.get(), options_, run_, report_);
    return std::move(report_);
  }

 private:
  std::optional<ListedOutput> find_list() const {
    ListedOutput listed;
    listed.folder = is_folder(output_) ? output_ : output_.parent_path();
    std::error_code ignored;
    if (!options_.manifest.empty()) {
      listed.manifest = manifest_at(options_.manifest, options_.limits);
    } else if (is_folder(output_) && fs::exists(output_ / kManifestName, ignored)) {
      listed.manifest = manifest_at(output_ / kManifestName, options_.limits);
    } else if (!is_folder(output_) && looks_like_blob(output_)) {
      listed.manifest = manifest_of_blob(blob_index_path(), options_.limits);
      listed.name = listed.manifest.files.front().name;
      return listed;
    } else {
      return std::nullopt;
    }
    if (!is_folder(output_)) follow_rename(listed, output_);
    return listed;
  }

  fs::path blob_index_path() const {
    const std::string name = output_.native();
    return name.ends_with(kBlobIndexSuffix) ? output_ : fs::path(name + ".json");
  }

  void verify_listed(const ListedOutput& listed) {
    const bool is_complete = verify_files(listed, options_, run_, tensors_, report_);
    const Manifest& manifest = listed.manifest;
    origin_.selected = manifest.selected;
    origin_.excluded = manifest.excluded;
    origin_.by_source = std::ranges::any_of(
        manifest.tensors, [](const ManifestTensor& tensor) { return !tensor.source.empty(); });
    if (manifest.file(kStateName) != nullptr) {
      origin_.scope = Scope::Tree;
      if (is_complete) open_tree(listed.folder);
    } else if (keeps_objects(manifest)) {
      origin_.scope = Scope::Object;
      if (is_complete && !options_.against.empty()) open_objects(listed);
    }
  }

  static bool keeps_objects(const Manifest& manifest) {
    const WriterFormat* torch = writer_by_name("torch");
    return std::ranges::any_of(manifest.files, [&](const ManifestFile& file) {
      return file.tensors && std::ranges::any_of(torch->suffixes, [&](std::string_view suffix) {
               return file.name.ends_with(suffix);
             });
    });
  }

  void open_objects(const ListedOutput& listed) {
    for (const ManifestFile& file : listed.manifest.files)
      if (file.tensors)
        in_context(escaped(file.name), [&] {
          add_unlisted(tensors_, open_checkpoint(listed.folder / file.name, options_.limits),
                       file.name, run_);
        });
  }

  // The state must be one that can be read again, with the tensors that it names.
  void open_tree(const fs::path& folder) {
    try {
      state_ = std::make_unique<const Checkpoint>(open_checkpoint(folder, options_.limits));
      report_.has_state = true;
    } catch (const Error& error) {
      const bool is_of_file =
          error.code() == ErrorCode::Corrupt || error.code() == ErrorCode::Unsupported;
      if (!is_of_file) throw;
      report_.differences.push_back({std::string(kStateName), "", error.what(), true});
    }
  }

  // Nothing was recorded: only the checkpoint can tell.
  void list_unlisted() {
    if (options_.against.empty())
      fail(ErrorCode::Usage, escaped(output_.native()),
           is_folder(output_) ? ": has no manifest.json"
                              : ": a file without a manifest has no digests of its own",
           "; give --against IN or --manifest FILE");
    in_context(escaped(output_.native()), [&] {
      auto checkpoint =
          std::make_unique<const Checkpoint>(open_checkpoint(output_, options_.limits));
      checkpoint->cross_check();
      const std::string& format = checkpoint->format;
      const bool is_flat =
          format.ends_with("safetensors") || format == "blob" || format.starts_with("hf-shards");
      origin_.scope = is_flat ? Scope::Weights : Scope::Object;
      list_by_checkpoint(tensors_, std::move(checkpoint), output_.filename().native(), !is_flat,
                         run_);
    });
    report_.tensors = tensors_.rows.size();
    for (const SelectedTensor& tensor : tensors_.selection.tensors)
      report_.bytes += tensors_.selection.written_size(tensor);
  }

  const fs::path& output_;
  const VerifyOptions& options_;
  RunOptions run_;
  VerifyReport report_;
  WrittenTensors tensors_;
  Origin origin_;
  std::unique_ptr<const Checkpoint> state_;  // the output's tree
};

void write_finding(JsonWriter& json, const VerifyFinding& finding) {
  json.begin_object();
  if (!finding.file.empty()) json.key("file").value(repaired_utf8(finding.file));
  if (!finding.name.empty()) json.key("name").value(repaired_utf8(finding.name));
  json.key("what").value(repaired_utf8(finding.what));
  json.key("malformed").value(finding.malformed).end_object();
}

}  // namespace

bool VerifyReport::malformed() const {
  return std::ranges::any_of(differences, &VerifyFinding::malformed);
}

VerifyReport verify(const fs::path& output, const VerifyOptions& options) {
  return Verifier(output, options).run();
}

std::string verify_json(const VerifyReport& report) {
  JsonWriter json;
  json.begin_object().key("schema").value("unbrine.verify/1");
  json.key("output").value(repaired_utf8(report.output.native()));
  if (!report.against.empty()) json.key("against").value(repaired_utf8(report.against.native()));
  json.key("agrees").value(report.agrees());
  json.key("tensors").value(report.tensors).key("bytes").value(report.bytes);
  json.key("cast").value(report.cast).key("tolerated").value(report.tolerated);
  json.key("digests").value(report.has_digests).key("state").value(report.has_state);
  json.key("differences").begin_array();
  for (const VerifyFinding& finding : report.differences) write_finding(json, finding);
  write_strings(json.end_array().key("notes"), report.notes);
  return json.end_object().take();
}

}  // namespace unbrine
