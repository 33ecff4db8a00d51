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
  int64_t block, blocks;  // strips of a task at most
  int64_t groups;         // of panels of output channels
  int64_t side;           // panels whose products are kept together
  int64_t depth;          // channels of x that a register tile takes at once

  // The first strip of a block; the first blocks have one more than the last.
  int64_t begin(int64_t index) const { return index * (strips / blocks) + min_of(index, strips % blocks); }
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

// Measured on Zen 5, two threads, 64-64 56 x 56 and 8 images 256-256 14 x 14. Before there were strips, a task transformed
// whole images and read the filters for each: 0.57 and 3.9 ms, a third of it for dealing out x's columns one by one; now
// 0.31 and 2.46. Products of 2 panels at a time instead of 4: 0.31 instead of 0.28; blocks of one strip: 0.33. Tasks that
// share strips and part the panels (groups): 2.9 to 3.3 instead of 2.74. Products by 64 or 128 channels, so that filters and
// inputs stay in the first level: 2.7 to 3.1 instead of 2.5.
template <class V>
class WinogradPlanner {
  static constexpr int64_t FILTER_FLOATS = 160 * 1024;  // that stay in a second-level cache of 1 MB beside a strip or two
  static constexpr int64_t NEAR_FLOATS = 144 * 1024;    // inputs and sums of a task whose filters do
  static constexpr int64_t FAR_FLOATS = 512 * 1024;     // inputs of a task that reads filters once for all its strips

 public:
  static WinogradChoice choose(const ondol_conv_args& a, int64_t threads) {
    WinogradChoice c = {};
    c.tiles_h = ceil_div(a.y_height, WINOGRAD_TILE);
    c.tiles_w = ceil_div(a.y_width, WINOGRAD_TILE);
    c.parts = ceil_div(c.tiles_w, MOST);
    c.depth = a.x_channels;
    const int64_t most = max_of<int64_t>(1, min_of(MOST / c.tiles_w, a.batch * c.tiles_h));
    int64_t best = most;
    for (int64_t rows = most; rows > 0 && 2 * rows >= most; rows--) {
      if (time(a, c, rows, threads) < time(a, c, best, threads)) best = rows;
    }
    cut(a, best, threads, c);
    return c;
  }

 private:
  static constexpr int64_t MOST = ChannelTile<V>::ROWS;

  // Strips of `rows` rows of tiles, and the tasks for them.
  static void cut(const ondol_conv_args& a, int64_t rows, int64_t threads, WinogradChoice& c) {
    const int64_t panels = ceil_div(a.y_channels, PANEL_WIDTH);
    c.rows = rows;
    c.size = rows * ceil_div(c.tiles_w, c.parts);
    c.strips = ceil_div(a.batch * c.tiles_h, rows) * c.parts;
    const bool near = WINOGRAD_POINTS * a.x_channels * panels * PANEL_WIDTH <= FILTER_FLOATS;
    c.side = min_of<int64_t>(panels, near ? 4 : 8);
    const int64_t inputs = WINOGRAD_POINTS * c.size * a.x_channels, sums = WINOGRAD_POINTS * c.size * PANEL_WIDTH * c.side;
    c.block = max_of<int64_t>(1, near ? NEAR_FLOATS / (inputs + sums) : FAR_FLOATS / inputs);
    c.blocks = ceil_div(c.strips, c.block);
    c.groups = 1;
    if (threads > 1) {
      // As many for each thread. Where there are too few strips, groups of panels transform their inputs anew.
      c.blocks = min_of(c.strips, round_up(max_of(c.blocks, 2 * threads), threads));
      c.groups = max_of<int64_t>(1, min_of(2 * threads / c.blocks, panels / 2));
    }
    c.block = ceil_div(c.strips, c.blocks);
  }

  // What the first thread does if all take turns, about: a register tile's steps cost as much as a row more.
  static int64_t time(const ondol_conv_args& a, WinogradChoice c, int64_t rows, int64_t threads) {
    cut(a, rows, threads, c);
    int64_t strips = 0;
    for (int64_t t = 0; t < c.blocks * c.groups; t += threads) strips += c.begin(t / c.groups + 1) - c.begin(t / c.groups);
    return strips * (c.size + 1) * 12 / c.groups;
  }
};

}  // namespace
}  // namespace ondol

#endif
