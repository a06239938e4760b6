#include "pipeline/bundle_regions.h"

#include <optional>
#include <utility>

#include "formats/packed_file.h"
#include "pipeline/compile_options.h"
#include "pipeline/resolved_request.h"
#include "pipeline/unet_programs.h"

namespace edgefusion::pipeline {
namespace {

namespace fs = std::filesystem;
using engine::MappedRegion;
using engine::RegionKey;

/// The weights are in the bundle too: the layout is all that a name has to say.
std::string name_of(const RegionKey& key) { return key.network + "-" + key.layout.to_hex(); }

class BundleRegions : public engine::PackedRegions {
 public:
  BundleRegions(std::shared_ptr<const formats::Bundle> bundle,
                std::unique_ptr<engine::PackedRegions> next)
      : bundle_(std::move(bundle)), next_(std::move(next)) {}

  std::optional<MappedRegion> find(const RegionKey& key, bool keep_in_memory) override {
    auto part = bundle_->packed(name_of(key), key.bytes);
    from_bundle_ = part.has_value();
    if (part) {
      return MappedRegion{std::move(part->file), part->offset, part->bytes};
    }
    return next_ == nullptr ? std::nullopt : next_->find(key, keep_in_memory);
  }
  void reject(const RegionKey& key) override {
    if (!from_bundle_) next_->reject(key);  // a bundle of another version is as good as unpacked
  }
  std::unique_ptr<engine::RegionWriter> create(const RegionKey& key) override {
    return next_ == nullptr ? nullptr : next_->create(key);
  }

 private:
  std::shared_ptr<const formats::Bundle> bundle_;
  std::unique_ptr<engine::PackedRegions> next_;
  bool from_bundle_ = false;  ///< what was found last
};

/// Has everything packed and remembers it.
class CollectedRegions : public engine::PackedRegions {
 public:
  explicit CollectedRegions(fs::path folder) : folder_(std::move(folder)) {}

  std::optional<MappedRegion> find(const RegionKey&, bool) override { return std::nullopt; }
  void reject(const RegionKey&) override {}

  std::unique_ptr<engine::RegionWriter> create(const RegionKey& key) override {
    const fs::path path = folder_ / (std::to_string(made_.size()) + ".packed");
    auto file = formats::PackedFileWriter::create(path, key.layout, key.bytes);
    if (!file) {
      error_ = std::move(file).error();
      return nullptr;
    }
    return std::make_unique<Writer>(*this, std::move(*file), path, key);
  }

  /// All regions, or what kept one from being written.
  Result<std::vector<NamedRegion>> take() {
    if (error_) return fail(std::move(*error_));
    return std::move(made_);
  }

 private:
  class Writer : public engine::RegionWriter {
   public:
    Writer(CollectedRegions& all, formats::PackedFileWriter file, fs::path path, RegionKey key)
        : all_(all), file_(std::move(file)), path_(std::move(path)), key_(std::move(key)) {}

    Status append(std::span<const std::byte> bytes) override { return kept(file_.append(bytes)); }
    Result<MappedRegion> finish() override {
      EF_TRY_STATUS(kept(file_.finish()));
      EF_TRY(const auto file, formats::PackedFile::open(path_));
      MappedRegion region = {file.file(), formats::PackedFile::kHeaderBytes, key_.bytes};
      all_.made_.push_back({name_of(key_), region});
      return region;
    }

   private:
    Status kept(Status status) {
      if (!status) all_.error_ = status.error();
      return status;
    }

    CollectedRegions& all_;
    formats::PackedFileWriter file_;
    fs::path path_;
    RegionKey key_;
  };

  fs::path folder_;
  std::vector<NamedRegion> made_;
  std::optional<Error> error_;
};

}  // namespace

std::unique_ptr<engine::PackedRegions> regions_of_bundle(
    std::shared_ptr<const formats::Bundle> bundle, std::unique_ptr<engine::PackedRegions> next) {
  return std::make_unique<BundleRegions>(std::move(bundle), std::move(next));
}

Result<std::vector<NamedRegion>> pack_model(const Model& model, const Runtime& runtime,
                                            engine::Precision precision, const fs::path& folder) {
  GenerationRequest request;
  request.precision = precision;
  EF_TRY(const ResolvedRequest resolved, resolve_request(model, request));
  const Shape& latents = resolved.latents;
  CollectedRegions regions(folder);
  const auto options_of = [&](std::string_view role) {
    engine::CompileOptions options = compile_options(model, request, role);
    options.regions = &regions;
    return options;
  };
  EF_TRY(graph::Graph text, model.text_encoder_graph(resolved.prompts(), request.clip_skip));
  EF_TRY(graph::Graph decoder, model.decoder_graph(1, latents[2], latents[3]));
  EF_TRY_STATUS(
      engine::compile(std::move(text), *model.network("text_encoder").weights,
                      options_of("text_encoder"), runtime)
          .map([](const auto&) {}));
  EF_TRY_STATUS(compile_unet(model, resolved, runtime, {&regions}).map([](const auto&) {}));
  EF_TRY_STATUS(engine::compile(std::move(decoder), *model.network("vae").weights, options_of("vae"),
                                  runtime)
                    .map([](const auto&) {}));
  return regions.take();
}

}  // namespace edgefusion::pipeline
