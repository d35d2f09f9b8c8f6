#include "formats/folder/tiling.h"

#include <algorithm>
#include <string>

#include "formats/checked.h"
#include "formats/error.h"

namespace unbrine {
namespace {

constexpr size_t kMostCutDims = 4;

std::string text_of(const std::vector<uint64_t>& numbers) {
  std::string text = "[";
  for (const uint64_t number : numbers)
    text += (text.size() > 1 ? ", " : "") + std::to_string(number);
  return text + "]";
}

void require_inside(const Box& box, const std::vector<uint64_t>& shape) {
  bool inside = box.first.size() == shape.size() && box.sizes.size() == shape.size();
  for (size_t i = 0; inside && i < shape.size(); ++i)
    inside = box.first[i] <= shape[i] && box.sizes[i] <= shape[i] - box.first[i];
  if (!inside)
    fail(ErrorCode::Corrupt, "a part of shape ", text_of(box.sizes), " at ", text_of(box.first),
         " does not fit into shape ", text_of(shape));
}

// Those that some box does not span.
std::vector<size_t> cut_dims(const std::vector<uint64_t>& shape, const std::vector<Box>& boxes) {
  std::vector<size_t> dims;
  for (size_t i = 0; i < shape.size(); ++i)
    if (std::ranges::any_of(boxes, [&](const Box& box) { return box.sizes[i] != shape[i]; }))
      dims.push_back(i);
  return dims;
}

// How often each corner is begun or ended: a box has +1 where an even number of its coordinates are
// ends, -1 elsewhere. Sums of boxes are equal as sets of elements, counted, if and only if their
// corners are.
class Corners {
 public:
  Corners(const std::vector<uint64_t>& shape, std::vector<size_t> dims)
      : shape_(shape), dims_(std::move(dims)) {
    if (dims_.size() > kMostCutDims)
      fail(ErrorCode::Unsupported, "is cut into parts along ", dims_.size(), " dimensions");
    uint64_t places = 1;
    for (const size_t dim : dims_)
      if (!checked_multiply(places, shape[dim] + 1, places))
        fail(ErrorCode::Corrupt, "shape ", text_of(shape), " does not fit 64 bits");
  }

  void add(const std::vector<uint64_t>& first, const std::vector<uint64_t>& sizes, int sign) {
    for (uint32_t ends = 0; ends < 1U << dims_.size(); ++ends) {
      uint64_t place = 0;
      int corner = sign;
      for (size_t i = 0; i < dims_.size(); ++i) {
        const size_t dim = dims_[i];
        const bool end = (ends >> i & 1) != 0;
        place = place * (shape_[dim] + 1) + first[dim] + (end ? sizes[dim] : 0);
        if (end) corner = -corner;
      }
      corners_.push_back({place, corner});
    }
  }

  void require_none() {
    std::ranges::sort(corners_, {}, &Corner::place);
    for (size_t i = 0; i < corners_.size();) {
      const uint64_t place = corners_[i].place;
      int64_t sum = 0;
      for (; i < corners_.size() && corners_[i].place == place; ++i) sum += corners_[i].sign;
      if (sum != 0)
        fail(ErrorCode::Corrupt, "the parts of shape ", text_of(shape_), " ",
             sum > 0 ? "overlap" : "leave a gap", " at ", text_of(position(place)));
    }
  }

 private:
  struct Corner {
    uint64_t place;  // in the grid of the dimensions that are cut
    int sign;
  };

  std::vector<uint64_t> position(uint64_t place) const {
    std::vector<uint64_t> position(shape_.size());
    for (size_t i = dims_.size(); i-- > 0; place /= shape_[dims_[i]] + 1)
      position[dims_[i]] = place % (shape_[dims_[i]] + 1);
    return position;
  }

  const std::vector<uint64_t>& shape_;
  std::vector<size_t> dims_;
  std::vector<Corner> corners_;
};

}  // namespace

void require_tiling(const std::vector<uint64_t>& shape, const std::vector<Box>& boxes) {
  for (const Box& box : boxes) require_inside(box, shape);
  if (std::ranges::find(shape, uint64_t{0}) != shape.end()) return;  // no element to be in a box
  if (boxes.empty()) fail(ErrorCode::Corrupt, "shape ", text_of(shape), " has no parts");
  Corners corners(shape, cut_dims(shape, boxes));
  for (const Box& box : boxes) corners.add(box.first, box.sizes, 1);
  corners.add(std::vector<uint64_t>(shape.size()), shape, -1);
  corners.require_none();
}

}  // namespace unbrine
