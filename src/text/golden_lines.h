#pragma once

// For tests only: the files under tests/goldens/tokenizer.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace edgefusion::text {

inline std::filesystem::path golden_folder(const std::string& name) {
  return std::filesystem::path(EF_SOURCE_DIR) / "tests/goldens/tokenizer" / name;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// All files of some golden folders; those of later folders win.
inline TokenizerFiles read_files(const std::vector<std::string>& folders) {
  TokenizerFiles files;
  for (const std::string& folder : folders) {
    for (const auto& entry : std::filesystem::directory_iterator(golden_folder(folder))) {
      files[entry.path().filename().string()] = read_file(entry.path());
    }
  }
  return files;
}

struct GoldenLine {
  std::string text;
  std::vector<int32_t> ids;
  std::vector<int32_t> fitted;  ///< brought to model_max_length
};

inline std::vector<GoldenLine> read_goldens(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::vector<GoldenLine> lines;
  for (std::string line; std::getline(file, line);) {
    const auto row = nlohmann::json::parse(line);
    lines.push_back({row.at("text"), row.at("ids"), row.at("fitted")});
  }
  return lines;
}

inline void expect_goldens(const Tokenizer& tokenizer, const std::vector<GoldenLine>& lines) {
  for (const GoldenLine& line : lines) {
    const auto ids = tokenizer.encode(line.text);
    ASSERT_TRUE(ids) << ids.error().message();
    EXPECT_EQ(*ids, line.ids) << "text: " << nlohmann::json(line.text).dump(-1, ' ', true);
    const auto length = static_cast<int64_t>(line.fitted.size());
    EXPECT_EQ(tokenizer.pad_or_truncate(*ids, length).ids, line.fitted) << line.text;
  }
}

/// The tokenizer of some golden folders; fails the test if it does not open.
inline std::unique_ptr<Tokenizer> golden_tokenizer(const std::vector<std::string>& folders) {
  auto tokenizer = parse_tokenizer(read_files(folders));
  if (!tokenizer) throw std::runtime_error(tokenizer.error().message());
  return std::move(*tokenizer);
}

}  // namespace edgefusion::text
