#include "data/object_pool.h"

#include <algorithm>
#include <utility>

#include "core/json.h"
#include "data/english.h"
#include "shards/captioned_sample.h"
#include "shards/picture.h"
#include "shards/sample_filter.h"
#include "shards/shard_reader.h"

namespace edgefusion::data {
namespace {

using nlohmann::json;

constexpr int64_t kMostPixels = int64_t{16} << 20;
constexpr int kLeastSide = 8;

/// A sample whose picture has not been looked at yet.
struct Candidate {
  SceneObject object;
  NamedCaptions captions;
  std::string unusable;  ///< why it is passed over; empty: it is used
};

std::string text_in(const json& notes, const char* key) {
  const auto found = notes.find(key);
  return found != notes.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::vector<std::byte> picture_in(shards::ShardSample& sample) {
  for (const char* extension : {"webp", "png", "jpg", "jpeg"}) {
    const auto member = sample.members.find(extension);
    if (member != sample.members.end()) return std::move(member->second);
  }
  return {};
}

/// Collects candidates and styles from shards.
class Collector {
 public:
  explicit Collector(const shards::SampleFilter& where) : choice_(where) {}

  Status read(const std::filesystem::path& path) {
    EF_TRY(auto reader, shards::ShardReader::open(path));
    while (true) {
      EF_TRY(auto sample, reader.next());
      if (!sample) return {};
      take(std::move(*sample), path.filename().string());
    }
  }

  /// What was asked for is there.
  Status check() const { return choice_.check(); }

  std::vector<Candidate> candidates;
  std::vector<Style> styles;

 private:
  void take(shards::ShardSample sample, const std::string& shard) {
    auto parsed = parse_json(sample.text("json"), sample.key);
    const json notes = parsed && parsed->is_object() ? *std::move(parsed) : json::object();
    if (!choice_.wants(notes)) return;
    const std::string style = text_in(notes, "style"), group = text_in(notes, "group");
    Candidate candidate;
    candidate.captions = {text_in(notes, "name"), shards::captions_of(sample)};
    candidate.object.style = style_number(style, group);
    candidate.object.picture = picture_in(sample);
    candidate.object.concept_name = text_in(notes, "concept");
    candidate.object.provenance = {shard,
                                   sample.key,
                                   candidate.captions.name,
                                   text_in(notes, "source"),
                                   text_in(notes, "licence"),
                                   text_in(notes, "author")};
    candidates.push_back(std::move(candidate));
  }

  size_t style_number(const std::string& style, const std::string& group) {
    const auto same = [&](const Style& s) { return s.style == style && s.group == group; };
    const auto found = std::ranges::find_if(styles, same);
    if (found != styles.end()) return static_cast<size_t>(found - styles.begin());
    styles.push_back({.style = style, .group = group, .templates = {}, .objects = {}});
    return styles.size() - 1;
  }

  shards::SampleChoice choice_;
};

void learn(std::vector<Style>& styles, const std::vector<Candidate>& candidates) {
  std::vector<std::vector<NamedCaptions>> of_styles(styles.size());
  for (const Candidate& c : candidates) of_styles[c.object.style].push_back(c.captions);
  for (size_t i = 0; i < styles.size(); ++i) styles[i].templates = learn_templates(of_styles[i]);
}

/// Names the object, and looks at its picture.
void examine(Candidate& candidate, const Style& style, double min_coverage) {
  SceneObject& object = candidate.object;
  if (candidate.captions.captions.empty()) return void(candidate.unusable = "no caption");
  const auto name = name_in(candidate.captions, style.templates);
  if (!name) return void(candidate.unusable = "no short name in its captions");
  object.name = *name;
  object.name.counted = name->counted && !is_mass(name->noun);
  if (object.provenance.name.empty()) object.provenance.name = name->noun;
  if (object.concept_name.empty()) object.concept_name = name->noun;
  if (object.name.counted) object.plural = plural_of(name->noun);
  auto picture = shards::decode_picture(object.picture, object.provenance.key, kMostPixels);
  if (!picture) return void(candidate.unusable = "broken: " + picture.error().message());
  if (std::min(picture->width, picture->height) < kLeastSide) {
    return void(candidate.unusable = "picture is too small");
  }
  const auto cut = cut_out(shards::without_alpha(*picture));
  if (!cut) return void(candidate.unusable = to_string(cut.error()));
  if (cut->coverage < min_coverage) return void(candidate.unusable = "object is too small");
  object.width = cut->image.width;
  object.height = cut->image.height;
  object.traits = traits_of(cut->image);
}

}  // namespace

std::string SceneObject::phrase() const {
  return name.counted ? with_article(name.noun) : name.noun;
}

Result<ObjectPool> ObjectPool::read(const SynthesizeConfig& config, ThreadPool& threads,
                                    const LogSink& log) {
  Collector collector(config.where);
  for (const auto& shard : config.shards) EF_TRY_STATUS(collector.read(shard));
  EF_TRY_STATUS(collector.check());
  std::vector<Candidate>& candidates = collector.candidates;
  learn(collector.styles, candidates);
  threads.parallel_for(
      static_cast<int64_t>(candidates.size()), [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) {
          Candidate& candidate = candidates[static_cast<size_t>(i)];
          examine(candidate, collector.styles[candidate.object.style], config.min_coverage);
        }
      });
  ObjectPool pool;
  pool.styles = std::move(collector.styles);
  for (Candidate& candidate : candidates) {
    std::string why = candidate.unusable;
    if (why.empty()) {
      pool.styles[candidate.object.style].objects.push_back(pool.objects.size());
      pool.objects.push_back(std::move(candidate.object));
      continue;
    }
    if (why.starts_with("broken: ")) {
      log(LogLevel::warn, candidate.object.provenance.shard + ": " + why.substr(8));
      why = "picture cannot be read";
    }
    ++pool.passed_over[why];
  }
  if (!pool.objects.empty()) return pool;
  std::string reasons;
  for (const auto& [why, count] : pool.passed_over) {
    reasons += (reasons.empty() ? ": " : ", ") + std::to_string(count) + " " + why;
  }
  return fail(ErrorCode::not_found, config.shards.front().string() +
                                        " and the others: no object that can be cut out" + reasons);
}

CutOut cut_out_of(const SceneObject& object) {
  const auto picture = shards::decode_picture(object.picture, object.provenance.key, kMostPixels);
  EF_CHECK(picture.has_value(), "a picture that was decoded before");
  auto cut = cut_out(shards::without_alpha(*picture));
  EF_CHECK(cut.has_value(), "an object that was cut out before");
  return *std::move(cut);
}

}  // namespace edgefusion::data
