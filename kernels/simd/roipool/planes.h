// Planes of a block of channels as [cell][channels], and back.
#ifndef ONDOL_ROIPOOL_PLANES_H
#define ONDOL_ROIPOOL_PLANES_H

#include "roipool/bins.h"

namespace ondol {
namespace {

constexpr int64_t ROI_CELLS = 65536;  // of planes that are laid out as a whole: 4 MB of 16 channels
constexpr int64_t ROI_PIECE = 64;     // cells that are laid out at once

// Some planes of one map: `count` of them, `step` elements apart.
struct RoiChannels {
  const float* first;
  int64_t step, count;
};

// W vectors of channels. Lanes beyond the count repeat its last channel.
template <class V, int W>
struct RoiPlanes {
  typedef typename V::F F;
  static constexpr int64_t BLOCK = W * V::lanes;

  // Cells [at, at + n) to `to`, which has room for whole vectors of cells. Whether there is a NaN among them.
  static bool turn(const RoiChannels& x, int64_t at, int64_t n, float* to) {
    F bad = V::set(0.0f);
    for (int w = 0; w < W; w++) {
      const float* plane[V::lanes];
      for (int k = 0; k < V::lanes; k++) plane[k] = x.first + min_of<int64_t>(w * V::lanes + k, x.count - 1) * x.step + at;
      each_vector<V>(n, [&](int64_t i, int64_t part) {
        F rows[V::lanes];
        for (int k = 0; k < V::lanes; k++) {
          rows[k] = load_part<V>(plane[k] + i, part);
          bad = V::select(V::nan(rows[k]), rows[k], bad);
        }
        V::transpose(rows);
        for (int k = 0; k < V::lanes; k++) V::store(to + (i + k) * BLOCK + w * V::lanes, rows[k]);
      });
    }
    float all[V::lanes];
    V::store(all, bad);
    float sum = 0.0f;
    for (int k = 0; k < V::lanes; k++) sum = sum + all[k];
    return sum != sum;
  }

  // [n][channels] to rows of n, `step` apart, of `count` channels. `from` may be read in whole vectors of n.
  static void turn_back(const float* from, int64_t n, float* rows, int64_t step, int64_t count) {
    for (int w = 0; w < W && w * V::lanes < count; w++) {
      const int64_t lanes = min_of<int64_t>(V::lanes, count - w * V::lanes);
      each_vector<V>(n, [&](int64_t i, int64_t part) {
        F cell[V::lanes];
        for (int k = 0; k < V::lanes; k++) cell[k] = V::load(from + (i + k) * BLOCK + w * V::lanes);
        V::transpose(cell);
        float* to = rows + w * V::lanes * step + i;
        for (int64_t k = 0; k < lanes; k++) store_part<V>(to + k * step, cell[k], part);
      });
    }
  }

  // The same to rows without gaps, which may be followed by anything up to a vector: whole vectors are stored, the ragged
  // ends first, as what they spill lies where other vectors follow.
  static void turn_dense(const float* from, int64_t n, float* rows, int64_t count) {
    for (int w = 0; w < W && w * V::lanes < count; w++) {
      const int64_t lanes = min_of<int64_t>(V::lanes, count - w * V::lanes), whole = n / V::lanes * V::lanes;
      if (whole < n) turn_block(from + whole * BLOCK + w * V::lanes, n, rows + w * V::lanes * n + whole, lanes);
      for (int64_t i = 0; i < whole; i += V::lanes) {
        turn_block(from + i * BLOCK + w * V::lanes, n, rows + w * V::lanes * n + i, lanes);
      }
    }
  }

 private:
  static ONDOL_INLINE void turn_block(const float* from, int64_t n, float* to, int64_t lanes) {
    F cell[V::lanes];
    for (int k = 0; k < V::lanes; k++) cell[k] = V::load(from + k * BLOCK);
    V::transpose(cell);
    if (lanes == V::lanes) {
      for (int k = 0; k < V::lanes; k++) V::store(to + k * n, cell[k]);
    } else {
      for (int64_t k = 0; k < lanes; k++) V::store(to + k * n, cell[k]);
    }
  }
};

// The planes of a task as [cell][channels], each piece laid out when a region first reaches it.
template <class V, int W>
class RoiCells {
 public:
  static constexpr int64_t BLOCK = W * V::lanes;

  static int64_t bytes(int64_t cells) { return round_up(cells, ROI_PIECE) * (BLOCK * (int64_t)sizeof(float) + 1) + 64; }

  RoiCells(const RoiChannels& x, int64_t cells, void* memory)
      : x(x), count(cells), laid((float*)memory), done((uint8_t*)(laid + round_up(cells, ROI_PIECE) * BLOCK)) {
    __builtin_memset(done, 0, ceil_div(cells, ROI_PIECE));
  }

  const float* cell(int64_t at) const { return laid + at * BLOCK; }

  // Whether there may be a NaN in what was laid out so far.
  bool careful() const { return nan; }

  void reach(int64_t low, int64_t high) {
    for (int64_t piece = low / ROI_PIECE; piece * ROI_PIECE < high; piece++) {
      if (done[piece]) continue;
      const int64_t at = piece * ROI_PIECE;
      nan |= RoiPlanes<V, W>::turn(x, at, min_of(ROI_PIECE, count - at), laid + at * BLOCK);
      done[piece] = 1;
    }
  }

 private:
  const RoiChannels x;
  const int64_t count;
  float* const laid;
  uint8_t* const done;
  bool nan = false;
};

}  // namespace
}  // namespace ondol

#endif
