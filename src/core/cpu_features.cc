#include "core/cpu_features.h"

#include <unistd.h>

#include <array>
#include <fstream>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace edgefusion {
namespace {

struct NamedIsa {
  Isa isa;
  std::string_view name;
};

#if defined(__aarch64__)
constexpr std::array kFeatures = {
    NamedIsa{Isa::neon, "neon"},
    NamedIsa{Isa::neon_dot, "neon_dot"},
    NamedIsa{Isa::neon_i8mm, "neon_i8mm"},
    NamedIsa{Isa::neon_bf16, "neon_bf16"},
};
#else
constexpr std::array kFeatures = {
    NamedIsa{Isa::sse4, "sse4"},
    NamedIsa{Isa::avx2, "avx2"},
    NamedIsa{Isa::avx512, "avx512"},
    NamedIsa{Isa::avx512_vnni, "avx512_vnni"},
    NamedIsa{Isa::avx512_bf16, "avx512_bf16"},
    NamedIsa{Isa::avx512_fp16, "avx512_fp16"},
    NamedIsa{Isa::amx_bf16, "amx_bf16"},
    NamedIsa{Isa::amx_int8, "amx_int8"},
};
#endif

#if defined(__x86_64__)
struct Cpuid {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  Cpuid(unsigned leaf, unsigned subleaf) {
    __get_cpuid_count(leaf, subleaf, &eax, &ebx, &ecx, &edx);
  }
};

constexpr bool bit(unsigned word, int index) { return ((word >> index) & 1u) != 0; }

uint64_t enabled_register_state() {
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

bool request_amx_tiles() {
  constexpr long kArchRequestPermission = 0x1023;  // arch_prctl(ARCH_REQ_XCOMP_PERM)
  constexpr long kTileData = 18;                   // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kArchRequestPermission, kTileData) == 0;
}

IsaSet detect_x86() {
  const Cpuid leaf1(1, 0), leaf7(7, 0), leaf7_1(7, 1);
  IsaSet found;
  if (!bit(leaf1.ecx, 20)) return found;
  found = found | Isa::sse4;
  if (!bit(leaf1.ecx, 27)) return found;  // OSXSAVE
  const uint64_t state = enabled_register_state();
  const bool ymm = (state & 0x6) == 0x6, zmm = (state & 0xe6) == 0xe6;
  const bool tiles = (state & 0x60000) == 0x60000;
  const bool avx2 = bit(leaf7.ebx, 5) && bit(leaf1.ecx, 12) && bit(leaf1.ecx, 29);
  if (!ymm || !avx2) return found;
  found = found | Isa::avx2;
  const bool avx512 = bit(leaf7.ebx, 16) && bit(leaf7.ebx, 17) && bit(leaf7.ebx, 28) &&
                      bit(leaf7.ebx, 30) && bit(leaf7.ebx, 31);
  if (!zmm || !avx512) return found;
  found = found | Isa::avx512;
  if (bit(leaf7.ecx, 11)) found = found | Isa::avx512_vnni;
  if (bit(leaf7_1.eax, 5)) found = found | Isa::avx512_bf16;
  if (bit(leaf7.edx, 23)) found = found | Isa::avx512_fp16;
  if (tiles && bit(leaf7.edx, 24) && request_amx_tiles()) {
    if (bit(leaf7.edx, 22)) found = found | Isa::amx_bf16;
    if (bit(leaf7.edx, 25)) found = found | Isa::amx_int8;
  }
  return found;
}
#endif

#if defined(__aarch64__)
IsaSet detect_arm() {
  IsaSet found = Isa::neon;  // part of the architecture
  const unsigned long caps = getauxval(AT_HWCAP), caps2 = getauxval(AT_HWCAP2);
  if ((caps >> 20) & 1) found = found | Isa::neon_dot;    // HWCAP_ASIMDDP
  if ((caps2 >> 13) & 1) found = found | Isa::neon_i8mm;  // HWCAP2_I8MM
  if ((caps2 >> 14) & 1) found = found | Isa::neon_bf16;  // HWCAP2_BF16
  return found;
}
#endif

}  // namespace

std::string IsaSet::to_string() const {
  std::string text;
  for (const auto& feature : kFeatures) {
    if (!has(feature.isa)) continue;
    if (!text.empty()) text += ' ';
    text += feature.name;
  }
  return text.empty() ? "scalar" : text;
}

IsaSet detect_isa() {
#if defined(__x86_64__)
  static const IsaSet found = detect_x86();
  return found;
#elif defined(__aarch64__)
  static const IsaSet found = detect_arm();
  return found;
#else
  return {};
#endif
}

Result<IsaSet> cap_isa(IsaSet present, std::string_view cap) {
  if (cap == "scalar") return IsaSet{};
  uint32_t allowed = 0;
  for (const auto& feature : kFeatures) {
    allowed |= static_cast<uint32_t>(feature.isa);
    if (feature.name == cap) return IsaSet(present.bits() & allowed);
  }
  std::string known;
  for (const auto& name : isa_names()) known += (known.empty() ? "" : ", ") + name;
  return fail(ErrorCode::invalid_argument,
              "unknown instruction set '" + std::string(cap) + "', expected one of " + known);
}

std::vector<std::string> isa_names() {
  std::vector<std::string> names = {"scalar"};
  for (const auto& feature : kFeatures) names.emplace_back(feature.name);
  return names;
}

int64_t l2_cache_bytes() {
#if defined(_SC_LEVEL2_CACHE_SIZE)
  const long bytes = ::sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (bytes > 0) return bytes;
#endif
  return int64_t{1} << 20;
}

std::string cpu_model_name() {
  std::ifstream info("/proc/cpuinfo");
  std::string line;
  while (std::getline(info, line)) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return {};
}

}  // namespace edgefusion
