// The slices along n of a contiguous [outer, n, inner] array, for kernels that reduce over n: whole rows where inner is
// 1, else blocks of neighbouring columns, so that lanes run across columns and every load is contiguous.
#ifndef ONDOL_SLICES_H
#define ONDOL_SLICES_H

#include "lanes16.h"
#include "ondol.h"

namespace ondol {
namespace {

template <class V>
struct Slices {
  // Four vectors: at least one whole cache line of each of the n rows that a block walks down.
  static constexpr int64_t BLOCK = 4 * V::lanes;
  static constexpr int64_t TASK = 16384;  // elements of a task, about

  int64_t outer, n, inner, blocks, per_task;

  Slices(int64_t outer, int64_t n, int64_t inner)
      : outer(outer), n(n), inner(inner), blocks(ceil_div(inner, BLOCK)) {
    per_task = max_of<int64_t>(1, TASK / max_of<int64_t>(1, n * min_of(inner, BLOCK)));
  }

  void plan(ondol_plan* plan) const {
    plan->phases = 1;
    plan->tasks[0] = ceil_div(outer * blocks, per_task);
    plan->workspace = 0;
    plan->scratch = 0;
  }

  bool rows() const { return inner == 1; }

  // Calls visit(o, column, columns) for each slice of tasks [begin, end): [column, column + columns) of outer o.
  template <class Visit>
  void each(int64_t begin, int64_t end, Visit visit) const {
    const int64_t last = min_of(end * per_task, outer * blocks);
    for (int64_t at = begin * per_task; at < last; at++) {
      const int64_t column = at % blocks * BLOCK;
      visit(at / blocks, column, min_of(BLOCK, inner - column));
    }
  }
};

// Lanes16 for a block of columns: sixteen partials for each column, kept in memory (the whole block fits the L1 cache).
template <class V>
class Columns16 {
  typedef typename V::F F;
  static constexpr int WIDTH = Slices<V>::BLOCK / V::lanes;

 public:
  // Results of sum or max, by vector of the block.
  struct Result {
    F vector[WIDTH];
  };

  explicit Columns16(float start) {
    for (int j = 0; j < 16; j++) {
      for (int w = 0; w < WIDTH; w++) part_[j][w] = V::set(start);
    }
  }

  // Calls step(partial, offset, column, count) for each vector, rows ascending: `offset` is that of the vector's first
  // element from the block's, `column` its column in the block.
  template <class Step>
  ONDOL_INLINE void walk(int64_t n, int64_t inner, int64_t columns, Step step) {
    for (int64_t i = 0; i < n; i++) {
      F* part = part_[i % 16];
      each_vector<V>(columns, [&](int64_t c, int64_t count) __attribute__((always_inline)) {
        part[c / V::lanes] = step(part[c / V::lanes], i * inner + c, c, count);
      });
    }
  }

  Result sum() const {
    return tree([](F a, F b) { return a + b; });
  }

  Result max() const {
    return tree([](F a, F b) { return vmax<V>(a, b); });
  }

 private:
  template <class Join>
  Result tree(Join join) const {
    Result result;
    for (int w = 0; w < WIDTH; w++) {
      F p[16];
      for (int j = 0; j < 16; j++) p[j] = part_[j][w];
      for (int half = 8; half > 0; half /= 2) {
        for (int j = 0; j < half; j++) p[j] = join(p[j], p[j + half]);
      }
      result.vector[w] = p[0];
    }
    return result;
  }

  F part_[16][WIDTH];
};

}  // namespace
}  // namespace ondol

#endif
