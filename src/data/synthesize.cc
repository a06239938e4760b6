#include "data/synthesize.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/atomic_file.h"
#include "data/layer.h"
#include "data/recolour.h"
#include "data/scene_planner.h"
#include "drawing/contact_sheet.h"
#include "formats/png.h"
#include "shards/picture.h"
#include "shards/shard_writer.h"

namespace edgefusion::data {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kBatch = 256;  // scenes in memory at a time
constexpr int64_t kSheetScenes = 40;
constexpr int kEffort = 2;  // more makes files a few percent smaller in twice the time

std::string text_of(const json& value, int indent = -1) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

std::string numbered(const char* format, int64_t number) {
  char text[64];
  std::snprintf(text, sizeof text, format, static_cast<long long>(number));
  return text;
}

/// What a sample says of one of its objects; nothing that its own sample did not say.
json notes_of(const Provenance& p) {
  json notes = {{"shard", p.shard}, {"key", p.key}, {"name", p.name}};
  if (!p.source.empty()) notes["source"] = p.source;
  if (!p.licence.empty()) notes["licence"] = p.licence;
  if (!p.author.empty()) notes["author"] = p.author;
  return notes;
}

json notes_of(const Scene& scene, const ObjectPool& pool) {
  const Style& style = pool.styles[pool.objects[scene.placements.front().object].style];
  std::set<size_t> objects;
  for (const Placement& place : scene.placements) objects.insert(place.object);
  std::set<std::string> licences;
  json notes = {{"captions", scene.captions},
                {"kind", scene.kind},
                {"source", "synthetic"},
                {"objects", json::array()}};
  for (const size_t i : objects) {
    notes["objects"].push_back(notes_of(pool.objects[i].provenance));
    licences.insert(pool.objects[i].provenance.licence);
  }
  licences.erase("");
  std::string licence;
  for (const std::string& one : licences) licence += (licence.empty() ? "" : " AND ") + one;
  if (!licence.empty()) notes["licence"] = licence;
  if (!style.style.empty()) notes["style"] = style.style;
  if (!style.group.empty()) notes["group"] = style.group;
  return notes;
}

/// A scene that has been made.
struct Made {
  Scene scene;
  std::vector<std::byte> picture;
  formats::Image pixels;  // of the sheet's scenes only
  std::optional<Error> error;
};

/// Makes the scenes and writes them into a folder that is there.
class Run {
 public:
  Run(const SynthesizeConfig& config, const ObjectPool& pool, ScenePlanner planner)
      : config_(config), pool_(pool), planner_(std::move(planner)) {}

  Status write(const fs::path& folder, ThreadPool& threads, const SynthesizeCallbacks& callbacks) {
    for (int64_t first = 0; first < config_.scenes; first += config_.scenes_per_shard) {
      const int64_t end = std::min(first + config_.scenes_per_shard, config_.scenes);
      const std::string name = numbered("synthetic-%03lld.tar.gz", report.shards++);
      EF_TRY(auto writer, shards::ShardWriter::create(folder / name));
      for (int64_t at = first; at < end; at += kBatch) {
        if (callbacks.cancel != nullptr && *callbacks.cancel) {
          return fail(ErrorCode::cancelled, "cancelled");
        }
        for (Made& made : batch(at, std::min(at + kBatch, end), threads)) {
          EF_TRY_STATUS(add(made, writer));
          if (callbacks.progress) callbacks.progress(report.scenes);
        }
      }
      EF_TRY_STATUS(writer.commit());
    }
    EF_TRY_STATUS(write_sheet(folder / "sheet.png"));
    const std::string index = text_of(index_of(), 1) + "\n";
    return write_file_atomically(folder / "index.json",
                                 std::as_bytes(std::span(index.data(), index.size())));
  }

  SynthesizeReport report;

 private:
  std::vector<Made> batch(int64_t first, int64_t end, ThreadPool& threads) const {
    std::vector<Made> made(static_cast<size_t>(end - first));
    threads.parallel_for(end - first, [&](int64_t begin, int64_t stop, int) {
      for (int64_t i = begin; i < stop; ++i) make(first + i, made[static_cast<size_t>(i)]);
    });
    return made;
  }

  void make(int64_t number, Made& made) const {
    made.scene = planner_.scene(number);
    formats::Image image = painted(made.scene, pool_, static_cast<int>(config_.resolution));
    auto encoded = shards::encode_webp(image, {.quality = config_.quality, .effort = kEffort});
    if (encoded) {
      made.picture = *std::move(encoded);
    } else {
      made.error = encoded.error();
    }
    if (number < kSheetScenes) made.pixels = std::move(image);
  }

  Status add(Made& made, shards::ShardWriter& writer) {
    if (made.error) return fail(*made.error);
    const std::string key = numbered("%07lld", report.scenes);
    EF_TRY_STATUS(writer.add(key, "webp", made.picture));
    EF_TRY_STATUS(writer.add(key, "txt", made.scene.captions.front()));
    EF_TRY_STATUS(writer.add(key, "json", text_of(notes_of(made.scene, pool_))));
    ++report.scenes;
    ++report.kinds[made.scene.kind];
    for (const Placement& place : made.scene.placements) used_.insert(place.object);
    if (made.pixels.width > 0) {
      sheet_.push_back({std::move(made.pixels), made.scene.captions.front()});
    }
    return {};
  }

  Status write_sheet(const fs::path& path) const {
    EF_TRY(const formats::Image sheet,
           drawing::contact_sheet(sheet_, {.columns = 8, .cell_width = 192, .cell_height = 192}));
    return formats::write_png(path, sheet);
  }

  json index_of() const {
    std::map<std::pair<std::string, std::string>, int64_t> sources;
    std::set<std::string> authors;
    for (const size_t i : used_) {
      const Provenance& p = pool_.objects[i].provenance;
      ++sources[{p.source, p.licence}];
      if (!p.author.empty()) authors.insert(p.author);
    }
    json index = {
        {"scenes", report.scenes}, {"shards", report.shards},          {"kinds", report.kinds},
        {"objects", used_.size()}, {"passed_over", pool_.passed_over}, {"authors", authors},
        {"sources", json::array()}};
    for (const auto& [source, count] : sources) {
      index["sources"].push_back(
          {{"source", source.first}, {"licence", source.second}, {"objects", count}});
    }
    return index;
  }

  const SynthesizeConfig& config_;
  const ObjectPool& pool_;
  ScenePlanner planner_;
  std::set<size_t> used_;
  std::vector<drawing::ContactSheetCell> sheet_;
};

}  // namespace

formats::Image painted(const Scene& scene, const ObjectPool& pool, int side) {
  formats::Image image = painted(scene.backdrop, side);
  for (size_t i = 0; i < scene.placements.size(); ++i) {
    const Placement& place = scene.placements[i];
    const SceneObject& object = pool.objects[place.object];
    CutOut cut = cut_out_of(object);
    if (place.colour) recolour(cut.image, *object.traits.colour, to_lch(*place.colour));
    put(image, scaled_layer(cut.image, place.width, place.height), place.x, place.y);
  }
  return image;
}

Result<SynthesizeReport> synthesize(const SynthesizeConfig& config, ThreadPool& threads,
                                    const SynthesizeCallbacks& callbacks) {
  std::error_code error;
  if (fs::exists(config.out, error) && !fs::is_empty(config.out, error)) {
    return fail(ErrorCode::invalid_argument,
                config.out.string() + ": expected no such folder, found one that is not empty");
  }
  EF_TRY(const ObjectPool pool, ObjectPool::read(config, threads, callbacks.log));
  EF_TRY(ScenePlanner planner, ScenePlanner::make(pool, config));
  const fs::path partial = config.out.string() + ".partial";
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  if (error) return fail(ErrorCode::io, partial.string() + ": " + error.message());
  Run run(config, pool, std::move(planner));
  Status status = run.write(partial, threads, callbacks);
  if (status) {
    fs::rename(partial, config.out, error);
    if (error) status = fail(ErrorCode::io, config.out.string() + ": " + error.message());
  }
  if (!status) {
    fs::remove_all(partial, error);
    return fail(status.error());
  }
  run.report.objects = static_cast<int64_t>(pool.objects.size());
  run.report.passed_over = pool.passed_over;
  return run.report;
}

}  // namespace edgefusion::data
