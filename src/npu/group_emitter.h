#pragma once

#include <optional>
#include <vector>

#include "npu/emit.h"
#include "npu/tile_boxes.h"

namespace edgefusion::npu {

/// Writes down one group: first its slots, then its commands. Used once.
class GroupEmitter {
 public:
  GroupEmitter(const Device& device, const Work& work, const GroupSetting& setting,
               Schedule& schedule);
  Result<GroupTiles> emit();

 private:
  /// One round: a tile, of one part of the result.
  struct Round {
    Box tile;
    std::vector<Box> boxes;  ///< of the group's tensors
    bool first_of_items = false, last_of_items = false;
  };
  /// Where one of the group's tensors lies: as many slots as tiles are in flight.
  struct Place {
    std::vector<int> slots;
    int resident = -1;      ///< its slot, instead
    bool stored = false;    ///< leaves the chip
    size_t current = 0;     ///< of the round that runs
    std::vector<Box> held;  ///< what each slot holds; empty: nothing yet
  };
  /// Weights, keys or a mask of one operand.
  struct PartPlace {
    bool held = false;  ///< for the group; else it goes through the ring
    int slot = -1;
    bool loaded = false;
    size_t ring_index = 0;
    Access now;  ///< where the part that was asked for last lies
  };

  const Op& op(OpId id) const { return work_.op(id); }
  const GroupTensor& tensor(size_t index) const { return shape_.tensors[index]; }
  size_t index_of(TensorId id) const { return static_cast<size_t>(shape_.index_of(id)); }
  const Resident* resident(TensorId id) const;
  PartPlace& part_place(OpId id, size_t operand);

  Status check_tiling() const;
  void list_rounds();
  Round round(size_t index) const;
  int64_t parts_outside(const Op& last) const;

  // Slots.
  int add_slot(std::string label, int64_t bytes, int first_step, int last_step, bool streamed);
  void make_slots();
  void make_tensor_slots(size_t index, int64_t bytes);
  bool shares_operand(size_t index);
  int64_t scores_bytes(size_t index, int64_t places) const;
  void make_state_slots(const std::vector<int64_t>& places);
  void make_part_slots();
  int streamed_operands(OpId id, int64_t& largest);
  size_t next_ring_index(OpId id);
  int64_t part_bytes(OpId id, size_t operand) const;
  int step_of(OpId id) const;

  // Commands.
  void load_vectors();
  void load_tiles(const Round& round, size_t index);
  void run_stage(const Stage& stage, const Round& round);
  int64_t part_end(const Op& of, int64_t c, int64_t step) const;
  void run_in_parts(OpId id, const Box& out);
  void run_mix(OpId id, const Box& out);
  void run_attention(const Stage& stage, const Box& out);
  void run_heads(const Stage& stage, const Box& out);
  void run_online(const Stage& stage, const Box& out);
  void store_results(const Stage& stage, const Round& round);
  void load_parts(OpId id, const Box& out, std::optional<Box> scores = {});
  void run_on_host(OpId id);
  void choose_slots(size_t round);
  void compute(OpId id, const Box& out, Part part = Part::all, std::optional<Box> scores = {});
  void compute_share(OpId id, const Box& out, Part part, const std::optional<Box>& scores);
  Access operand_access(OpId id, size_t operand, const Box& out, const std::optional<Box>& scores);
  Access tensor_access(TensorId id, const Box& box) const;
  void begin_content(TensorId id, const Box& held);
  void copy(Action action, const Access& from, const Access& to);
  int64_t outputs_at_once(OpId id) const;

  const Device& device_;
  const Work& work_;
  const GroupSetting& setting_;
  const GroupShape& shape_;
  const Tiling& tiling_;
  Schedule& schedule_;
  std::vector<Box> rounds_;
  size_t first_slot_ = 0;
  std::vector<Place> places_;                  ///< of the group's tensors
  std::vector<std::vector<PartPlace>> parts_;  ///< [op - first][operand]
  std::vector<int> ring_;                      ///< slots that parts go through, one after another
  std::vector<const PartPlace*> ring_holds_;
  size_t next_in_ring_ = 0;
  std::vector<int> state_slots_;  ///< of each stage's online softmax; -1: none
  int state_slot_ = -1;           ///< of the one that runs
  Box state_held_;
  const Round* now_ = nullptr;
};

}  // namespace edgefusion::npu
