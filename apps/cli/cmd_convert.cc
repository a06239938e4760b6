#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <utility>

#include "cli/command.h"
#include "formats/convert.h"
#include "pipeline/bundle_regions.h"

namespace edgefusion::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBundleExtension = ".safetensors";

struct Options {
  std::string in, out, type, pack, precision = "auto";
};

/// A folder beside the output that goes when its owner goes.
class WorkFolder {
 public:
  static Result<WorkFolder> make(const fs::path& beside) {
    const fs::path path = beside.string() + ".pack" + std::to_string(::getpid());
    std::error_code error;
    if (fs::create_directory(path, error)) return WorkFolder(path);
    return fail(ErrorCode::io, path.string() + ": cannot make this folder");
  }
  WorkFolder(WorkFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  WorkFolder& operator=(WorkFolder&&) = delete;
  ~WorkFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  explicit WorkFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

std::optional<DType> float_type(const std::string& name) {
  for (const DType type : {DType::f32, DType::f16, DType::bf16}) {
    if (name == to_string(type)) return type;
  }
  return std::nullopt;  // keep what the file has
}

/// A Runtime capped at that instruction set: what it packs, other machines are to read.
Result<Runtime> runtime_of(const std::string& isa, const CommonOptions& common) {
  EF_TRY(Runtime runtime, make_runtime(common));
  auto capped = cap_isa(runtime.isa, isa);
  if (!capped) return fail(std::move(capped).error().with_context("--pack"));
  // A cap this CPU lacks keeps what is weaker, and that is not what was asked for.
  if ((" " + capped->to_string() + " ").find(" " + isa + " ") == std::string::npos) {
    return fail(ErrorCode::unsupported,
                "--pack " + isa + ": this CPU has " + runtime.isa.to_string());
  }
  runtime.isa = *capped;
  return runtime;
}

/// The bundle, opened again from the model as written: packed weights are those of its own types.
Status write_packed_bundle(const Options& options, const CommonOptions& common) {
  EF_TRY(const Runtime runtime, runtime_of(options.pack, common));
  EF_TRY(const WorkFolder work, WorkFolder::make(options.out));
  const fs::path plain = work.path() / "plain.safetensors";
  engine::Precision precision = engine::Precision::f32;
  {
    EF_TRY(const formats::ModelFolder model, formats::open_model(options.in));
    EF_TRY(precision, pipeline::choose_precision(options.precision, model, runtime.isa));
    EF_TRY_STATUS(formats::write_bundle(model, float_type(options.type), {}, plain));
  }
  EF_TRY(const auto model, pipeline::Model::open(plain));
  EF_TRY(const auto regions, pipeline::pack_model(*model, runtime, precision, work.path()));
  std::vector<formats::NamedTensor> packed;
  for (const auto& [name, region] : regions) {
    const Shape shape{static_cast<int64_t>(region.bytes)};
    packed.push_back({name, {region.data(), shape, DType::u8}});
  }
  return formats::write_bundle(model->folder(), std::nullopt, packed, options.out);
}

Status convert(const Options& options, const CommonOptions& common) {
  const bool to_bundle = fs::path(options.out).extension() == kBundleExtension;
  if (!options.pack.empty()) {
    if (to_bundle) return write_packed_bundle(options, common);
    return fail(ErrorCode::invalid_argument,
                "--pack: only a bundle carries packed weights; expected an output named *" +
                    std::string(kBundleExtension) + ", found " + options.out);
  }
  EF_TRY(const formats::ModelFolder model, formats::open_model(options.in));
  const auto type = float_type(options.type);
  return to_bundle ? formats::write_bundle(model, type, {}, options.out)
                   : formats::write_diffusers_folder(model, type, options.out);
}

}  // namespace

Action declare_convert(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("model", options->in, "Model folder in the diffusers layout, or bundle")
      ->required();
  app.add_option("-o,--output", options->out,
                 "Bundle to write (*.safetensors), or a new folder's name")
      ->required();
  app.add_option("--type", options->type, "Type of all weights [as they are]")
      ->check(CLI::IsMember({"f32", "f16", "bf16"}));
  app.add_option("--pack", options->pack,
                 "Add weights packed for this instruction set, for a quick first start");
  app.add_option("--precision", options->precision,
                 "What they are packed for: auto, f32, bf16 or int8")
      ->capture_default_str();
  app.footer("Example: edgefusion convert path/to/model -o model.safetensors --type f16");
  return [options](const CommonOptions& common) { return convert(*options, common); };
}

}  // namespace edgefusion::cli
