// The body of every embedding variant.
#ifndef ONDOL_EMBEDDING_BODY_H
#define ONDOL_EMBEDDING_BODY_H

#include "embedding/embedding.h"
#include "simd.h"

namespace ondol {
namespace {

// Id i, or -1 where it is outside the vocabulary.
ONDOL_INLINE int64_t embedding_id(const void* ids, int64_t id_bytes, int64_t i, int64_t vocabulary) {
  const int64_t id = id_bytes == 4 ? ((const int32_t*)ids)[i] : ((const int64_t*)ids)[i];
  return id >= 0 && id < vocabulary ? id : -1;
}

// About 16 K elements a task.
ONDOL_INLINE int64_t embedding_rows_per_task(int64_t width) {
  return max_of<int64_t>(1, 16384 / max_of<int64_t>(1, width));
}

template <class V>
class Embedding {
 public:
  static void plan(const ondol_embedding_args* a, ondol_plan* plan) {
    plan->phases = 1;
    plan->tasks[0] = ceil_div(a->count, embedding_rows_per_task(a->width));
    plan->workspace = 0;
    plan->scratch = 0;
  }

  static void run(const ondol_embedding_args* a, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t, void*,
                  void*) {
    const int64_t per_task = embedding_rows_per_task(a->width);
    const int64_t last = min_of(end * per_task, a->count);
    for (int64_t i = begin * per_task; i < last; i++) {
      const int64_t id = embedding_id(a->ids, a->id_bytes, i, a->vocabulary);
      float* out = a->out + i * a->out_row;
      if (id < 0) {
        __builtin_memset(out, 0, a->width * sizeof(float));
      } else {
        __builtin_memcpy(out, a->table + id * a->table_row, a->width * sizeof(float));
      }
    }
  }
};

template <class V>
class EmbeddingBackward {
  typedef typename V::F F;
  typedef ondol_embedding_backward_args Args;

  // Ids are read once: a caller that changes them during the call gets some mixture of gradients, never a bad address.
  struct Sorted {
    int64_t* end;    // [vocabulary + 1]: positions with id v are order[end[v - 1], end[v]), from 0 for v = 0
    int64_t* order;  // [count]
    int64_t* id;     // [count], -1 outside the vocabulary

    Sorted(const Args& a, void* workspace)
        : end((int64_t*)workspace), order(end + a.vocabulary + 1), id(order + a.count) {}
  };

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    plan->phases = 2;
    plan->tasks[0] = 1;
    plan->tasks[1] = ceil_div(a->vocabulary, embedding_rows_per_task(a->width));
    plan->workspace = (a->vocabulary + 1 + 2 * a->count) * (int64_t)sizeof(int64_t);
    plan->scratch = 0;
  }

  static void run(const Args* a, const ondol_plan*, int64_t phase, int64_t begin, int64_t end, int64_t, void* workspace,
                  void*) {
    const Sorted sorted(*a, workspace);
    if (phase == 0) {
      sort(*a, sorted);
      return;
    }
    const int64_t per_task = embedding_rows_per_task(a->width);
    const int64_t last = min_of(end * per_task, a->vocabulary);
    for (int64_t v = begin * per_task; v < last; v++) {
      const int64_t first = v == 0 ? 0 : sorted.end[v - 1];
      sum(*a, sorted.order + first, sorted.end[v] - first, a->dtable + v * a->table_row);
    }
  }

 private:
  static void sort(const Args& a, const Sorted& sorted) {
    int64_t* cursor = sorted.end;
    for (int64_t v = 0; v <= a.vocabulary; v++) cursor[v] = 0;
    for (int64_t i = 0; i < a.count; i++) {
      sorted.id[i] = embedding_id(a.ids, a.id_bytes, i, a.vocabulary);
      if (sorted.id[i] >= 0) cursor[sorted.id[i] + 1]++;
    }
    for (int64_t v = 0; v < a.vocabulary; v++) cursor[v + 1] += cursor[v];
    for (int64_t i = 0; i < a.count; i++) {
      if (sorted.id[i] >= 0) sorted.order[cursor[sorted.id[i]]++] = i;
    }
  }

  static void sum(const Args& a, const int64_t* order, int64_t count, float* out) {
    constexpr int WIDTH = 4;
    for (int64_t column = 0; column < a.width; column += WIDTH * V::lanes) {
      const int64_t columns = min_of<int64_t>(WIDTH * V::lanes, a.width - column);
      F acc[WIDTH];
      for (int w = 0; w < WIDTH; w++) acc[w] = V::set(0.0f);
      for (int64_t k = 0; k < count; k++) {
        const float* dout = a.dout + order[k] * a.out_row + column;
        each_vector<V>(columns, [&](int64_t c, int64_t part) {
          acc[c / V::lanes] = acc[c / V::lanes] + load_part<V>(dout + c, part);
        });
      }
      each_vector<V>(columns, [&](int64_t c, int64_t part) {
        store_part<V>(out + column + c, acc[c / V::lanes], part);
      });
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
