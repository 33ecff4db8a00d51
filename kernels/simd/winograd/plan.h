// What a winograd call is cut into. Everything here changes speed only.
#ifndef ONDOL_WINOGRAD_PLAN_H
#define ONDOL_WINOGRAD_PLAN_H

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
  static constexpr int64_t FILTER_FLOATS = 160 * 1024;  // that stay in a second-level cache of 1 MB beside a strip or two
  static constexpr int64_t NEAR_FLOATS = 144 * 1024;    // inputs and sums of a task whose filters do
  static constexpr int64_t FAR_FLOATS = 512 * 1024;     // inputs of a task that reads filters once for all its strips

 public:
  static WinogradChoice choose(const ondol_conv_args& a, int64_t threads) {
    WinogradChoice c = {};
    const int64_t panels = ceil_div(a.y_channels, PANEL_WIDTH);
    c.tiles_h = ceil_div(a.y_height, WINOGRAD_TILE);
    c.tiles_w = ceil_div(a.y_width, WINOGRAD_TILE);
    c.parts = ceil_div(c.tiles_w, (int64_t)ChannelTile<V>::ROWS);
    c.rows = max_of<int64_t>(1, min_of(ChannelTile<V>::ROWS / c.tiles_w, a.batch * c.tiles_h));
    c.size = c.rows * ceil_div(c.tiles_w, c.parts);
    c.strips = ceil_div(a.batch * c.tiles_h, c.rows) * c.parts;
    c.depth = a.x_channels;

    const bool near = WINOGRAD_POINTS * a.x_channels * panels * PANEL_WIDTH <= FILTER_FLOATS;
    c.side = min_of<int64_t>(panels, near ? 4 : 8);
    const int64_t inputs = WINOGRAD_POINTS * c.size * a.x_channels, sums = WINOGRAD_POINTS * c.size * PANEL_WIDTH * c.side;
    c.block = max_of<int64_t>(1, min_of(c.strips, near ? NEAR_FLOATS / (inputs + sums) : FAR_FLOATS / inputs));
    c.blocks = ceil_div(c.strips, c.block);
    c.groups = 1;
    if (threads > 1) share(c, panels, 2 * threads);
    c.block = ceil_div(c.strips, c.blocks);
    c.blocks = ceil_div(c.strips, c.block);
    return c;
  }

 private:
  // Smaller blocks, and where there are too few strips groups of panels, until there are as many tasks as wanted. Each group
  // transforms its inputs anew.
  static void share(WinogradChoice& c, int64_t panels, int64_t wanted) {
    c.blocks = max_of(c.blocks, min_of(c.strips, wanted));
    c.groups = max_of<int64_t>(1, min_of(wanted / c.blocks, panels / 2));
  }
};

}  // namespace
}  // namespace ondol

#endif
