// Groups of sequences, and the rows of their states. A state row of W positions lies between zeros, so that the `taps`
// positions around an output are one run of memory: the left operand of a matrix product whose rows are a position
// apart.
#ifndef ONDOL_LSTM_GROUP_H
#define ONDOL_LSTM_GROUP_H

#include "gemm/tile.h"
#include "lstm/lstm.h"

namespace ondol {
namespace {

constexpr int64_t LSTM_GATES = 4;

struct LstmGroups {
  int64_t count;      // groups
  int64_t sequences;  // of a group
  int64_t taps, positions, channels;
  int64_t one_run;  // 1: the windows of all rows of a group are equally far apart

  int64_t around() const { return positions + taps - 1; }
  int64_t depth() const { return taps * channels; }
  int64_t row_floats() const { return around() * channels; }
  int64_t state_floats() const { return round_up(sequences * row_floats(), PANEL_WIDTH); }
  int64_t step() const { return positions == 1 ? depth() : channels; }

  // Enough rows that a pass over K's panels is worth its loads, and a group for every thread where there are so many.
  static LstmGroups choose(int64_t sequences, int64_t positions, int64_t taps, int64_t channels, int64_t threads) {
    constexpr int64_t ROWS = 24;
    const int64_t most = max_of<int64_t>(1, ROWS / max_of<int64_t>(1, positions));
    int64_t each = min_of(most, max_of<int64_t>(1, ceil_div(sequences, threads)));
    const int64_t count = ceil_div(sequences, each);
    each = ceil_div(sequences, max_of<int64_t>(1, count));
    return {count, each, taps, positions, channels, taps == 1 || positions == 1};
  }

  // Calls visit(row, rows) for tiles of at most `most` rows of a group of `n` sequences, all of nearly the same height;
  // `row` counts positions of all sequences.
  template <class Visit>
  void tiles(int64_t n, int64_t most, Visit visit) const {
    const int64_t runs = one_run ? 1 : n, length = one_run ? n * positions : positions;
    const int64_t parts = ceil_div(length, most);
    for (int64_t run = 0; run < runs; run++) {
      for (int64_t p = 0; p < parts; p++) {
        const int64_t begin = length * p / parts, end = length * (p + 1) / parts;
        visit(run * positions + begin, end - begin);
      }
    }
  }

  // Where the window of a row begins in the state.
  int64_t window(int64_t row) const { return row / positions * row_floats() + row % positions * channels; }
};

// A row's sequence and position, counted on without a division.
struct LstmPlace {
  int64_t sequence, position;

  ONDOL_INLINE void next(int64_t positions) {
    if (++position == positions) {
      position = 0;
      sequence++;
    }
  }
};

inline int64_t lstm_time(int64_t step, int64_t steps, int64_t reverse) {
  return reverse ? steps - 1 - step : step;
}

ONDOL_INLINE void lstm_clear(float* p, int64_t n) {
  for (int64_t i = 0; i < n; i++) p[i] = 0.0f;
}

}  // namespace
}  // namespace ondol

#endif
