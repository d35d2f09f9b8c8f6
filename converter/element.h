// Single elements of tensors, for those who compare or show them.
#pragma once

#include <string>

#include "formats/bytes.h"
#include "formats/dtype.h"

namespace unbrine {

// What the numbers of an element are: of complex dtypes each part, of quantised ones the integers
// behind them; packed and unknown kinds count as unsigned bytes.
DType number_dtype(DType dtype);

// How many numbers stand in an element.
uint32_t numbers_in(DType dtype);

bool is_wide_integer(DType dtype);  // one that double cannot hold

// |a - b| of two numbers of one wide integer dtype, rounded once.
double integer_distance(DType dtype, const uint8_t* a, const uint8_t* b);

// The shortest text that tells the element from others of its dtype: "0.1", "1.5-2j", "true".
std::string element_text(DType dtype, const uint8_t* element);

}  // namespace unbrine
