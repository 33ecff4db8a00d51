// The body of every winograd variant. Tiles are taken in strips of as many as a register tile has rows: some rows of
// tiles, or a part of one. A task is a block of strips and some panels of output channels. It transforms the strips of x,
// and for a few panels at a time computes all 36 products and transforms them into y.
//
// The sums of the products fit a second-level cache. Where the filters fit it, too, a block is a strip or two, whose inputs
// stay near; larger filters are read once for many strips, whose inputs then come from the third level, a point at a time.
#ifndef ONDOL_WINOGRAD_BODY_H
#define ONDOL_WINOGRAD_BODY_H

#include "winograd/input.h"
#include "winograd/output.h"
#include "winograd/plan.h"
#include "winograd/winograd.h"

namespace ondol {
namespace {

template <class V>
class Winograd {
 public:
  static void plan(const ondol_winograd_args* args, ondol_plan* plan) {
    plan->phases = 0;
    plan->workspace = 0;
    plan->scratch = 0;
    if (args->batch == 0) return;
    const WinogradChoice c = WinogradPlanner<V>::choose(*args, plan->threads);
    __builtin_memcpy(plan->choice, &c, sizeof c);
    plan->phases = 1;
    plan->tasks[0] = c.blocks * c.groups;
    plan->scratch = 4 * Memory(*args, c).total;
  }

  static void run(const ondol_winograd_args* args, const ondol_plan* plan, int64_t, int64_t begin, int64_t end, int64_t,
                  void*, void* scratch) {
    WinogradChoice c;
    __builtin_memcpy(&c, plan->choice, sizeof c);
    const Winograd body(*args, c, (float*)scratch);
    for (int64_t task = begin; task < end; task++) body.task(task / c.groups, task % c.groups);
  }

 private:
  // The parts of a thread's scratch memory, in floats.
  struct Memory {
    int64_t pitch;         // from one channel of a strip's transformed inputs to the next
    int64_t point, strip;  // from one point to the next, from one strip to the next
    int64_t sums, sums_point;  // of a panel and a strip, and from one point to the next
    int64_t inputs, products, results, offsets, total;

    Memory(const ondol_conv_args& a, const WinogradChoice& c) {
      const int64_t lines = round_up(c.size, V::lanes);
      pitch = lines - c.size <= 2 ? lines : c.size;  // stores that cross no cache line, where they cost little room
      point = odd_lines(a.x_channels * pitch + V::lanes);  // a vector may pass the last tile
      strip = WINOGRAD_POINTS * point;
      sums = c.size * PANEL_WIDTH;
      sums_point = odd_lines(c.block * c.side * sums);
      inputs = c.block * strip;
      products = WINOGRAD_POINTS * sums_point;
      results = (16 * c.size + V::lanes) * PANEL_WIDTH;
      offsets = 2 * round_up(c.depth, 8);
      total = inputs + products + results + offsets;
    }

    // Neighbouring points do not compete for the same sets of a cache.
    static int64_t odd_lines(int64_t floats) {
      const int64_t lines = ceil_div(floats, 16);
      return (lines + (lines % 2 == 0)) * 16;
    }
  };

  const ondol_conv_args& a;
  const WinogradChoice& c;
  const Memory memory;
  float* const inputs;    // [strip][point][channel][tile]
  float* const products;  // [point][strip][panel][tile][channel of the panel]
  float* const results;   // of a strip: [row][column][channel of the panel]
  int64_t* const offsets;
  const WinogradInput<V> input;
  const WinogradOutput<V> output;

  Winograd(const ondol_conv_args& args, const WinogradChoice& choice, float* scratch)
      : a(args),
        c(choice),
        memory(args, choice),
        inputs(scratch),
        products(inputs + memory.inputs),
        results(products + memory.products),
        offsets((int64_t*)(results + memory.results)),
        input{args, memory.pitch, memory.point},
        output(args, results) {}

  void task(int64_t block, int64_t group) const {
    const int64_t first = c.begin(block), strips = c.begin(block + 1) - first;
    const int64_t panels = ceil_div(a.y_channels, PANEL_WIDTH), begin = panels * group / c.groups;
    const int64_t end = panels * (group + 1) / c.groups;
    for (int64_t k = 0; k < c.depth; k++) offsets[k] = k * memory.pitch;
    for (int64_t s = 0; s < strips; s++) input.strip(WinogradStrip(a, c, first + s), inputs + s * memory.strip);
    for (int64_t p = begin, side; p < end; p += side) {
      side = min_of(c.side, end - p);
      for (int64_t point = 0; point < WINOGRAD_POINTS; point++) multiply(point, first, strips, p, side);
      for (int64_t s = 0; s < strips; s++) {
        const WinogradStrip strip(a, c, first + s);
        for (int64_t i = 0; i < side; i++) {
          output.panel(strip, p + i, products + (s * c.side + i) * memory.sums, memory.sums_point);
        }
      }
    }
  }

  // The products of one point for `panels` panels from p on.
  void multiply(int64_t point, int64_t first, int64_t strips, int64_t p, int64_t panels) const {
    const int64_t all = ceil_div(a.y_channels, PANEL_WIDTH), depth = a.x_channels * PANEL_WIDTH;
    for (int64_t i = 0, together; i < panels; i += together) {
      together = min_of(ChannelTile<V>::side(c.size, panels), panels - i);
      const float* w = a.packed + (point * all + p + i) * depth;
      for (int64_t k = 0; k < a.x_channels; k += c.depth) {
        const int64_t steps = min_of(c.depth, a.x_channels - k);
        for (int64_t s = 0; s < strips; s++) {
          const int64_t tiles = WinogradStrip(a, c, first + s).tiles();
          ChannelTile<V>::asking(tiles, together)(
              steps, offsets, inputs + s * memory.strip + point * memory.point + k * memory.pitch, w + k * PANEL_WIDTH,
              depth, products + point * memory.sums_point + (s * c.side + i) * memory.sums, memory.sums, k == 0);
        }
      }
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
