#include "train/latent_cache.h"

#include <ATen/ATen.h>

#include <fstream>
#include <utility>

#include "core/atomic_file.h"
#include "core/content_hash.h"
#include "formats/json_file.h"
#include "formats/safetensors_writer.h"
#include "shards/picture.h"
#include "shards/shard_reader.h"
#include "train/picture_encoder.h"
#include "train/tensors.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char *kLatents = "latents.safetensors", *kCaptions = "captions.json";
constexpr int64_t kBatch = 16;
constexpr int64_t kMostPixels = int64_t{64} << 20;

/// Of all that decides what is in a cache.
Result<std::string> folder_name(const TrainConfig& config, const std::string& encoder) {
  ContentHasher hasher;
  hasher.add_text("latents 1");
  for (const fs::path& shard : config.shards) {
    std::error_code error;
    const auto size = fs::file_size(shard, error);
    if (error) return fail(ErrorCode::not_found, shard.string() + ": " + error.message());
    hasher.add_text(shard.string());
    hasher.add_number(size);
  }
  hasher.add_number(static_cast<uint64_t>(config.resolution));
  hasher.add_number(config.flip ? 1 : 0);
  hasher.add_text(encoder);
  return "latents-" + hasher.result().to_hex().substr(0, 16);
}

/// A sample that can be trained on, or why it cannot.
struct Sample {
  at::Tensor picture;
  std::vector<std::string> captions;
};

Result<Sample> usable(const shards::ShardSample& raw, int64_t resolution) {
  Sample sample;
  for (const char* extension : {"webp", "png", "jpg", "jpeg"}) {
    const auto member = raw.members.find(extension);
    if (member == raw.members.end()) continue;
    EF_TRY(const formats::Image image,
           shards::decode_picture(member->second, raw.key + "." + extension, kMostPixels));
    sample.picture = picture_tensor(image, resolution);
    break;
  }
  if (!sample.picture.defined()) return fail(ErrorCode::bad_file, raw.key + ": no picture");
  if (raw.members.contains("txt")) sample.captions.push_back(raw.text("txt"));
  const json notes = json::parse(raw.text("json"), nullptr, false);
  if (notes.is_object() && notes.contains("captions") && notes["captions"].is_array()) {
    for (const json& caption : notes["captions"]) {
      if (caption.is_string()) sample.captions.push_back(caption.get<std::string>());
    }
  }
  if (sample.captions.empty()) return fail(ErrorCode::bad_file, raw.key + ": no caption");
  return sample;
}

/// Collects samples, encodes them in batches.
class Builder {
 public:
  Builder(const TrainConfig& config, PictureEncoder& encoder)
      : config_(config), encoder_(encoder) {}

  void add(Sample sample) {
    pictures_.push_back(std::move(sample.picture));
    captions_.push_back(std::move(sample.captions));
    if (static_cast<int64_t>(pictures_.size()) == kBatch) encode();
  }
  int64_t count() const { return static_cast<int64_t>(captions_.size()); }

  Status write(const fs::path& folder) {
    encode();
    std::vector<Tensor> owned;
    std::vector<formats::NamedTensor> tensors;
    const at::Tensor all = at::cat(latents_);
    tensors.push_back({"latents", view_of(all)});
    at::Tensor mirrored;
    if (config_.flip) {
      mirrored = at::cat(mirrored_);
      tensors.push_back({"mirrored", view_of(mirrored)});
    }
    EF_TRY_STATUS(formats::write_safetensors(folder / kLatents, tensors));
    const std::string text = json(captions_).dump(-1, ' ', false, json::error_handler_t::replace);
    return write_file_atomically(folder / kCaptions,
                                 std::as_bytes(std::span(text.data(), text.size())));
  }

 private:
  static ConstTensorView view_of(const at::Tensor& x) {
    return {static_cast<const std::byte*>(x.data_ptr()), shape_of(x), DType::f16};
  }

  void encode() {
    if (pictures_.empty()) return;
    const at::Tensor batch = at::stack(pictures_);
    pictures_.clear();
    latents_.push_back(encoder_.encode(batch).to(at::kHalf).contiguous());
    if (!config_.flip) return;
    mirrored_.push_back(encoder_.encode(batch.flip({2})).to(at::kHalf).contiguous());
  }

  const TrainConfig& config_;
  PictureEncoder& encoder_;
  std::vector<at::Tensor> pictures_, latents_, mirrored_;
  std::vector<std::vector<std::string>> captions_;
};

Status read_shard(const fs::path& path, const TrainConfig& config, Builder& builder,
                  const LogSink& log, const LatentCache::Progress& progress) {
  EF_TRY(auto reader, shards::ShardReader::open(path));
  int64_t unusable = 0;
  while (true) {
    auto next = reader.next();
    if (!next) {  // the rest of this shard is lost, the run goes on
      log(LogLevel::warn, next.error().message());
      break;
    }
    if (!*next) break;
    auto sample = usable(**next, config.resolution);
    if (!sample) {
      ++unusable;
      log(LogLevel::warn, path.string() + ": " + sample.error().message());
      continue;
    }
    builder.add(std::move(*sample));
    if (progress) progress(builder.count());
  }
  if (unusable > 0) {
    log(LogLevel::warn,
        path.string() + ": " + std::to_string(unusable) + " samples could not be used");
  }
  return {};
}

Status build(const TrainConfig& config, PictureEncoder& encoder, const fs::path& folder,
             const LogSink& log, const LatentCache::Progress& progress) {
  Builder builder(config, encoder);
  for (const fs::path& shard : config.shards) {
    EF_TRY_STATUS(read_shard(shard, config, builder, log, progress));
  }
  if (builder.count() == 0) {
    return fail(ErrorCode::not_found,
                config.shards.front().string() + " and the others: no sample that can be used");
  }
  const fs::path partial = folder.string() + ".partial";
  std::error_code error;
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  EF_TRY_STATUS(builder.write(partial));
  fs::rename(partial, folder, error);
  if (error) return fail(ErrorCode::io, folder.string() + ": " + error.message());
  return {};
}

at::Tensor mapped(const formats::SafetensorsFile& file, const char* name) {
  const ConstTensorView* view = file.find(name);
  if (view == nullptr) return {};
  return at::from_blob(const_cast<std::byte*>(view->data), extents_of(view->shape), at::kHalf);
}

}  // namespace

Result<LatentCache> LatentCache::open(const TrainConfig& config, const pipeline::Model& model,
                                      const fs::path& folder, const LogSink& log,
                                      const Progress& progress) {
  EF_TRY(PictureEncoder encoder, PictureEncoder::open(config.encoder, model, config.resolution));
  EF_TRY(const std::string name, folder_name(config, encoder.origin()));
  std::error_code ignored;
  if (!fs::is_directory(folder / name, ignored)) {
    EF_TRY_STATUS(build(config, encoder, folder / name, log, progress));
  }
  return read(folder / name);
}

Result<LatentCache> LatentCache::read(const fs::path& folder) {
  LatentCache cache;
  EF_TRY(auto file, formats::SafetensorsFile::open(folder / kLatents));
  cache.file_ = std::make_shared<formats::SafetensorsFile>(std::move(file));
  cache.latents_ = mapped(*cache.file_, "latents");
  cache.mirrored_ = mapped(*cache.file_, "mirrored");
  std::ifstream stream(folder / kCaptions);
  const json captions = json::parse(stream, nullptr, false);
  const bool fits = cache.latents_.defined() && captions.is_array() &&
                    static_cast<int64_t>(captions.size()) == cache.latents_.size(0);
  if (!fits) {
    return fail(ErrorCode::bad_file,
                folder.string() + ": latents and captions do not fit together; delete the folder");
  }
  for (const json& list : captions) cache.captions_.push_back(list.get<std::vector<std::string>>());
  return cache;
}

at::Tensor LatentCache::latents(std::span<const int64_t> samples,
                                std::span<const uint8_t> mirrored) const {
  std::vector<at::Tensor> rows;
  for (size_t i = 0; i < samples.size(); ++i) {
    rows.push_back((mirrored[i] != 0 ? mirrored_ : latents_)[samples[i]]);
  }
  return at::stack(rows).to(at::kFloat);
}

}  // namespace edgefusion::train
