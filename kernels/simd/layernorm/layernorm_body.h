// The body of every layernorm variant.
#ifndef ONDOL_LAYERNORM_BODY_H
#define ONDOL_LAYERNORM_BODY_H

#include "lanes16.h"
#include "layernorm/layernorm.h"

namespace ondol {
namespace {

// About 16 K elements a task.
ONDOL_INLINE int64_t layernorm_rows_per_task(int64_t n) {
  return max_of<int64_t>(1, 16384 / max_of<int64_t>(1, n));
}

template <class V>
class LayerNorm {
  typedef typename V::F F;

 public:
  static void plan(const ondol_layernorm_args* a, ondol_plan* plan) {
    plan->phases = 1;
    plan->tasks[0] = ceil_div(a->rows, layernorm_rows_per_task(a->n));
    plan->workspace = 0;
    plan->scratch = 0;
  }

  static void run(const ondol_layernorm_args* a, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t, void*,
                  void*) {
    const int64_t per_task = layernorm_rows_per_task(a->n);
    const int64_t last = min_of(end * per_task, a->rows);
    for (int64_t r = begin * per_task; r < last; r++) row(*a, r);
  }

 private:
  static void row(const ondol_layernorm_args& a, int64_t r) {
    const float* x = a.x + r * a.x_row;
    float* y = a.y + r * a.y_row;
    Lanes16<V> sum(0.0f);
    sum.row(a.n, [&](F p, int64_t i, int64_t count) { return p + load_part<V>(x + i, count); });
    const float mean = sum.sum() / (float)a.n;
    Lanes16<V> squares(0.0f);
    squares.row(a.n, [&](F p, int64_t i, int64_t count) {
      const F d = load_part<V>(x + i, count) - mean;
      return V::fma(d, d, p);
    });
    const float variance = squares.sum() / (float)a.n;
    const float rstd = 1.0f / __builtin_sqrtf(variance + (float)a.eps);
    if (a.mean != nullptr) a.mean[r] = mean;
    if (a.rstd != nullptr) a.rstd[r] = rstd;
    each_vector<V>(a.n, [&](int64_t i, int64_t count) {
      const F gamma = a.gamma != nullptr ? load_part<V>(a.gamma + i, count) : V::set(1.0f);
      const F beta = a.beta != nullptr ? load_part<V>(a.beta + i, count) : V::set(0.0f);
      store_part<V>(y + i, V::fma((load_part<V>(x + i, count) - mean) * rstd, gamma, beta), count);
    });
  }
};

template <class V>
class LayerNormBackward {
  typedef typename V::F F;
  typedef ondol_layernorm_backward_args Args;

  // Columns of a dgamma and dbeta task: two accumulators for each of four vectors stay in registers.
  static constexpr int WIDTH = 4;
  static constexpr int64_t BLOCK = WIDTH * V::lanes;

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    plan->phases = 1;
    plan->tasks[0] = row_tasks(*a) + column_tasks(*a);
    plan->workspace = 0;
    plan->scratch = 0;
  }

  static void run(const Args* a, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t, void*, void*) {
    const int64_t per_task = layernorm_rows_per_task(a->n);
    const int64_t by_rows = row_tasks(*a);
    for (int64_t task = begin; task < end; task++) {
      if (task < by_rows) {
        const int64_t last = min_of((task + 1) * per_task, a->rows);
        for (int64_t r = task * per_task; r < last; r++) row(*a, r);
      } else {
        const int64_t column = (task - by_rows) * BLOCK;
        columns(*a, column, min_of(BLOCK, a->n - column));
      }
    }
  }

 private:
  static int64_t row_tasks(const Args& a) {
    return a.dx == nullptr ? 0 : ceil_div(a.rows, layernorm_rows_per_task(a.n));
  }

  static int64_t column_tasks(const Args& a) {
    return a.dgamma == nullptr && a.dbeta == nullptr ? 0 : ceil_div(a.n, BLOCK);
  }

  static void row(const Args& a, int64_t r) {
    const float* x = a.x + r * a.x_row;
    const float* dy = a.dy + r * a.dy_row;
    float* dx = a.dx + r * a.dx_row;
    const float mean = a.mean[r], rstd = a.rstd[r];
    const auto scaled = [&](int64_t i, int64_t count) {
      const F g = load_part<V>(dy + i, count);
      return a.gamma != nullptr ? g * load_part<V>(a.gamma + i, count) : g;
    };
    const auto normal = [&](int64_t i, int64_t count) { return (load_part<V>(x + i, count) - mean) * rstd; };
    Lanes16<V> plain(0.0f), weighted(0.0f);
    plain.row(a.n, [&](F p, int64_t i, int64_t count) { return p + scaled(i, count); });
    weighted.row(a.n, [&](F p, int64_t i, int64_t count) {
      return V::fma(scaled(i, count), normal(i, count), p);
    });
    const F s1 = V::set(plain.sum() / (float)a.n), s2 = V::set(weighted.sum() / (float)a.n);
    each_vector<V>(a.n, [&](int64_t i, int64_t count) {
      store_part<V>(dx + i, V::fma(-normal(i, count), s2, scaled(i, count) - s1) * rstd, count);
    });
  }

  static void columns(const Args& a, int64_t column, int64_t columns) {
    F gamma[WIDTH], beta[WIDTH];
    for (int w = 0; w < WIDTH; w++) gamma[w] = beta[w] = V::set(0.0f);
    for (int64_t r = 0; r < a.rows; r++) {
      const float* x = a.x + r * a.x_row + column;
      const float* dy = a.dy + r * a.dy_row + column;
      const float mean = a.mean[r], rstd = a.rstd[r];
      each_vector<V>(columns, [&](int64_t c, int64_t count) {
        const int64_t w = c / V::lanes;
        const F g = load_part<V>(dy + c, count);
        gamma[w] = V::fma(g, (load_part<V>(x + c, count) - mean) * rstd, gamma[w]);
        beta[w] = beta[w] + g;
      });
    }
    each_vector<V>(columns, [&](int64_t c, int64_t count) {
      if (a.dgamma != nullptr) store_part<V>(a.dgamma + column + c, gamma[c / V::lanes], count);
      if (a.dbeta != nullptr) store_part<V>(a.dbeta + column + c, beta[c / V::lanes], count);
    });
  }
};

}  // namespace
}  // namespace ondol

#endif
