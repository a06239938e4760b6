#include "golden_case.h"

#include <algorithm>
#include <cstring>

#include "core/json.h"
#include "core/mapped_file.h"

namespace edgefusion::parity {
namespace {

using models::NetworkRole;

/// The tensors whose name starts with `prefix`, by the rest of the name.
std::map<std::string, const ConstTensorView*> with_prefix(const formats::SafetensorsFile& file,
                                                          const std::string& prefix) {
  std::map<std::string, const ConstTensorView*> found;
  for (const std::string& name : file.names()) {
    if (name.starts_with(prefix)) found[name.substr(prefix.size())] = file.find(name);
  }
  return found;
}

Tensor ids_of(const ConstTensorView& ids) {
  EF_CHECK(ids.dtype == DType::i64, "ids are stored as i64");
  Tensor result(ids.shape, DType::i32);
  const auto dst = result.values<int32_t>();
  for (size_t i = 0; i < dst.size(); ++i) {
    int64_t id = 0;
    std::memcpy(&id, ids.data + i * sizeof id, sizeof id);
    dst[i] = static_cast<int32_t>(id);
  }
  return result;
}

/// One timestep for all pictures stands for as many.
Tensor timesteps_of(const ConstTensorView& steps, int64_t batch) {
  Tensor result({batch}, DType::f32);
  const auto dst = result.values<float>();
  for (int64_t i = 0; i < batch; ++i) {
    dst[static_cast<size_t>(i)] = load_as_f32(steps, std::min(i, steps.shape[0] - 1));
  }
  return result;
}

Tensor channels_last(const ConstTensorView& x) {
  return x.shape.rank() == 4 ? nchw_to_nhwc(to_f32(x).view()) : to_f32(x);
}

using Views = std::map<std::string, const ConstTensorView*>;

Job unet_job(const Views& in, const Views& out) {
  Job job;
  job.request.role = NetworkRole::unet;
  const Shape& sample = in.at("sample")->shape;
  job.request.sizes = {sample[0], sample[2], sample[3], in.at("encoder_hidden_states")->shape[1]};
  for (const auto& [name, view] : in) {
    job.inputs[name] = name == "timestep" ? timesteps_of(*view, sample[0]) : channels_last(*view);
  }
  // A network without attention does not read the text.
  job.expected = {{"out_sample", out.at("out_sample")}};
  return job;
}

Job vae_job(const Views& in, const Views& out, NetworkRole role) {
  const bool decodes = role == NetworkRole::vae_decoder;
  const std::string from = decodes ? "latent" : "image", to = decodes ? "image" : "latent";
  Job job;
  job.request.role = role;
  const Shape& shape = in.at(from)->shape;
  job.request.sizes = {.batch = shape[0], .height = shape[2], .width = shape[3]};
  job.inputs[from] = channels_last(*in.at(from));
  job.expected = {{to, out.at(to)}};
  return job;
}

Job tower_job(const Views& in, const Views& out) {
  Job job;
  job.request.role = NetworkRole::image_encoder;
  job.request.sizes.batch = in.at("image")->shape[0];
  job.inputs["image"] = channels_last(*in.at("image"));
  job.expected = out;
  return job;
}

Job text_job(const Views& in, const Views& out) {
  Job job;
  job.request.role = NetworkRole::text_encoder;
  const Shape& ids = in.at("input_ids")->shape;
  job.request.sizes = {.batch = ids[0], .tokens = ids[1]};
  job.request.options.pooled_output = out.contains("pooler_output");
  job.inputs["input_ids"] = ids_of(*in.at("input_ids"));
  job.expected = out;
  job.expected.erase("clip_skip_1");
  return job;
}

Job clip_skip_job(const Views& in, const Views& out) {
  Job job = text_job(in, out);
  job.request.options.clip_skip = 1;
  job.expected["last_hidden_state"] = out.at("clip_skip_1");
  return job;
}

std::vector<Job> jobs_of_run(const Views& in, const Views& out) {
  std::vector<Job> jobs;
  if (in.contains("sample")) jobs.push_back(unet_job(in, out));
  if (in.contains("latent")) jobs.push_back(vae_job(in, out, NetworkRole::vae_decoder));
  if (out.contains("image_embeds")) {
    jobs.push_back(tower_job(in, out));
  } else if (in.contains("image")) {
    jobs.push_back(vae_job(in, out, NetworkRole::vae_encoder));
  }
  if (in.contains("input_ids")) jobs.push_back(text_job(in, out));
  if (out.contains("clip_skip_1")) jobs.push_back(clip_skip_job(in, out));
  return jobs;
}

/// Of an autoencoder's taps, those of this half.
Views taps_for(const Job& job, const Views& taps) {
  Views mine;
  for (const auto& [name, view] : taps) {
    const bool encoder = name.starts_with("encoder.layers") || name.starts_with("encoder.conv") ||
                         name.starts_with("encoder.down") || name.starts_with("encoder.mid") ||
                         name == "quant_conv";
    const bool decoder = name.starts_with("decoder.") || name == "post_quant_conv";
    if (encoder && job.request.role == NetworkRole::vae_decoder) continue;
    if (decoder && job.request.role == NetworkRole::vae_encoder) continue;
    mine.emplace(name, view);
  }
  return mine;
}

}  // namespace

Result<GoldenCase> GoldenCase::load(const std::filesystem::path& folder) {
  const std::string path = (folder / "config.json").string();
  EF_TRY(const std::string text, read_text_file(path, size_t{1} << 20));
  EF_TRY(nlohmann::json config, parse_json(text, path));
  std::filesystem::path weights_path = folder / "model.safetensors";
  if (!std::filesystem::exists(weights_path)) {
    weights_path = folder / "diffusion_pytorch_model.safetensors";
  }
  EF_TRY(formats::SafetensorsFile weights, formats::SafetensorsFile::open(weights_path));
  EF_TRY(formats::SafetensorsFile golden,
         formats::SafetensorsFile::open(folder / "golden.safetensors"));
  return GoldenCase{std::move(config), path, std::move(weights), std::move(golden)};
}

std::vector<Job> jobs_of(const GoldenCase& golden) {
  std::vector<Job> all;
  const Views taps = with_prefix(golden.golden, "tap.");
  for (int run = 0;; ++run) {
    const std::string index = std::to_string(run);
    const Views in = with_prefix(golden.golden, "in." + index + ".");
    if (in.empty()) return all;
    for (Job& job : jobs_of_run(in, with_prefix(golden.golden, "out." + index + "."))) {
      job.name = "run " + index + ", " + std::string(models::to_string(job.request.role));
      if (run == 0 && job.request.options.clip_skip == 0) job.taps = taps_for(job, taps);
      all.push_back(std::move(job));
    }
  }
}

}  // namespace edgefusion::parity
