// The error that a call must end in.
#pragma once

#include <gtest/gtest.h>

#include <utility>

#include "formats/error.h"

namespace unbrine {

// Runs `function` and gives its Error; if there is none the test fails.
template <class Function>
Error error_of(Function&& function) {
  try {
    std::forward<Function>(function)();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "expected an Error, but all went well";
  return {ErrorCode::Usage, "no error"};
}

}  // namespace unbrine
