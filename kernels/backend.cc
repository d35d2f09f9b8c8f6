#include "kernels/backend.h"

#include "kernels/builtin_backends.h"

namespace unbrine {
namespace {

std::vector<const Backend*> list_backends() {
  std::vector<const Backend*> backends = {&cpu_backend()};
  if (const Backend* cuda = cuda_backend()) backends.push_back(cuda);
  return backends;
}

}  // namespace

std::span<const Backend* const> available_backends() {
  static const std::vector<const Backend*> backends = list_backends();
  return backends;
}

}  // namespace unbrine
