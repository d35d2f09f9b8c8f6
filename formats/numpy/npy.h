// .npy: one numpy array in a file, as numpy.save writes it; a handle that was saved to several
// times holds several, one behind the other. Also the members of an .npz.
#pragma once

#include <optional>

#include "formats/checkpoint.h"
#include "formats/numpy/npy_header.h"
#include "formats/numpy/numpy_objects.h"

namespace unbrine {

bool looks_like_npy(const Probe& probe);

// The array as a Tensor leaf; of several a dict with keys "#1", "#2" and so on. Throws Corrupt for
// bytes behind that are no array.
Content read_npy(const Probe& probe, Checkpoint& checkpoint);

// Bytes that begin with a .npy file.
struct NpyBytes {
  ByteRange range;
  std::string name;                    // for messages
  std::optional<uint32_t> crc32 = {};  // of the range, if a container records it
};

struct AddedNpy {
  NodeId node;
  uint64_t size;  // bytes of its file
};

// A Tensor; for an array of objects what its pickle holds; for text, dates, structures and the like
// a dict of "descr", "fortran_order", "shape" and "data". The CRC-32 goes along with a tensor only,
// and only if nothing follows it. Throws Corrupt, and what decode_pickle and interpret throw.
AddedNpy add_npy(const NpyBytes& bytes, const NpyHeader& header, Checkpoint& checkpoint,
                 OtherArrays& others);

}  // namespace unbrine
