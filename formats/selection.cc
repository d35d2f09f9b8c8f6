#include "formats/selection.h"

namespace unbrine {

uint64_t Selection::written_size(const SelectedTensor& selected) const {
  const Tensor& source = tensor(selected);
  if (!selected.cast) return byte_count(source);
  return byte_count(source) / (info(source.dtype).bits / 8) * (info(*selected.cast).bits / 8);
}

}  // namespace unbrine
