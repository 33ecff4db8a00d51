// How the work of a gradient is numbered: tiles of dx.
#ifndef ONDOL_ROIALIGN_TILES_H
#define ONDOL_ROIALIGN_TILES_H

#include "roialign/groups.h"

namespace ondol {
namespace {

// Some channels of dx of one level and image, rows [top, bottom) and columns [left, right).
struct RoiTile {
  int64_t level, image, bin, first_channel, lanes;  // bin -1: all; channels of y
  int64_t top, bottom, left, right;

  int64_t width() const { return right - left; }
  bool row(int64_t r) const { return r >= top && r < bottom; }
  bool column(int64_t c) const { return c >= left && c < right; }
};

class RoiTiles {
  static constexpr int64_t WIDTH = 4096;

 public:
  static constexpr int64_t CELLS = 1 << 18;  // of a tile at most: 16 MB

  RoiTiles(const ondol_roialign_args& a, int64_t threads) : a(a) {
    grid = a.position_sensitive != 0 ? a.rows * a.columns : 1;
    // Of a maximum, all is done one channel at a time.
    lanes = a.op == ONDOL_ROIALIGN_AVERAGE ? ROI_LANES : 4;
    blocks = ceil_div(roi_channels(a), lanes);
    parts = ceil_div(threads, max_of<int64_t>(1, a.batch * blocks * grid));
  }

  int64_t width(int64_t level) const {
    return a.op == ONDOL_ROIALIGN_AVERAGE ? min_of(a.maps[level].width, WIDTH) : a.maps[level].width;
  }

  int64_t height(int64_t level) const {
    const int64_t all = a.maps[level].height;
    return a.op == ONDOL_ROIALIGN_AVERAGE ? min_of(max_of<int64_t>(1, CELLS / width(level)), ceil_div(all, parts)) : all;
  }

  int64_t count() const {
    int64_t n = 0;
    for (int64_t l = 0; l < a.levels; l++) n += per_image(l) * a.batch;
    return n;
  }

  RoiTile find(int64_t task) const {
    RoiTile t = {};
    while (task >= per_image(t.level) * a.batch) task -= per_image(t.level++) * a.batch;
    const ondol_roi_map& map = a.maps[t.level];
    const int64_t down = ceil_div(map.height, height(t.level)), across = ceil_div(map.width, width(t.level));
    t.image = task / per_image(t.level);
    task %= per_image(t.level);
    t.left = task % across * width(t.level);
    t.right = min_of(map.width, t.left + width(t.level));
    task /= across;
    t.top = task % down * height(t.level);
    t.bottom = min_of(map.height, t.top + height(t.level));
    task /= down;
    t.first_channel = task % blocks * lanes;
    t.lanes = min_of(lanes, roi_channels(a) - t.first_channel);
    t.bin = a.position_sensitive != 0 ? task / blocks : -1;
    return t;
  }

 private:
  const ondol_roialign_args& a;
  int64_t grid, lanes, blocks, parts;

  int64_t per_image(int64_t level) const {
    return ceil_div(a.maps[level].height, height(level)) * ceil_div(a.maps[level].width, width(level)) * blocks * grid;
  }
};

// dx of the tile's first channel, and from channel to channel.
ONDOL_INLINE float* roi_gradient_plane(const ondol_roialign_backward_args& args, const RoiTile& tile) {
  const ondol_roialign_args& a = args.forward;
  const int64_t size = a.maps[tile.level].height * a.maps[tile.level].width;
  const int64_t channel = tile.bin < 0 ? tile.first_channel : tile.first_channel * a.rows * a.columns + tile.bin;
  return args.dx[tile.level] + (tile.image * a.channels + channel) * size;
}

ONDOL_INLINE int64_t roi_gradient_stride(const ondol_roialign_args& a, const RoiTile& tile) {
  return a.maps[tile.level].height * a.maps[tile.level].width * (tile.bin < 0 ? 1 : a.rows * a.columns);
}

}  // namespace
}  // namespace ondol

#endif
