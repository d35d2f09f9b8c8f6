// The one exception type, and the two ways to raise it: fail() where a fault is found, and
// in_context() on the way up, where a name (file, entry, tensor) is known that the depth did not.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace unbrine {

enum class ErrorCode { Usage, Io, Corrupt, Unsupported, Unsafe, Limit, Device };

class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}
  ErrorCode code() const { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorCode code_;
  std::string message_;
};

namespace error_detail {
inline void append(std::string& message, std::string_view part) { message += part; }
inline void append(std::string& message, char part) { message += part; }
template <std::integral Number>
void append(std::string& message, Number part) {
  message += std::to_string(part);
}
}  // namespace error_detail

// Throws Error{code, the parts joined}. Text that came from a file goes through quoted() first.
template <class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void fail(ErrorCode code, const Parts&... parts) {
  std::string message;
  (error_detail::append(message, parts), ...);
  throw Error(code, std::move(message));
}

// Runs `function`; an Error out of it leaves as "context: message" with the same code.
template <class Function>
decltype(auto) in_context(std::string_view context, Function&& function) {
  try {
    return std::forward<Function>(function)();
  } catch (const Error& error) {
    throw Error(error.code(), std::string(context) + ": " + error.what());
  }
}

}  // namespace unbrine
