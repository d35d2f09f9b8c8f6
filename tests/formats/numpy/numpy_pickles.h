// numpy's objects as its pickles write them, for tests of their readers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {

// (3, order, None, None, None, -1, -1, 0)
inline PickleBuilder plain_dtype_state(std::string_view order) {
  PickleBuilder state;
  state.mark().integer(3).string(order).none().none().none().integer(-1).integer(-1).integer(0);
  return state.tuple();
}

// dtype(code, False, True), BUILD state
inline PickleBuilder dtype(std::string_view code, std::string_view order = "<") {
  PickleBuilder pickle;
  pickle.global("numpy", "dtype").string(code).newfalse().newtrue().tuple3().reduce();
  return pickle.raw(plain_dtype_state(order)).build();
}

// dtype('V12') with fields a and b at 0 and 4.
inline PickleBuilder structured_dtype() {
  PickleBuilder pickle;
  pickle.global("numpy", "dtype").string("V12").newfalse().newtrue().tuple3().reduce();
  pickle.mark().integer(3).string("|").none().string("a").string("b").tuple2().mark();
  pickle.string("a").raw(dtype("f4")).integer(0).tuple2();
  pickle.string("b").raw(dtype("i8")).integer(4).tuple2().dict();
  return pickle.integer(12).integer(1).integer(16).tuple().build();
}

inline PickleBuilder bytes(std::string_view content) { return PickleBuilder().binbytes(content); }

struct ArrayState {
  PickleBuilder shape = PickleBuilder().int_tuple({2, 3});
  PickleBuilder dtype = unbrine::dtype("i2");
  PickleBuilder fortran = PickleBuilder().newfalse();
  PickleBuilder data = bytes("abcdefghijkl");
  std::string_view module = "numpy._core.multiarray";
  PickleBuilder type = PickleBuilder().global("numpy", "ndarray");
};

// _reconstruct(type, (0,), b'b'), BUILD state
inline PickleBuilder reconstruct(const ArrayState& parts, const PickleBuilder& state) {
  PickleBuilder pickle;
  pickle.global(parts.module, "_reconstruct").raw(parts.type).int_tuple({0});
  return pickle.short_binbytes("b").tuple3().reduce().raw(state).build();
}

// (1, shape, dtype, is_fortran, data)
inline PickleBuilder array_state(const ArrayState& parts = {}) {
  PickleBuilder state;
  state.mark().integer(1).raw(parts.shape).raw(parts.dtype).raw(parts.fortran).raw(parts.data);
  return state.tuple();
}

inline PickleBuilder array(const ArrayState& parts = {}) {
  return reconstruct(parts, array_state(parts));
}

// The bytes of a table's tensor's storage.
inline std::string storage_content(const Checkpoint& checkpoint, uint32_t row) {
  const Tensor& tensor = checkpoint.tensors.tensors().at(row);
  const Storage& storage = checkpoint.tensors.storage_of(tensor);
  return std::string(as_text(storage.source->read_all(storage.offset, storage.size)));
}

}  // namespace unbrine
