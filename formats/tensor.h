// Tensors as views of storages, and the gate through which they become trusted.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/dtype.h"
#include "formats/limits.h"
#include "formats/source.h"

namespace unbrine {

// A run of bytes that tensors look into.
struct Storage {
  std::string name;  // entry or key, for messages
  std::shared_ptr<const Source> source;
  uint64_t offset = 0;  // bytes, in the source
  uint64_t size = 0;    // bytes
  bool big_endian = false;
  bool has_crc = false;  // then crc32 is that of the size bytes
  uint32_t crc32 = 0;
  std::vector<uint32_t> made_of = {};  // rows of the storages whose bytes `source` puts together
};

// A strided view of a storage. Numbers count elements of `dtype`.
struct Tensor {
  DType dtype = DType::F32;
  uint32_t storage = 0;  // row of the table's storages
  uint64_t offset = 0;   // of the first element
  std::vector<uint64_t> shape;
  std::vector<uint64_t> stride;  // as many as shape
  bool conj = false;             // the value is the conjugate of what is stored
  bool neg = false;              // the value is the negative of what is stored
  bool requires_grad = false;
};

// Of tensors that passed the gate:
uint64_t element_count(const Tensor& tensor);
uint64_t byte_count(const Tensor& tensor);  // when written row-major
uint64_t first_byte(const Tensor& tensor);  // of the first element, in its storage
bool is_contiguous(const Tensor& tensor);   // row-major, ignoring dimensions of size 1

// Bytes that a shape and a dtype ask for, from a header that is not trusted. As in the reference of
// safetensors, no partial product may overflow, a 0 behind it or not. Throws Corrupt, also if the
// bytes are not whole.
uint64_t byte_count(DType dtype, const std::vector<uint64_t>& shape);

// Row-major strides of a shape. The product of the shape must fit 64 bits.
std::vector<uint64_t> contiguous_stride(const std::vector<uint64_t>& shape);

class TensorTable {
 public:
  explicit TensorTable(const Limits& limits);

  // Bytes of another file, or of one unpacked, that tensors come from: what they may expand to
  // follows from the sum and limits.
  void add_input(uint64_t bytes);

  // The storage must lie inside its source. Throws Corrupt.
  uint32_t add_storage(Storage storage);

  // The gate. After it: rank within bounds, shape and stride of one length, every element inside
  // its storage, no product or sum that wraps, bytes within the output budget, one byte order unit
  // per big-endian storage. Throws Corrupt, Limit or Unsupported.
  uint32_t add(Tensor tensor);

  const std::vector<Storage>& storages() const { return storages_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }
  const Storage& storage_of(const Tensor& tensor) const { return storages_[tensor.storage]; }

  // Bytes that all names together may have when written, aliases and expanded views counted.
  uint64_t output_budget() const { return output_budget_; }

 private:
  void check_geometry(const Tensor& tensor) const;
  void check_byte_order(const Tensor& tensor);
  void check_budget(const Tensor& tensor);

  Limits limits_;
  uint64_t input_bytes_ = 0;
  uint64_t output_budget_;
  uint64_t output_bytes_ = 0;  // of all rows
  std::vector<Storage> storages_;
  std::vector<uint8_t> swap_units_;  // per storage; 0 while no tensor has used it
  std::vector<Tensor> tensors_;
};

}  // namespace unbrine
