#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace edgefusion {

/// Instruction-set features kernels ask for, weakest first within each architecture.
enum class Isa : uint32_t {
  sse4 = 1u << 0,    ///< SSE4.2 (x86-64-v2)
  avx2 = 1u << 1,    ///< AVX2 + FMA + F16C (x86-64-v3)
  avx512 = 1u << 2,  ///< F, BW, DQ, VL, CD (x86-64-v4)
  avx512_vnni = 1u << 3,
  avx512_bf16 = 1u << 4,
  avx512_fp16 = 1u << 5,
  amx_bf16 = 1u << 6,
  amx_int8 = 1u << 7,
  neon = 1u << 16,
  neon_dot = 1u << 17,
  neon_i8mm = 1u << 18,
  neon_bf16 = 1u << 19,
};

/// A set of features: what a CPU has, or what a kernel needs. Empty: plain C++ ("scalar").
class IsaSet {
 public:
  constexpr IsaSet() = default;
  constexpr IsaSet(Isa isa) : bits_(static_cast<uint32_t>(isa)) {}
  constexpr explicit IsaSet(uint32_t bits) : bits_(bits) {}

  constexpr bool has(Isa isa) const { return (bits_ & static_cast<uint32_t>(isa)) != 0; }
  constexpr bool contains(IsaSet other) const { return (bits_ & other.bits_) == other.bits_; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr uint32_t bits() const { return bits_; }
  constexpr IsaSet operator|(IsaSet other) const { return IsaSet(bits_ | other.bits_); }
  constexpr bool operator==(const IsaSet&) const = default;

  /// "avx2 avx512 amx_bf16", or "scalar".
  std::string to_string() const;

 private:
  uint32_t bits_ = 0;
};

/// What this CPU and this kernel offer (asks the OS for the AMX tile state once per process).
IsaSet detect_isa();

/// `present` without everything stronger than the feature called `cap` ("scalar" leaves none).
/// Unknown names are an error that lists the known ones. A cap this CPU lacks keeps what is weaker.
Result<IsaSet> cap_isa(IsaSet present, std::string_view cap);

/// Names of all features of this architecture, weakest first, "scalar" leading.
std::vector<std::string> isa_names();

/// Second-level cache of one core, in bytes; 1 MiB if the system does not tell.
int64_t l2_cache_bytes();

/// CPU model, for reports ("Intel(R) Xeon(R) Processor"); empty if unknown.
std::string cpu_model_name();

}  // namespace edgefusion
