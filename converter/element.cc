#include "converter/element.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "kernels/backend.h"

namespace unbrine {
namespace {

template <class Number>
Number load(const uint8_t* bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

template <class Number>
double distance(const uint8_t* a, const uint8_t* b) {
  const Number x = load<Number>(a);
  const Number y = load<Number>(b);
  // Unsigned, where the difference of any two fits.
  const uint64_t larger = static_cast<uint64_t>(x > y ? x : y);
  return static_cast<double>(larger - static_cast<uint64_t>(x > y ? y : x));
}

template <class Number>
std::string text_of(Number number) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

// All floats of 32 bits and fewer fit a float.
float as_float(DType dtype, const uint8_t* bytes) {
  if (dtype == DType::F32) return load<float>(bytes);
  float number = 0;
  CastStatistics ignored;
  const Cast cast{dtype, DType::F32};
  const uint32_t size = info(dtype).bits / 8;
  available_backends().front()->worker()->run(
      {.source = {bytes, size},
       .target = {reinterpret_cast<uint8_t*>(&number), sizeof number},
       .item_size = size,
       .cast = &cast,
       .statistics = &ignored});
  return number;
}

std::string number_text_of(DType dtype, const uint8_t* bytes) {
  switch (dtype) {
    case DType::F64: return text_of(load<double>(bytes));
    case DType::I64: return text_of(load<int64_t>(bytes));
    case DType::I32: return text_of(load<int32_t>(bytes));
    case DType::I16: return text_of(load<int16_t>(bytes));
    case DType::I8: return text_of(int{load<int8_t>(bytes)});
    case DType::U64: return text_of(load<uint64_t>(bytes));
    case DType::U32: return text_of(load<uint32_t>(bytes));
    case DType::U16: return text_of(load<uint16_t>(bytes));
    case DType::U8: return text_of(int{*bytes});
    case DType::Bool: return *bytes != 0 ? "true" : "false";
    default: return text_of(as_float(dtype, bytes));
  }
}

}  // namespace

DType number_dtype(DType dtype) {
  switch (dtype) {
    case DType::C128: return DType::F64;
    case DType::C64: return DType::F32;
    case DType::C32: return DType::F16;
    case DType::BC32: return DType::BF16;
    case DType::QInt8: return DType::I8;
    case DType::QInt32: return DType::I32;
    case DType::Bits16: return DType::U16;
    default: return can_cast(dtype, DType::F64) ? dtype : DType::U8;
  }
}

uint32_t numbers_in(DType dtype) {
  return info(dtype).bits / 8 / (info(number_dtype(dtype)).bits / 8);
}

bool is_wide_integer(DType dtype) { return dtype == DType::I64 || dtype == DType::U64; }

double integer_distance(DType dtype, const uint8_t* a, const uint8_t* b) {
  return dtype == DType::I64 ? distance<int64_t>(a, b) : distance<uint64_t>(a, b);
}

std::string element_text(DType dtype, const uint8_t* element) {
  const DType number = number_dtype(dtype);
  std::string text = number_text_of(number, element);
  if (!info(dtype).is_complex) return text;
  const std::string imaginary = number_text_of(number, element + info(number).bits / 8);
  return text + (imaginary.starts_with('-') ? "" : "+") + imaginary + "j";
}

}  // namespace unbrine
