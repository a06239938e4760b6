#include "quant/recipe.h"

#include <algorithm>
#include <map>

#include "core/json.h"
#include "core/mapped_file.h"
#include "core/nearest_name.h"
#include "quant/glob.h"

namespace edgefusion::quant {
namespace {

constexpr JsonLimits kLimits{.max_bytes = size_t{1} << 20, .max_depth = 16};
constexpr size_t kMostEntries = 10000;  // globs times layers stay a moment's work

using KeyOrder = std::map<std::string, std::vector<std::string>>;

/// The keys of each object in a valid JSON object, in the file's order, which the tree that
/// parse_json makes does not keep.
KeyOrder key_order(std::string_view text) {
  KeyOrder order;
  std::string outer;
  const auto note = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    if (event == nlohmann::json::parse_event_t::key) {
      if (depth == 1) outer = parsed.get<std::string>();
      if (depth == 2) order[outer].push_back(parsed.get<std::string>());
    }
    return true;
  };
  const nlohmann::json again = nlohmann::json::parse(text, note, false);
  EF_CHECK(!again.is_discarded(), "what parse_json takes is JSON");
  return order;
}

std::string expected_schemes(std::span<const std::string_view> names) {
  std::string text = "one of";
  for (size_t i = 0; i < names.size(); ++i) {
    text.append(i == 0 ? " \"" : ", \"").append(names[i]).append("\"");
  }
  return text;
}

std::string with_nearest(const std::string& found, std::string_view typed,
                         std::span<const std::string_view> known) {
  const std::string_view nearest = nearest_name(typed, known);
  return nearest.empty() ? found : found + ", did you mean \"" + std::string(nearest) + "\"?";
}

void complain_about_unknown_fields(ConfigReader& reader) {
  const std::vector<std::string_view> known(reader.asked_keys().begin(), reader.asked_keys().end());
  for (const std::string& key : reader.unread_keys()) {
    reader.complain(key, "a known field", unknown_name_message("field", printable(key), known));
  }
}

template <typename Scheme>
std::vector<RecipeEntry<Scheme>> read_entries(
    ConfigReader& reader, const char* field, KeyOrder& order,
    std::span<const std::string_view> names, std::optional<Scheme> (*scheme_of)(std::string_view)) {
  const nlohmann::json& object = reader.raw(field);
  std::vector<RecipeEntry<Scheme>> entries;
  if (object.is_null()) return entries;
  if (!object.is_object()) {
    reader.complain(field, "an object of globs and schemes", describe(object));
    return entries;
  }
  if (object.size() > kMostEntries) {
    reader.complain(field, "at most " + std::to_string(kMostEntries) + " globs",
                    std::to_string(object.size()));
    return entries;
  }
  for (const std::string& glob : order[field]) {
    const std::string place = std::string(field) + ": " + glob;
    const nlohmann::json& value = object.at(glob);
    const auto scheme = value.is_string() ? scheme_of(value.get<std::string>()) : std::nullopt;
    if (glob.empty()) {
      reader.complain(field, "globs on layers", "\"\"");
    } else if (scheme) {
      entries.push_back({glob, *scheme});
    } else {
      const std::string typed = value.is_string() ? value.get<std::string>() : "";
      reader.complain(place, expected_schemes(names), with_nearest(describe(value), typed, names));
    }
  }
  return entries;
}

template <typename Scheme>
std::vector<std::optional<Scheme>> choose(const std::vector<RecipeEntry<Scheme>>& entries,
                                          std::span<const std::string> names, const char* field,
                                          std::span<const MergedName> merged,
                                          std::vector<std::string>& complaints) {
  std::vector<std::optional<Scheme>> chosen(names.size());
  const std::vector<std::string_view> known(names.begin(), names.end());
  for (const auto& entry : entries) {
    bool matched = false;
    for (size_t i = 0; i < names.size(); ++i) {
      if (!glob_matches(entry.glob, names[i])) continue;
      chosen[i] = entry.scheme;
      matched = true;
    }
    if (matched) continue;
    const auto part = std::ranges::find_if(
        merged, [&](const MergedName& name) { return glob_matches(entry.glob, name.part); });
    if (part != merged.end()) {
      complaints.push_back(std::string(field) + ": " + printable(entry.glob) + ": " + part->part +
                           " is merged into " + part->whole + ", expected a scheme for that");
      continue;
    }
    complaints.push_back(std::string(field) + ": " + printable(entry.glob) +
                         with_nearest(": expected a glob that matches a name, found none of " +
                                          std::to_string(names.size()),
                                      entry.glob, known));
  }
  return chosen;
}

template <typename Scheme>
nlohmann::ordered_json entries_object(const std::vector<RecipeEntry<Scheme>>& entries) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const auto& entry : entries) {
    object.erase(entry.glob);
    object[entry.glob] = to_string(entry.scheme);
  }
  return object;
}

}  // namespace

Result<Recipe> parse_recipe(std::string_view text, const std::string& origin) {
  EF_TRY(const nlohmann::json json, parse_json(text, origin, kLimits));
  KeyOrder order = key_order(text);
  ConfigReader reader(json, origin);
  Recipe recipe{.origin = origin};
  recipe.layers = read_entries(reader, "layers", order, layer_scheme_names(), layer_scheme_of);
  recipe.attention =
      read_entries(reader, "attention", order, attention_scheme_names(), attention_scheme_of);
  (void)reader.string("description", "");  // for the reader of the file
  complain_about_unknown_fields(reader);
  EF_TRY_STATUS(reader.status());
  return recipe;
}

Result<Recipe> load_recipe(const std::filesystem::path& file) {
  EF_TRY(const std::string text, read_text_file(file, kLimits.max_bytes));
  return parse_recipe(text, file.string());
}

std::string to_json_text(const Recipe& recipe) {
  nlohmann::ordered_json json;
  json["layers"] = entries_object(recipe.layers);
  json["attention"] = entries_object(recipe.attention);
  return json.dump(2) + "\n";
}

Result<RecipeChoices> resolve_recipe(const Recipe& recipe, std::span<const std::string> layers,
                                     std::span<const std::string> attention,
                                     std::span<const MergedName> merged) {
  std::vector<std::string> complaints;
  RecipeChoices choices;
  choices.layers = choose(recipe.layers, layers, "layers", merged, complaints);
  choices.attention = choose(recipe.attention, attention, "attention", {}, complaints);
  if (complaints.empty()) return choices;
  constexpr size_t kMostShown = 20;
  std::string text;
  for (size_t i = 0; i < std::min(complaints.size(), kMostShown); ++i) {
    text += (i == 0 ? "" : "; ") + complaints[i];
  }
  if (complaints.size() > kMostShown) {
    text += "; and " + std::to_string(complaints.size() - kMostShown) + " more";
  }
  return fail(Error(ErrorCode::invalid_argument, text).with_context(recipe.origin));
}

}  // namespace edgefusion::quant
