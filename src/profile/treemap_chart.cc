#include "profile/treemap_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "drawing/svg.h"
#include "drawing/treemap.h"
#include "profile/op_family.h"
#include "profile/rollup.h"

namespace edgefusion::profile {
namespace {

using drawing::Box;

constexpr double kWidth = 1180, kHeight = 560;

/// Parts in groups of groups: network, block.
struct Group {
  std::string name;
  double ms = 0;
  std::vector<Group> groups;
  std::vector<const Part*> parts;
};

Group& group_named(std::vector<Group>& groups, const std::string& name) {
  const auto found = std::ranges::find(groups, name, &Group::name);
  if (found != groups.end()) return *found;
  groups.push_back({.name = name});
  return groups.back();
}

std::vector<Group> grouped(const Profile& profile) {
  std::vector<Group> networks;
  for (const Part& part : profile.parts) {
    const double ms = part.time.median();
    Group& network = group_named(networks, part.network);
    Group& block = group_named(network.groups, part.block);
    network.ms += ms;
    block.ms += ms;
    block.parts.push_back(&part);
  }
  return networks;
}

std::vector<Box> boxes_of(const std::vector<Group>& groups, const Box& area) {
  std::vector<double> weights;
  for (const Group& group : groups) weights.push_back(group.ms);
  return drawing::treemap(weights, area);
}

std::string words_in(const Box& box, const std::string& words, double line) {
  constexpr double kPad = 5, kLetterHeight = 12;
  if (box.height < line + 4) return "";
  const std::string fit = drawing::fitting(words, box.width - 2 * kPad);
  return fit.empty()
             ? ""
             : drawing::svg_text(box.x + kPad, box.y + kLetterHeight + line - 12, "start", fit);
}

/// A block's name without the modules it is in, where there is no room for them.
std::string short_name(std::string name, double width) {
  while (drawing::fitting(name, width) != name) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos || name.find('.', dot + 1) == std::string::npos) break;
    name.erase(0, dot + 1);
  }
  return name;
}

std::string share_text(double ms, double whole) {
  return fmt::format("{:.2f} ms, {:.1f} %", ms, whole > 0 ? 100 * ms / whole : 0.0);
}

std::string block_tiles(const Group& network, const Group& block, const Box& area, double whole) {
  std::vector<double> weights;
  for (const Part* part : block.parts) weights.push_back(part->time.median());
  const std::vector<Box> boxes = drawing::treemap(weights, area);
  std::string svg;
  for (size_t i = 0; i < boxes.size(); ++i) {
    if (boxes[i].area() < 0.5) continue;
    const Part& part = *block.parts[i];
    const std::string tip = fmt::format("{}/{}\n{}: {}", network.name, part.name, part.op_class,
                                        share_text(weights[i], whole));
    svg += drawing::svg_rect(std::string(family_of(part.op_class).style), boxes[i].x, boxes[i].y,
                             boxes[i].width, boxes[i].height, tip);
  }
  return svg;
}

/// The longest of these that has room as a whole; else the last one, cut.
std::string longest_fitting(const std::vector<std::string>& candidates, double width) {
  for (const std::string& words : candidates) {
    if (drawing::fitting(words, width) == words) return words;
  }
  return drawing::fitting(candidates.back(), width);
}

std::string block_words(const Group& block, const Box& area, double whole) {
  const double room = area.width - 10;
  const std::string ms = fmt::format("{:.2f} ms", block.ms);
  const std::string figures = longest_fitting({share_text(block.ms, whole), ms, ""}, room);
  return words_in(area, short_name(block.name, room), 14) + words_in(area, figures, 28);
}

}  // namespace

std::string treemap_chart(const Profile& profile) {
  const std::vector<Group> networks = grouped(profile);
  double whole = 0;
  for (const Group& network : networks) whole += network.ms;
  std::string svg = drawing::open_svg("treemap", kWidth, kHeight, "Time of networks and blocks");
  std::string frames, words;
  const std::vector<Box> areas = boxes_of(networks, {0, 0, kWidth, kHeight});
  for (size_t n = 0; n < networks.size(); ++n) {
    const Group& network = networks[n];
    Box inner = areas[n];
    // A strip on top says what it is, where there is room for it.
    constexpr double kStrip = 18;
    const std::string title =
        longest_fitting({network.name + "  " + share_text(network.ms, whole),
                         network.name + fmt::format("  {:.2f} ms", network.ms), network.name},
                        areas[n].width - 12);
    if (inner.height > 4 * kStrip && !title.empty()) {
      inner.y += kStrip;
      inner.height -= kStrip;
      words += drawing::svg_text(areas[n].x + 6, areas[n].y + 13, "start", title, "strong");
    }
    const std::vector<Box> blocks = boxes_of(network.groups, inner);
    for (size_t b = 0; b < blocks.size(); ++b) {
      const Group& block = network.groups[b];
      svg += block_tiles(network, block, blocks[b], whole);
      frames +=
          drawing::svg_rect("block", blocks[b].x, blocks[b].y, blocks[b].width, blocks[b].height);
      words += block_words(block, blocks[b], whole);
    }
    frames += drawing::svg_rect("network", areas[n].x, areas[n].y, areas[n].width, areas[n].height);
  }
  return svg + frames + words + "</svg>";
}

}  // namespace edgefusion::profile
