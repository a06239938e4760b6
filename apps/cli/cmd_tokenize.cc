#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "pipeline/model.h"
#include "text/tokenizer.h"

namespace edgefusion::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFileBytes = size_t{256} << 20;

struct Options {
  std::string model, file;
  std::vector<std::string> texts;
};

/// The model's tokenizer folder, or the folder itself if it is one; or that of a bundle.
Result<std::unique_ptr<text::Tokenizer>> open_tokenizer_of(const fs::path& model) {
  std::error_code error;
  if (fs::is_regular_file(model, error)) {
    EF_TRY(const formats::ModelFolder bundle, formats::open_model(model));
    return pipeline::open_tokenizer(bundle);
  }
  const fs::path inner = model / "tokenizer";
  return text::open_tokenizer(fs::is_directory(inner, error) ? inner : model);
}

Status print_ids(const text::Tokenizer& tokenizer, const std::string& text) {
  EF_TRY(const std::vector<int32_t> ids, tokenizer.encode(text));
  fmt::print("{}\n", nlohmann::json({{"text", text}, {"ids", ids}}).dump());
  return {};
}

/// One JSON object a line, each with a "text".
Status print_file(const text::Tokenizer& tokenizer, const std::string& path) {
  EF_TRY(const std::string lines, read_text_file(path, kMostFileBytes));
  size_t number = 0;
  for (size_t begin = 0; begin < lines.size();) {
    const size_t end = std::min(lines.find('\n', begin), lines.size());
    const std::string_view line = std::string_view(lines).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string place = path + ": line " + std::to_string(number);
    EF_TRY(nlohmann::json json, parse_json(line, place));
    ConfigReader reader(std::move(json), place);
    const std::string text = reader.string("text");
    EF_TRY_STATUS(reader.status());
    EF_TRY_STATUS(print_ids(tokenizer, text));
  }
  return {};
}

Status tokenize(const Options& options, const CommonOptions&) {
  EF_TRY(const auto tokenizer, open_tokenizer_of(options.model));
  for (const std::string& text : options.texts) EF_TRY_STATUS(print_ids(*tokenizer, text));
  if (!options.file.empty()) return print_file(*tokenizer, options.file);
  return {};
}

}  // namespace

Action declare_tokenize(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("model", options->model, "Model, bundle or tokenizer folder")->required();
  app.add_option("text", options->texts, "Texts");
  app.add_option("--file", options->file, "JSON lines with a \"text\" field");
  app.callback([options] {
    if (options->texts.empty() && options->file.empty()) throw CLI::RequiredError("text or --file");
  });
  app.footer("Example: edgefusion tokenize models/emoji-v0 \"a red apple\"");
  return [options](const CommonOptions& common) { return tokenize(*options, common); };
}

}  // namespace edgefusion::cli
