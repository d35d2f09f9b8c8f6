// All that a conversion writes: the files of the layout, and beside them what describes them. It
// appears whole or not at all.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "converter/conversion.h"
#include "converter/output_file.h"
#include "converter/output_folder.h"
#include "converter/run_layout.h"

namespace unbrine {

class Outputs {
 public:
  // Creates temporary files of the final sizes. Throws Io.
  Outputs(const std::filesystem::path& output, const Layout& layout, const ConvertOptions& options);

  // One for each file of the layout.
  std::span<Sink* const> sinks() const { return sinks_; }

  // The writer's own; of a folder also the carried files and state.json. Adds their rows to the
  // report. Throws Io.
  void add_side_files(const Conversion& conversion, ConvertReport& report);

  // Reads the tensors back and compares digests. Throws Io naming the tensor.
  void verify(const Conversion& conversion, const std::vector<SlotResult>& results) const;

  // Gives everything its name: digests of whole files and manifests are made on the way. Of several
  // files that appear one by one the first that cannot takes the others away again. Throws Io.
  void commit(ConvertReport& report);

 private:
  std::filesystem::path path_of(const std::string& name) const;
  void add_text(const std::string& name, std::string_view text, ConvertReport& report);
  void carry(const std::filesystem::path& path, ConvertReport& report);
  void add_sha256(ConvertReport& report) const;
  void take_hash_name(ConvertReport& report);
  void write_manifests(const ConvertReport& report);
  void write_sums(const ConvertReport& report);

  std::filesystem::path output_;
  const Layout& layout_;
  const ConvertOptions& options_;
  std::optional<OutputFolder> folder_;
  std::vector<std::unique_ptr<OutputFile>> files_;  // those of the layout first
  std::vector<Sink*> sinks_;
};

// Files beside those of the layout whose size is known before anything is written.
std::vector<WrittenFile> planned_side_files(const Conversion& conversion,
                                            const ConvertOptions& options);

// On the file system that `output` would be on. Throws Io.
uint64_t bytes_free_for(const std::filesystem::path& output);

}  // namespace unbrine
