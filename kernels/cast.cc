// A table of loops, one for each pair of dtypes.
#include "kernels/cast.h"

#include <algorithm>
#include <cstring>

#include "formats/error.h"

namespace unbrine {
namespace {

using CastLoop = void (*)(ByteSpan source, MutableByteSpan target, Overflow overflow,
                          CastStatistics& statistics);

template <class From, class To>
void cast_loop(ByteSpan source, MutableByteSpan target, Overflow overflow,
               CastStatistics& statistics) {
  const size_t count = target.size() / sizeof(typename To::Bits);
  CastStatistics lost;  // a local, so that the compiler can keep it in registers
  for (size_t i = 0; i < count; ++i) {
    typename From::Bits bits;
    std::memcpy(&bits, source.data() + i * sizeof bits, sizeof bits);
    const typename To::Bits cast = cast_element<From, To>(bits, overflow, lost);
    std::memcpy(target.data() + i * sizeof cast, &cast, sizeof cast);
  }
  statistics.add(lost);
}

template <DType... kDTypes>
struct DTypes {};
using Targets =
    DTypes<DType::F64, DType::F32, DType::F16, DType::BF16, DType::F8E5M2, DType::F8E4M3FN,
           DType::F8E5M2FNUZ, DType::F8E4M3FNUZ, DType::I64, DType::I32, DType::I16, DType::I8,
           DType::U64, DType::U32, DType::U16, DType::U8, DType::Bool>;

template <DType kFrom, DType... kTo>
CastLoop loop_to(DType to, DTypes<kTo...>) {
  CastLoop found = nullptr;
  ((to == kTo && (found = cast_loop<CodecOf<kFrom>, CodecOf<kTo>>)), ...);
  return found;
}

template <DType... kFrom>
CastLoop loop_between(DType from, DType to, DTypes<kFrom...>) {
  CastLoop found = nullptr;
  ((from == kFrom && (found = loop_to<kFrom>(to, Targets{}))), ...);
  return found;
}

// nullptr: there is no such cast.
CastLoop loop_between(DType from, DType to) {
  if (from == DType::F8E8M0) return loop_to<DType::F8E8M0>(to, Targets{});
  return loop_between(from, to, Targets{});
}

}  // namespace

void CastStatistics::add(const CastStatistics& other) {
  overflowed += other.overflowed;
  became_nan += other.became_nan;
  max_abs_error = std::max(max_abs_error, other.max_abs_error);
  max_rel_error = std::max(max_rel_error, other.max_rel_error);
}

bool can_cast(DType from, DType to) { return loop_between(from, to) != nullptr; }

void cast_elements(const Cast& cast, ByteSpan source, MutableByteSpan target,
                   CastStatistics& statistics) {
  const CastLoop loop = loop_between(cast.from, cast.to);
  if (loop == nullptr)
    fail(ErrorCode::Unsupported, "there is no cast from ", dtype_name(cast.from), " to ",
         dtype_name(cast.to));
  loop(source, target, cast.overflow, statistics);
}

}  // namespace unbrine
