#include "train/latent_cache.h"

#include <ATen/ATen.h>

#include <utility>

#include "formats/safetensors_writer.h"
#include "train/autoencoder_files.h"
#include "train/device.h"
#include "train/picture_encoder.h"
#include "train/tensors.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLatents = "latents.safetensors";
constexpr int64_t kBatch = 16;

PictureSource picture_source(const TrainConfig& config) {
  return {.shards = config.shards,
          .resolution = config.resolution,
          .random_crop = config.crop == "random",
          .seed = config.seed,
          .where = config.where};
}

/// The config's own, or the model's. Errors: also one whose latents the model does not have.
Result<PictureEncoder> open_encoder(const TrainConfig& config, const pipeline::Model& model) {
  formats::NetworkFiles files = model.network("vae");
  if (!config.encoder.empty()) {
    EF_TRY(files, open_autoencoder(config.encoder));
  }
  const pipeline::LatentSpace& space = model.latent_space();
  EF_TRY(PictureEncoder encoder,
         PictureEncoder::open(std::move(files), static_cast<double>(space.scaling_factor),
                              config.resolution, device_of(config)));
  const int64_t side = config.resolution / space.pixels_per_latent;
  const Shape expected = {1, side, side, space.channels}, found = encoder.latent_shape();
  if (found == expected) return encoder;
  return fail(ErrorCode::unsupported, encoder.origin() + ": latents of shape " + found.to_string() +
                                          ", expected " + expected.to_string() +
                                          " as the model has them");
}

/// Of all that decides what is in a cache.
Result<std::string> folder_name(const TrainConfig& config, const PictureEncoder& encoder) {
  ContentHasher hasher;
  hasher.add_text("latents 2");
  EF_TRY_STATUS(hash_source(picture_source(config), hasher));
  hasher.add_number(config.flip ? 1 : 0);
  encoder.hash_into(hasher);
  if (config.latents != "f16") hasher.add_text(config.latents);
  return "latents-" + hasher.result().to_hex().substr(0, 16);
}

/// Collects samples, encodes them in batches.
class Builder {
 public:
  Builder(const TrainConfig& config, const PictureEncoder& encoder)
      : config_(config), encoder_(encoder) {}

  Status add(CaptionedPicture sample) {
    pictures_.push_back(std::move(sample.picture));
    captions_.push_back(std::move(sample.captions));
    return static_cast<int64_t>(pictures_.size()) == kBatch ? encode() : Status();
  }

  Status write(const fs::path& folder) {
    EF_TRY_STATUS(encode());
    std::vector<at::Tensor> kept = {at::cat(latents_)};
    if (config_.flip) kept.push_back(at::cat(mirrored_));
    std::vector<formats::NamedTensor> tensors;
    LatentRange range;
    const bool bytes = config_.latents == "u8";
    if (bytes) {
      range = LatentRange::of(kept);
      tensors.push_back({"low", view_of(range.low, DType::f32)});
      tensors.push_back({"step", view_of(range.step, DType::f32)});
      for (at::Tensor& x : kept) x = range.to_bytes(x).contiguous();
    }
    for (size_t i = 0; i < kept.size(); ++i) {
      tensors.push_back(
          {i == 0 ? "latents" : "mirrored", view_of(kept[i], bytes ? DType::u8 : DType::f16)});
    }
    EF_TRY_STATUS(formats::write_safetensors(folder / kLatents, tensors));
    return write_captions(folder, captions_);
  }

 private:
  static ConstTensorView view_of(const at::Tensor& x, DType dtype) {
    return {static_cast<const std::byte*>(x.data_ptr()), shape_of(x), dtype};
  }

  Status encode() {
    if (pictures_.empty()) return {};
    const at::Tensor batch = at::stack(pictures_);
    pictures_.clear();
    EF_TRY_STATUS(keep(batch, latents_));
    return config_.flip ? keep(batch.flip({2}), mirrored_) : Status();
  }

  Status keep(const at::Tensor& pictures, std::vector<at::Tensor>& latents) {
    latents.push_back(encoder_.encode(pictures).to(at::kCPU, at::kHalf).contiguous());
    if (latents.back().isfinite().all().item<bool>()) return {};
    return fail(
        ErrorCode::bad_file,
        encoder_.origin() + ": encodes pictures to what is no number, or to no half-precision one");
  }

  const TrainConfig& config_;
  const PictureEncoder& encoder_;
  std::vector<at::Tensor> pictures_, latents_, mirrored_;
  std::vector<std::vector<std::string>> captions_;
};

Status build(const TrainConfig& config, const PictureEncoder& encoder, const ReadingSinks& sinks,
             const fs::path& folder) {
  Builder builder(config, encoder);
  const auto take = [&](CaptionedPicture sample) -> Status {
    return builder.add(std::move(sample));
  };
  EF_TRY_STATUS(read_captioned_pictures(picture_source(config), sinks, take));
  return builder.write(folder);
}

at::Tensor mapped(const formats::SafetensorsFile& file, const char* name) {
  const ConstTensorView* view = file.find(name);
  if (view == nullptr) return {};
  const at::ScalarType type = view->dtype == DType::u8    ? at::kByte
                              : view->dtype == DType::f32 ? at::kFloat
                                                          : at::kHalf;
  return at::from_blob(const_cast<std::byte*>(view->data), extents_of(view->shape), type);
}

}  // namespace

Result<LatentCache> LatentCache::open(const TrainConfig& config, const pipeline::Model& model,
                                      const fs::path& folder, const ReadingSinks& sinks) {
  EF_TRY(const PictureEncoder encoder, open_encoder(config, model));
  EF_TRY(const std::string name, folder_name(config, encoder));
  EF_TRY_STATUS(make_cache_folder(folder / name, [&](const fs::path& partial) {
    return build(config, encoder, sinks, partial);
  }));
  return read(folder / name, config.flip);
}

Result<LatentCache> LatentCache::read(const fs::path& folder, bool with_mirrored) {
  LatentCache cache;
  EF_TRY(auto file, formats::SafetensorsFile::open(folder / kLatents));
  cache.file_ = std::make_shared<formats::SafetensorsFile>(std::move(file));
  cache.latents_ = mapped(*cache.file_, "latents");
  cache.mirrored_ = mapped(*cache.file_, "mirrored");
  if (cache.latents_.defined() && cache.latents_.scalar_type() == at::kByte) {
    cache.range_ = {mapped(*cache.file_, "low"), mapped(*cache.file_, "step")};
  }
  const at::Tensor &plain = cache.latents_, &mirrored = cache.mirrored_;
  const bool whole = plain.defined() && plain.dim() == 4 && mirrored.defined() == with_mirrored &&
                     (!with_mirrored || mirrored.sizes() == plain.sizes());
  const int64_t count = whole ? plain.size(0) : -1;
  EF_TRY(cache.captions_, read_captions(folder, count));
  return cache;
}

at::Tensor LatentCache::latents(std::span<const int64_t> samples,
                                std::span<const uint8_t> mirrored) const {
  std::vector<at::Tensor> rows;
  for (size_t i = 0; i < samples.size(); ++i) {
    rows.push_back((mirrored[i] != 0 ? mirrored_ : latents_)[samples[i]]);
  }
  const at::Tensor kept = at::stack(rows);
  return range_.low.defined() ? range_.from_bytes(kept) : kept.to(at::kFloat);
}

}  // namespace edgefusion::train
