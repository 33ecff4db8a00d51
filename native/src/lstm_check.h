// Checks that lstm and its gradient share.
#ifndef ONDOL_LSTM_CHECK_H
#define ONDOL_LSTM_CHECK_H

#include "check.h"

namespace ondol {

// Sizes of a call, and of all tensors together: every product that indexes memory fits.
template <class Args>
bool check_lstm_sizes(const Args& a, Check& check) {
  constexpr int64_t MOST = int64_t(1) << 40;
  if (!check.between("hidden", a.hidden, 1, MOST) || !check.between("taps", a.taps, 1, MOST) ||
      !check.between("before", a.before, 0, a.taps - 1) || !check.flag("reverse", a.reverse)) {
    return false;
  }
  if (!check.between("positions", a.positions, 0, MOST)) return false;
  const int64_t rows[] = {a.steps, a.sequences, a.positions + a.taps, 4 * a.hidden};
  const int64_t weight[] = {a.taps, a.hidden, 4 * a.hidden};
  return check.sizes("[steps, sequences, positions + taps, 4 hidden]", rows, 4) &&
         check.sizes("[taps, hidden, 4 hidden]", weight, 3);
}

}  // namespace ondol

#endif
