#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace edgefusion::train {

/// The captions of many pictures, each text once. Pictures that have a text in common are kin: a
/// caption of the one is no wrong caption for the other.
class CaptionTable {
 public:
  /// captions_of(i): of picture i, the main one first, never empty.
  CaptionTable(int64_t pictures,
               const std::function<const std::vector<std::string>&(int64_t)>& captions_of);

  int64_t pictures() const { return static_cast<int64_t>(of_picture_.size()); }
  const std::vector<std::string>& texts() const { return texts_; }
  /// Indices into texts(), each once, the main one first.
  std::span<const int64_t> of(int64_t picture) const {
    return of_picture_[static_cast<size_t>(picture)];
  }

  /// Row by row of `rows`: whether that picture and each of `columns` are kin.
  std::vector<uint8_t> kinship(std::span<const int64_t> rows,
                               std::span<const int64_t> columns) const;
  /// The first `most` of `pictures`, in their order, no two of which are kin.
  std::vector<int64_t> unrelated(std::span<const int64_t> pictures, int64_t most) const;

 private:
  std::vector<std::string> texts_;
  std::vector<std::vector<int64_t>> of_picture_;
};

}  // namespace edgefusion::train
