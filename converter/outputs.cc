#include "converter/outputs.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "converter/output_path.h"
#include "converter/placement.h"
#include "converter/sha256.h"
#include "converter/source_blocks.h"
#include "converter/verify.h"
#include "formats/error.h"
#include "formats/text.h"
#include "formats/tree/state_json.h"
#include "kernels/digest.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStateName = "state.json";
constexpr std::string_view kManifestName = "manifest.json";
constexpr std::string_view kSumsName = "SHA256SUMS";

std::string state_of(const Conversion& conversion, const ConvertOptions& options) {
  const Checkpoint& checkpoint = conversion.checkpoint;
  return state_json(checkpoint.graph, conversion.choice.part, checkpoint.tensors,
                    tensor_places(conversion.layout, conversion.choice.selection),
                    options.write.limits);
}

std::vector<std::string> digest_texts(const ConvertReport& report, const Layout& layout) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < layout.slots.size(); ++i)
    texts.push_back(digest_text(report.tensors[i].digest));
  return texts;
}

std::vector<SideFile> side_files_of(const ConvertOptions& options, const Conversion& conversion,
                                    const std::vector<std::string>& digests) {
  if (options.writer->side_files == nullptr) return {};
  return options.writer->side_files(conversion.layout, conversion.choice.selection, digests);
}

// "model.safetensors" -> "model-0a1b2c3d.safetensors"
fs::path with_hash(const fs::path& output, const std::string& sha256, const WriterFormat& writer) {
  const std::string name = output.filename().native();
  const std::string stem = stem_of(output, writer);
  return output.parent_path() / (stem + "-" + sha256.substr(0, 8) + name.substr(stem.size()));
}

}  // namespace

Outputs::Outputs(const fs::path& output, const Layout& layout, const ConvertOptions& options)
    : output_(output), layout_(layout), options_(options) {
  if (options.as_folder) folder_.emplace(output, options.overwrite);
  for (const LayoutFile& file : layout.files) {
    files_.push_back(
        std::make_unique<OutputFile>(path_of(file.name), file.size, options.overwrite));
    sinks_.push_back(files_.back().get());
  }
}

fs::path Outputs::path_of(const std::string& name) const {
  return (folder_ ? folder_->temporary() : output_.parent_path()) / name;
}

void Outputs::add_text(const std::string& name, std::string_view text, ConvertReport& report) {
  const ByteSpan bytes = as_bytes(text);
  files_.push_back(std::make_unique<OutputFile>(path_of(name), bytes.size(), options_.overwrite));
  files_.back()->write_at(0, bytes);
  report.files.push_back(
      {.name = name, .size = bytes.size(), .digest = digest_text(digest_bytes(bytes))});
}

void Outputs::carry(const fs::path& path, ConvertReport& report) {
  const FileSource source(path.native());
  const std::string name = path.filename().native();
  files_.push_back(std::make_unique<OutputFile>(path_of(name), source.size(), options_.overwrite));
  ChunkDigester digester;
  for_each_block(source, options_.stop, [&](uint64_t offset, ByteSpan block) {
    digester.update(block);
    files_.back()->write_at(offset, block);
  });
  report.files.push_back({.name = name,
                          .size = source.size(),
                          .digest = digest_text(combine_chunk_digests(digester.finish()))});
}

void Outputs::add_side_files(const Conversion& conversion, ConvertReport& report) {
  for (const SideFile& file :
       side_files_of(options_, conversion, digest_texts(report, conversion.layout)))
    add_text(file.name, file.text, report);
  for (const fs::path& file : options_.carried) carry(file, report);
  if (folder_) add_text(std::string(kStateName), state_of(conversion, options_), report);
}

void Outputs::verify(const Conversion& conversion, const std::vector<SlotResult>& results) const {
  for (uint32_t i = 0; i < layout_.files.size(); ++i)
    verify_written(files_[i]->temporary(), layout_, i, conversion.choice.selection, results);
}

void Outputs::commit(ConvertReport& report) {
  if (options_.sha256 || options_.hash_name) add_sha256(report);
  if (options_.hash_name) take_hash_name(report);
  write_manifests(report);
  if (options_.sha256) write_sums(report);
  commit_together(files_, folder_ ? &*folder_ : nullptr);
}

void Outputs::add_sha256(ConvertReport& report) const {
  for (size_t i = 0; i < files_.size(); ++i)
    report.files[i].sha256 = sha256_of_file(files_[i]->temporary(), options_.stop);
}

void Outputs::take_hash_name(ConvertReport& report) {
  WrittenFile& file = report.files.front();
  report.output = with_hash(output_, file.sha256, *options_.writer);
  file.name = report.output.filename().native();
  for (WrittenTensor& tensor : report.tensors) tensor.file = file.name;
  files_.front()->set_path(report.output);
  if (!options_.sha256) file.sha256.clear();
}

// They are not listed in themselves.
void Outputs::write_manifests(const ConvertReport& report) {
  ConvertReport unlisted;
  if (folder_) add_text(std::string(kManifestName), manifest_json(report) + "\n", unlisted);
  if (options_.manifest.empty()) return;
  const std::string text = manifest_json(report) + "\n";
  files_.push_back(
      std::make_unique<OutputFile>(options_.manifest, text.size(), options_.overwrite));
  files_.back()->write_at(0, as_bytes(text));
}

void Outputs::write_sums(const ConvertReport& report) {
  std::string sums;
  for (const WrittenFile& file : report.files) sums += sha256sum_line(file.sha256, file.name);
  if (folder_) {
    const size_t manifest = report.files.size();
    sums += sha256sum_line(sha256_of_file(files_[manifest]->temporary(), options_.stop),
                           std::string(kManifestName));
  }
  const std::string name =
      folder_ ? std::string(kSumsName) : report.output.filename().native() + ".sha256";
  ConvertReport unlisted;
  add_text(name, sums, unlisted);
}

std::vector<WrittenFile> planned_side_files(const Conversion& conversion,
                                            const ConvertOptions& options) {
  std::vector<WrittenFile> files;
  const std::vector<std::string> digests(conversion.layout.slots.size(), digest_text(0));
  for (const SideFile& file : side_files_of(options, conversion, digests))
    files.push_back({.name = file.name, .size = file.text.size()});
  for (const fs::path& file : options.carried)
    files.push_back({.name = file.filename().native(), .size = FileSource(file.native()).size()});
  if (options.as_folder)
    files.push_back(
        {.name = std::string(kStateName), .size = state_of(conversion, options).size()});
  return files;
}

uint64_t bytes_free_for(const fs::path& output) {
  fs::path folder = fs::absolute(output).parent_path();
  if (output.filename().empty()) folder = folder.parent_path();
  struct statvfs status = {};
  if (statvfs(folder.c_str(), &status) != 0)
    fail(ErrorCode::Io, "cannot write in folder ", quoted(folder.native()), ": ",
         std::strerror(errno));
  return status.f_bavail * status.f_frsize;
}

}  // namespace unbrine
