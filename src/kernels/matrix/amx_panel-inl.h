#pragma once

#include "kernels/matrix/panel_product.h"

// Rows against a panel with a matrix unit: two by two tiles of 16x16 sums, four loads for four
// products of tiles. `Tiles` is the interface of amx/amx_tile.h, real or emulated; `Product` says
// which of its products is meant. Everything is a member of a template over both: no function is
// shared with a file compiled for another CPU.
//
// Rows are rewritten once for all panels: [group of 16 rows][block of depth][16 rows][64 bytes], so
// that a tile is 1024 contiguous, aligned bytes. What a group lacks of rows, and a last block of
// depth, is zero. A panel's tiles need no rewriting: 16 lines of 128 bytes hold both side by side.

namespace edgefusion::kernels {

template <typename Tiles, typename Product>
struct AmxPanel {
  using Row = typename Product::Row;

  static constexpr int64_t kTileRows = 16;
  static constexpr int64_t kTileBytes = kTileRows * kPanelBlockBytes;
  static constexpr int64_t kPanelLine = 2 * kPanelBlockBytes;  ///< of 32 columns, 4 bytes each
  static constexpr int64_t kPanelBlock = kTileRows * kPanelLine;
  static constexpr int64_t kSumLine = int64_t{kPanelColumns} * 4;
  /// Blocks of depth that go over all rows at a time: 20 KiB of the panel and as much of two groups
  /// of rows, so that the panel stays in L1 while rows stream from L2.
  static constexpr int64_t kBlocksInL1 = 10;

  static int64_t blocks_of(int64_t depth) {
    const int64_t bytes = depth * static_cast<int64_t>(sizeof(Row));
    return (bytes + kPanelBlockBytes - 1) / kPanelBlockBytes;
  }

  static size_t prepared_bytes(int64_t rows, int64_t depth) noexcept {
    const int64_t groups = (rows + kTileRows - 1) / kTileRows;
    return static_cast<size_t>(groups * blocks_of(depth) * kTileBytes);
  }

  static void prepare(const Product& product, void* prepared) noexcept {
    const int64_t depth = total_depth(product), blocks = blocks_of(depth);
    const bool whole = depth * static_cast<int64_t>(sizeof(Row)) == blocks * kPanelBlockBytes;
    auto* group = static_cast<char*>(prepared);
    for (int64_t row = 0; row < product.rows; row += kTileRows, group += blocks * kTileBytes) {
      const int64_t count = product.rows - row < kTileRows ? product.rows - row : kTileRows;
      if (count < kTileRows) {
        __builtin_memset(group, 0, static_cast<size_t>(blocks * kTileBytes));
      } else if (!whole) {
        __builtin_memset(group + (blocks - 1) * kTileBytes, 0, kTileBytes);
      }
      int64_t at = 0;
      for (int s = 0; s < product.segment_count; ++s) {
        copy_segment(product.segments[s], row, count, group, at);
        at += product.segments[s].length * static_cast<int64_t>(sizeof(Row));
      }
    }
  }

  static void multiply(const Product& product) noexcept {
    const typename Tiles::Session session;
    const int64_t blocks = blocks_of(total_depth(product));
    const int64_t parts = (blocks + kBlocksInL1 - 1) / kBlocksInL1;
    const int64_t part = (blocks + parts - 1) / parts;
    for (int64_t begin = 0; begin < blocks; begin += part) {
      const Part p = {blocks, begin, blocks - begin < part ? blocks : begin + part};
      for (int64_t row = 0; row < product.rows; row += 2 * kTileRows) {
        if (product.rows - row > kTileRows) {
          multiply_rows<2>(product, p, row);
        } else {
          multiply_rows<1>(product, p, row);
        }
      }
    }
  }

 private:
  /// Blocks [begin, end) of `blocks`.
  struct Part {
    int64_t blocks, begin, end;
  };

  /// `at`: bytes of the depth before this segment.
  static void copy_segment(const RowRun<Row>& segment, int64_t row, int64_t count, char* group,
                           int64_t at) {
    const int64_t bytes = segment.length * static_cast<int64_t>(sizeof(Row));
    for (int64_t done = 0; done < bytes;) {
      const int64_t inside = (at + done) % kPanelBlockBytes;
      const int64_t room = kPanelBlockBytes - inside;
      const int64_t piece = bytes - done < room ? bytes - done : room;
      char* to = group + (at + done) / kPanelBlockBytes * kTileBytes + inside;
      for (int64_t r = 0; r < count; ++r) {
        const char* from =
            reinterpret_cast<const char*>(segment.rows[row + r] + segment.offset) + done;
        if (piece == kPanelBlockBytes) {
          __builtin_memcpy(to + r * kPanelBlockBytes, from, kPanelBlockBytes);  // one vector
        } else {
          __builtin_memcpy(to + r * kPanelBlockBytes, from, static_cast<size_t>(piece));
        }
      }
      done += piece;
    }
  }

  template <int kSum, int kRows, int kColumns>
  static void dot() {
    if constexpr (sizeof(Row) == 2) {
      Tiles::template dot_bf16<kSum, kRows, kColumns>();
    } else if constexpr (static_cast<Row>(-1) < Row{0}) {
      Tiles::template dot_s8s8<kSum, kRows, kColumns>();
    } else {
      Tiles::template dot_u8s8<kSum, kRows, kColumns>();
    }
  }

  /// Tiles: 0..3 sums, 4 and 5 rows, 6 and 7 columns. A function of its own keeps its registers.
  template <int kGroups>
  __attribute__((noinline)) static void multiply_rows(const Product& product, const Part& part,
                                                      int64_t row) {
    char* sums = reinterpret_cast<char*>(product.sums) + row * kSumLine;
    begin_sums<kGroups>(sums, product.add || part.begin > 0);
    const auto* rows = static_cast<const char*>(product.prepared) +
                       (row / kTileRows * part.blocks + part.begin) * kTileBytes;
    const char* second = rows + part.blocks * kTileBytes;
    const int64_t offset = part.begin * kPanelBlock;
    const char* panel = reinterpret_cast<const char*>(product.panel) + offset;
    // Each pair of groups fetches its share of the coming panel: one block of so many.
    const int64_t sharers = (product.rows + 2 * kTileRows - 1) / (2 * kTileRows);
    int64_t turn = row / (2 * kTileRows);
    const char* next = static_cast<const char*>(product.next);
    const int64_t coming = product.next_bytes / kPanelBlock;
    for (int64_t b = part.begin; b < part.end; ++b) {
      Tiles::template load<4>(rows, kPanelBlockBytes);
      Tiles::template load<6>(panel, kPanelLine);
      dot<0, 4, 6>();
      Tiles::template load<7>(panel + kPanelBlockBytes, kPanelLine);
      dot<1, 4, 7>();
      if constexpr (kGroups == 2) {
        Tiles::template load<5>(second, kPanelBlockBytes);
        dot<2, 5, 6>();
        dot<3, 5, 7>();
      }
      if (turn == 0) {
        if (b < coming) fetch_block(next + b * kPanelBlock);
        turn = sharers;
      }
      --turn;
      rows += kTileBytes;
      second += kTileBytes;
      panel += kPanelBlock;
    }
    end_sums<kGroups>(sums);
  }

  template <int kGroups>
  static void begin_sums(char* sums, bool add) {
    if (!add) {
      Tiles::template zero<0>();
      Tiles::template zero<1>();
      if constexpr (kGroups == 2) {
        Tiles::template zero<2>();
        Tiles::template zero<3>();
      }
      return;
    }
    Tiles::template load<0>(sums, kSumLine);
    Tiles::template load<1>(sums + kPanelBlockBytes, kSumLine);
    if constexpr (kGroups == 2) {
      Tiles::template load<2>(sums + kTileRows * kSumLine, kSumLine);
      Tiles::template load<3>(sums + kTileRows * kSumLine + kPanelBlockBytes, kSumLine);
    }
  }

  template <int kGroups>
  static void end_sums(char* sums) {
    Tiles::template store<0>(sums, kSumLine);
    Tiles::template store<1>(sums + kPanelBlockBytes, kSumLine);
    if constexpr (kGroups == 2) {
      Tiles::template store<2>(sums + kTileRows * kSumLine, kSumLine);
      Tiles::template store<3>(sums + kTileRows * kSumLine + kPanelBlockBytes, kSumLine);
    }
  }

  /// Into L2.
  static void fetch_block(const char* block) {
    for (int64_t at = 0; at < kPanelBlock; at += kPanelBlockBytes) {
      __builtin_prefetch(block + at, 0, 2);
    }
  }
};

}  // namespace edgefusion::kernels
