// What a winograd call is cut into. Everything here changes speed only.
#ifndef ONDOL_WINOGRAD_PLAN_H
#define ONDOL_WINOGRAD_PLAN_H

#include <stdlib.h>
#include "conv/tiles.h"
#include "ondol.h"

namespace ondol {
namespace {

constexpr int64_t WINOGRAD_TILE = 4, WINOGRAD_SIDE = 6, WINOGRAD_POINTS = 36;

struct WinogradChoice {
  int64_t tiles_h, tiles_w;
  int64_t parts, rows;    // strips of a row of tiles, or rows of a strip: one of them is 1
  int64_t size;           // tiles of a strip at most
  int64_t strips;         // of all images
  int64_t block, blocks;  // strips of a task
  int64_t groups;         // of panels of output channels
  int64_t side;           // panels whose products are kept together
  int64_t depth;          // channels of x that a register tile takes at once
};
static_assert(sizeof(WinogradChoice) <= sizeof(ondol_plan::choice), "fits into ondol_plan.choice");

// Tiles [begin, end) of `rows` rows of tiles, counted over all images, from `first` on.
struct WinogradStrip {
  int64_t first, rows, begin, end;

  WinogradStrip(const ondol_conv_args& a, const WinogradChoice& c, int64_t index) {
    first = index / c.parts * c.rows;
    rows = min_of(c.rows, a.batch * c.tiles_h - first);
    begin = c.tiles_w * (index % c.parts) / c.parts;
    end = c.tiles_w * (index % c.parts + 1) / c.parts;
  }

  int64_t tiles() const { return rows * (end - begin); }
};

template <class V>
class WinogradPlanner {
 public:
  static int64_t env(const char* n, int64_t d) { const char* s = getenv(n); return s ? atoi(s) : d; }
  static WinogradChoice choose(const ondol_conv_args& a, int64_t threads) {
    WinogradChoice c = {};
    const int64_t panels = ceil_div(a.y_channels, PANEL_WIDTH);
    c.tiles_h = ceil_div(a.y_height, WINOGRAD_TILE);
    c.tiles_w = ceil_div(a.y_width, WINOGRAD_TILE);
    c.parts = ceil_div(c.tiles_w, env("W_ROWS", ChannelTile<V>::ROWS));
    c.rows = max_of<int64_t>(1, min_of<int64_t>(env("W_ROWS", ChannelTile<V>::ROWS) / c.tiles_w, a.batch * c.tiles_h));
    c.size = c.rows * ceil_div(c.tiles_w, c.parts);
    c.strips = ceil_div(a.batch * c.tiles_h, c.rows) * c.parts;
    c.block = min_of(c.strips, env("W_BLOCK", 1));
    c.blocks = ceil_div(c.strips, c.block);
    c.block = ceil_div(c.strips, c.blocks);
    c.groups = env("W_GROUPS", 1);
    c.side = min_of(panels, env("W_SIDE", 2));
    c.depth = min_of(a.x_channels, env("W_DEPTH", 1000));
    (void)threads;
    return c;
  }
};

}  // namespace
}  // namespace ondol

#endif
