#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace edgefusion {

enum class ErrorCode {
  invalid_argument,    ///< an option, prompt or size the user gave
  not_found,           ///< file, tensor or name absent
  bad_file,            ///< contents break the format's contract
  unsupported,         ///< well-formed, but outside what this program does
  resource_exhausted,  ///< memory limit or disk space
  io,                  ///< the operating system said no
  cancelled,           ///< the caller asked to stop
};

/// What went wrong, in the user's words, with the places it passed through.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  /// One line: "context: inner context: message".
  std::string message() const;
  /// Adds an outer place, e.g. the file being read. Returns *this for chaining.
  Error&& with_context(std::string place) &&;
  Error& add_context(std::string place) &;

 private:
  ErrorCode code_;
  std::string message_;
  std::vector<std::string> context_;  // innermost first
};

/// A value or an Error. Used wherever a user, a file or a request can be the cause of failure.
template <typename T>
using Result = tl::expected<T, Error>;
using Status = tl::expected<void, Error>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error(code, std::move(message)));
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

namespace detail {
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const std::string& text);
}  // namespace detail

}  // namespace edgefusion

#define EF_CONCAT_INNER(a, b) a##b
#define EF_CONCAT(a, b) EF_CONCAT_INNER(a, b)

/// EF_TRY(auto x, expression): x = value of the Result, or returns its Error from this function.
/// EF_TRY_STATUS(expression): the same for a Status.
#define EF_TRY(declaration, ...)                                                   \
  auto EF_CONCAT(ef_result_, __LINE__) = (__VA_ARGS__);                            \
  if (!EF_CONCAT(ef_result_, __LINE__))                                            \
    return ::edgefusion::fail(std::move(EF_CONCAT(ef_result_, __LINE__)).error()); \
  declaration = std::move(*EF_CONCAT(ef_result_, __LINE__))

#define EF_TRY_STATUS(...)                                                     \
  do {                                                                         \
    auto ef_status_ = (__VA_ARGS__);                                           \
    if (!ef_status_) return ::edgefusion::fail(std::move(ef_status_).error()); \
  } while (false)

/// Our own bug if it does not hold: stops the program. Never for anything a user can cause.
#define EF_CHECK(condition, text)                                                               \
  do {                                                                                          \
    if (!(condition)) ::edgefusion::detail::check_failed(__FILE__, __LINE__, #condition, text); \
  } while (false)
