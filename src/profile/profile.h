#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/trace.h"
#include "engine/program.h"

namespace edgefusion::profile {

/// Times of one thing in milliseconds, one for each traced request.
struct Samples {
  std::vector<double> ms;

  double min() const;     ///< 0 if there are none
  double median() const;  ///< the upper of two in the middle
  /// From the fastest to the median: what the same program does without cause. Slow requests that
  /// something else on the machine is to blame for do not count, unless they are most of all.
  double noise() const { return median() - min(); }
  Samples& operator+=(const Samples& other);
};

/// What a piece of work asks of the machine; for all its runs in one request together.
struct Cost {
  int64_t macs = 0;
  int64_t read_bytes = 0, written_bytes = 0;

  int64_t bytes() const;
  /// Multiply-accumulates for each byte that is moved; 0 where nothing is.
  double intensity() const;
  Cost& operator+=(const Cost& other);
};

/// The smallest piece of work that is told apart: a step of a Program, copies around its steps, or
/// work outside of Programs. All parts of a request together are the whole request.
struct Part {
  std::string network;   ///< its Program ("unet", "unet:once"), or "host: " and the stage it is in
  std::string name;      ///< the value it makes, or what it is
  std::string op_class;  ///< "conv3x3", ...; "copy", "host"
  std::string block;     ///< "down_blocks.1"; "(copy)", "(host)"
  engine::Precision arithmetic = engine::Precision::f32;
  int chain = -1;  ///< several parts in turn, band by band; -1: none
  int runs = 0;    ///< in one request
  Cost cost;
  int64_t weight_bytes = 0;  ///< of one run
  Samples time;              ///< all runs of a request together
};

/// One pass of the network over the latents: what depends on the timestep, and the rest.
struct Iteration {
  std::string name;  ///< "step 1"; the first holds what is computed once, too
  Cost cost;
  std::array<int64_t, 3> arithmetic_macs = {};  ///< of the cost, by engine::Precision
  Samples time;
};

struct Stage {
  std::string name;    ///< "U-Net"
  bool loads = false;  ///< makes a network ready: no part of the whole
  Samples time;
};

/// Of one Program, by its memory plan.
struct ProgramMemory {
  std::string program;
  int64_t weight_bytes = 0, arena_bytes = 0, scratch_bytes = 0;
  std::vector<int64_t> live_bytes;  ///< of the arena, at each of its steps
  int peak_step = 0;                ///< where most of the arena is in use
  std::string peak_name;            ///< the value made there
  struct Alive {
    std::string name;
    int64_t bytes = 0;
  };
  std::vector<Alive> alive;  ///< at that step, largest first
};

/// Memory of the process, as the system counts it, at a moment of the first request.
struct ResidentBytes {
  std::string when;
  int64_t bytes = 0;
};

struct Memory {
  std::vector<ProgramMemory> programs;
  std::vector<ResidentBytes> resident;
  int64_t forecast_peak_bytes = 0;  ///< of the process, before the request
  int64_t measured_peak_bytes = 0;  ///< after it
};

/// What was profiled; two profiles of the same can be compared.
struct Subject {
  std::string model;         ///< name of the folder or bundle
  std::string architecture;  ///< hash of its networks' graphs
  int width = 0, height = 0, steps = 0;
  std::string precision, scheduler;
  double guidance_scale = 0;
};

struct Machine {
  std::string isa;
  int threads = 0;
  /// Measured just before the traced requests: products of each type, and reading of memory.
  double f32_macs_per_s = 0, bf16_macs_per_s = 0, int8_macs_per_s = 0;
  double read_bytes_per_s = 0;

  double macs_per_s(engine::Precision arithmetic) const;
};

struct Profile {
  Subject subject;
  Machine machine;
  Samples whole;      ///< all stages but loading
  Samples parts_sum;  ///< of all parts
  std::vector<Stage> stages;
  std::vector<Part> parts;  ///< in the order in which they first run
  std::vector<Iteration> iterations;
  Memory memory;
};

/// Every span of one request, for pictures of it.
struct Timeline {
  std::vector<std::string> labels;              ///< by TraceSpan::label
  std::vector<std::vector<TraceSpan>> threads;  ///< by begin, outer spans first
};

struct Recording {
  Profile profile;
  Timeline timeline;  ///< of the fastest traced request
};

}  // namespace edgefusion::profile
