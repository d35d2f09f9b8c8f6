// The files beside state.json that hold its tensors, opened when the first of their tensors is
// asked for.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "formats/folder/folder_files.h"

namespace unbrine {

class TensorFiles {
 public:
  TensorFiles(const FolderFiles& folder, Checkpoint& checkpoint)
      : folder_(folder), checkpoint_(checkpoint) {}

  // The row of a tensor. `file` must be a plain name of a file in the folder: .safetensors, or
  // .blob with its index beside it. Where `alias_of` is set, the tensor is a view of that one's
  // storage. Throws Corrupt, and what the readers throw.
  uint32_t row(std::string_view file, std::string_view name, std::string_view alias_of = {});

  // The same bytes as another type, row-major. Throws Corrupt if they are too many or too few.
  uint32_t row_as(uint32_t row, DType dtype, const std::vector<uint64_t>& shape);
  // The same tensor, which wants a gradient.
  uint32_t row_with_gradient(uint32_t row);

 private:
  using Rows = std::map<std::string, uint32_t, std::less<>>;  // by name

  const Rows& file_rows(std::string_view file);
  Rows read(std::string_view file);
  Content read_named(std::string_view file);
  void keep_metadata(const Rows& rows, std::map<std::string, std::string> before);

  const FolderFiles& folder_;
  Checkpoint& checkpoint_;
  std::map<std::string, Rows, std::less<>> files_;
  std::map<std::pair<std::string, std::string>, uint32_t> aliases_;  // by file and name
  std::map<std::tuple<uint32_t, DType, std::vector<uint64_t>>, uint32_t> retyped_;
  std::map<uint32_t, uint32_t> with_gradient_;
};

}  // namespace unbrine
