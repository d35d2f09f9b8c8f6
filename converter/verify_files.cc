#include "converter/verify_files.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "converter/select.h"
#include "converter/sha256.h"
#include "converter/source_blocks.h"
#include "formats/error.h"
#include "formats/safetensors/safetensors_writer.h"
#include "formats/text.h"
#include "kernels/digest.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifestName = "manifest.json";
constexpr std::string_view kSumsName = "SHA256SUMS";

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string text;
  for (const uint64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

std::string kind_text(DType dtype, const std::vector<uint64_t>& shape) {
  return std::string(dtype_name(dtype)) + " " + shape_text(shape);
}

uint64_t digest_of(const Source& source, const std::atomic<bool>* stop) {
  ChunkDigester digester;
  for_each_block(source, stop, [&](uint64_t, ByteSpan block) { digester.update(block); });
  return combine_chunk_digests(digester.finish());
}

// Whether a tensor found in a file is the one that a manifest's row describes.
bool is_kind(const Tensor& tensor, const ManifestTensor& row) {
  const bool as_it_is = tensor.dtype == row.dtype && tensor.shape == row.shape;
  return as_it_is || (info(tensor.dtype).safetensors == info(row.dtype).safetensors &&
                      safetensors_shape(tensor) == row.shape);
}

class FileVerifier {
 public:
  FileVerifier(const ListedOutput& output, const VerifyOptions& options, const RunOptions& run,
               WrittenTensors& tensors, VerifyReport& report)
      : output_(output),
        manifest_(output.manifest),
        options_(options),
        run_(run),
        tensors_(tensors),
        report_(report) {}

  bool run() {
    for (const ManifestTensor& row : manifest_.tensors) rows_[row.file].push_back(&row);
    for (const ManifestFile& file : manifest_.files) open(file);
    for (const ManifestFile& file : manifest_.files) verify(file);
    verify_tensors();
    verify_sums();
    if (output_.name.empty()) note_unlisted();
    for (const auto& [name, source] : sources_) source->check_unchanged();
    return is_complete_;
  }

 private:
  void found(const std::string& file, const std::string& name, std::string what,
             bool malformed = false) {
    report_.differences.push_back({file, name, std::move(what), malformed});
  }

  void found_other(const std::string& file, const std::string& name, std::string what,
                   bool malformed = false) {
    is_complete_ = false;
    found(file, name, std::move(what), malformed);
  }

  fs::path path_of(const std::string& file) const { return output_.folder / file; }

  void open(const ManifestFile& file) {
    std::error_code ignored;
    if (!fs::exists(path_of(file.name), ignored)) return found_other(file.name, "", "is missing");
    auto source = in_context(escaped(path_of(file.name).native()), [&] {
      return std::make_shared<FileSource>(path_of(file.name).native());
    });
    if (source->size() != file.size)
      found(file.name, "",
            "has " + std::to_string(source->size()) + " bytes, the manifest lists " +
                std::to_string(file.size));
    sources_.emplace(file.name, std::move(source));
  }

  void verify(const ManifestFile& file) {
    const auto source = sources_.find(file.name);
    if (source == sources_.end()) return;
    if (file.tensors) verify_structure(file);
    if (file.digest) verify_digest(file, *source->second);
    if (!file.sha256.empty()) verify_sha256(file.name, file.sha256, "the manifest");
  }

  // What the file itself says of its tensors; broken files are told apart from other ones.
  void verify_structure(const ManifestFile& file) {
    try {
      const Checkpoint checkpoint = open_checkpoint(path_of(file.name), options_.limits);
      checkpoint.cross_check();
      Rules everything;
      everything.select = "all";
      const Choice choice = select(checkpoint, everything, Scope::Object);
      if (checkpoint.format == "safetensors" || checkpoint.format == "blob")
        compare_by_name(file, checkpoint, choice.selection);
      else
        compare_by_place(file, checkpoint);
    } catch (const Error& error) {
      const bool is_of_file =
          error.code() == ErrorCode::Corrupt || error.code() == ErrorCode::Unsupported;
      if (!is_of_file) throw;
      found_other(file.name, "", error.what(), true);
    }
  }

  static uint64_t place_of(const Checkpoint& checkpoint, const Tensor& tensor) {
    return checkpoint.tensors.storage_of(tensor).offset + first_byte(tensor);
  }

  void compare_by_name(const ManifestFile& file, const Checkpoint& checkpoint,
                       const Selection& selection) {
    std::map<std::string_view, const Tensor*> there;
    for (const SelectedTensor& tensor : selection.tensors)
      there.emplace(tensor.name, &selection.tensor(tensor));
    for (const ManifestTensor* row : rows_[file.name]) {
      const auto tensor = there.find(row->name);
      if (tensor == there.end()) {
        found_other(file.name, row->name, "is in the manifest, not in the file");
        continue;
      }
      compare(*row, *tensor->second, place_of(checkpoint, *tensor->second));
      there.erase(tensor);
    }
    for (const auto& [name, tensor] : there)
      found_other(file.name, std::string(name), "is in the file, not in the manifest");
  }

  void compare(const ManifestTensor& row, const Tensor& tensor, uint64_t place) {
    if (!is_kind(tensor, row))
      found_other(row.file, row.name,
                  "is " + kind_text(tensor.dtype, tensor.shape) + ", the manifest lists " +
                      kind_text(row.dtype, row.shape));
    else if (place != row.offset)
      found_other(row.file, row.name,
                  "lies at byte " + std::to_string(place) + ", the manifest lists " +
                      std::to_string(row.offset));
  }

  // A .pt may name its tensors otherwise than the object that it was made from.
  void compare_by_place(const ManifestFile& file, const Checkpoint& checkpoint) {
    std::multimap<uint64_t, const Tensor*> there;
    for (const Tensor& tensor : checkpoint.tensors.tensors())
      there.emplace(place_of(checkpoint, tensor), &tensor);
    for (const ManifestTensor* row : rows_[file.name]) {
      if (row->size == 0) continue;  // lies nowhere
      const auto [begin, end] = there.equal_range(row->offset);
      const bool is_there = std::any_of(begin, end, [&](const auto& place) {
        return is_kind(*place.second, *row) && is_contiguous(*place.second);
      });
      if (!is_there)
        found_other(file.name, row->name,
                    "the file has no " + kind_text(row->dtype, row->shape) + " at byte " +
                        std::to_string(row->offset));
    }
  }

  void verify_digest(const ManifestFile& file, const Source& source) {
    const uint64_t digest = in_context(escaped(path_of(file.name).native()),
                                       [&] { return digest_of(source, options_.stop); });
    if (digest != *file.digest) found_digest(file.name, "", digest, *file.digest);
  }

  void found_digest(const std::string& file, const std::string& name, uint64_t digest,
                    uint64_t recorded) {
    found(file, name,
          "its digest is " + digest_text(digest) + ", the manifest lists " + digest_text(recorded));
  }

  void verify_tensors() {
    list_by_manifest(tensors_, manifest_, sources_, run_);
    for (size_t i = 0; i < tensors_.rows.size(); ++i) {
      const WrittenTensorRow& row = tensors_.rows[i];
      const ManifestTensor& listed = manifest_.tensors[i];
      if (!row.is_there) {
        const bool is_cut = sources_.contains(row.file);
        if (is_cut) found(row.file, row.name, "reaches beyond the end of the file");
        continue;
      }
      report_.tensors += 1;
      report_.bytes += listed.size;
      if (row.digest != listed.digest) found_digest(row.file, row.name, row.digest, listed.digest);
    }
    report_.has_digests = true;
  }

  void verify_sha256(const std::string& file, const std::string& recorded,
                     std::string_view by_whom) {
    auto [digest, is_new] = sha256_.try_emplace(file);
    if (is_new) digest->second = sha256_of_file(path_of(file), options_.stop);
    if (digest->second != recorded)
      found(
          file, "",
          "its SHA-256 is " + digest->second + ", " + std::string(by_whom) + " lists " + recorded);
  }

  // As `sha256sum -c` would.
  void verify_sums() {
    const std::string name =
        output_.name.empty() ? std::string(kSumsName) : output_.name + ".sha256";
    std::error_code ignored;
    if (!fs::is_regular_file(path_of(name), ignored)) return;
    sums_name_ = name;
    const FileSource source(path_of(name).native());
    check_limit("bytes of SHA-256 sums:", source.size(), "max_header_bytes",
                options_.limits.max_header_bytes);
    const std::vector<uint8_t> bytes = source.read_all(0, source.size());
    std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (uint64_t line = 1; !rest.empty(); ++line) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      verify_sum(name, line, read_sha256sum_line(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }

  void verify_sum(const std::string& sums, uint64_t line, const std::optional<Sha256Sum>& sum) {
    if (!sum || !is_plain_file_name(sum->name))
      return found(sums, "", "line " + std::to_string(line) + " is no SHA-256 of a file", true);
    std::error_code ignored;
    if (!fs::is_regular_file(path_of(sum->name), ignored)) {
      if (manifest_.file(sum->name) == nullptr) found(sum->name, "", "is missing");
      return;
    }
    verify_sha256(sum->name, sum->digest, sums);
  }

  void note_unlisted() {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator at(output_.folder, error), end; !error && at != end;
         at.increment(error))
      names.push_back(at->path().filename().native());
    if (error)
      fail(ErrorCode::Io, quoted(output_.folder.native()),
           ": cannot list the folder: ", error.message());
    std::ranges::sort(names);
    for (const std::string& name : names)
      if (name != kManifestName && name != sums_name_ && manifest_.file(name) == nullptr)
        report_.notes.push_back(quoted(name) + " is not listed in the manifest");
  }

  const ListedOutput& output_;
  const Manifest& manifest_;
  const VerifyOptions& options_;
  const RunOptions& run_;
  WrittenTensors& tensors_;
  VerifyReport& report_;
  SourcesByName sources_;
  std::map<std::string, std::vector<const ManifestTensor*>> rows_;  // by file
  std::map<std::string, std::string> sha256_;                       // by file
  std::string sums_name_;
  bool is_complete_ = true;
};

}  // namespace

bool verify_files(const ListedOutput& output, const VerifyOptions& options, const RunOptions& run,
                  WrittenTensors& tensors, VerifyReport& report) {
  return FileVerifier(output, options, run, tensors, report).run();
}

}  // namespace unbrine
