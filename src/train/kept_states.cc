#include "train/kept_states.h"

#include <ATen/ATen.h>

#include <span>
#include <utility>

#include "core/atomic_file.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

constexpr const char *kStates = "states.f16", *kLengths = "lengths.i32";

std::span<const std::byte> bytes_of(const at::Tensor& contiguous) {
  return {static_cast<const std::byte*>(contiguous.data_ptr()), contiguous.nbytes()};
}

/// Rows of [T,D] up to the last one that is not zero.
int64_t length_of(const at::Tensor& states) {
  const at::Tensor nonzero = states.ne(0).any(1).nonzero();
  return nonzero.numel() == 0 ? 0 : nonzero.max().item<int64_t>() + 1;
}

}  // namespace

Status KeptStates::write(const fs::path& folder, const Next& next) {
  EF_TRY(AtomicFile file, AtomicFile::create(folder / kStates));
  std::vector<int32_t> lengths;
  while (true) {
    EF_TRY(const at::Tensor batch, next());
    if (batch.size(0) == 0) break;
    const at::Tensor halves = batch.to(at::kHalf).contiguous();
    if (!halves.isfinite().all().item<bool>()) {
      return fail(ErrorCode::bad_file,
                  "states of texts beyond half precision; \"text_states\": \"none\" keeps none");
    }
    for (const at::Tensor& one : halves.unbind()) {
      lengths.push_back(static_cast<int32_t>(length_of(one)));
      EF_TRY_STATUS(file.write(bytes_of(one.narrow(0, 0, lengths.back()))));
    }
  }
  EF_TRY_STATUS(file.commit());
  return write_file_atomically(folder / kLengths, std::as_bytes(std::span(lengths)));
}

Result<KeptStates> KeptStates::open(const fs::path& folder, int64_t texts, int64_t tokens,
                                    int64_t width) {
  EF_TRY(const MappedFile lengths, MappedFile::open(folder / kLengths));
  EF_TRY(MappedFile states, MappedFile::open(folder / kStates));
  KeptStates kept;
  kept.tokens_ = tokens;
  kept.width_ = width;
  const std::span numbers(reinterpret_cast<const int32_t*>(lengths.bytes().data()),
                          lengths.bytes().size() / sizeof(int32_t));
  bool fits = static_cast<int64_t>(numbers.size()) == texts;
  kept.begins_.push_back(0);
  for (const int32_t length : numbers) {
    fits = fits && length >= 0 && length <= tokens;
    kept.begins_.push_back(kept.begins_.back() + length);
  }
  const auto expected = static_cast<size_t>(kept.begins_.back() * width) * sizeof(at::Half);
  if (!fits || states.bytes().size() != expected) {
    return fail(ErrorCode::bad_file, (folder / kStates).string() + ": expected the states of " +
                                         std::to_string(texts) + " texts; delete the folder");
  }
  kept.file_ = std::make_shared<const MappedFile>(std::move(states));
  return kept;
}

at::Tensor KeptStates::of(int64_t text) const {
  const int64_t begin = begins_[static_cast<size_t>(text)];
  const int64_t length = begins_[static_cast<size_t>(text) + 1] - begin;
  at::Tensor all = at::zeros({tokens_, width_}, at::kFloat);
  if (length == 0) return all;
  const std::byte* first = file_->bytes().data() + begin * width_ * int64_t{sizeof(at::Half)};
  all.narrow(0, 0, length)
      .copy_(at::from_blob(const_cast<std::byte*>(first), {length, width_}, at::kHalf));
  return all;
}

}  // namespace edgefusion::train
