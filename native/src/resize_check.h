// What the checks of resize and of its gradient share.
#ifndef ONDOL_RESIZE_CHECK_H
#define ONDOL_RESIZE_CHECK_H

#include "check.h"

namespace ondol {

// Cells of one axis lie in the input.
inline bool check_cells(Check& check, const char* name, const int32_t* cells, const float* weights, int64_t out, int64_t in) {
  if (!check.given(name, cells)) return false;
  for (int64_t i = 0; i < (weights == nullptr ? out : 2 * out); i++) {
    if (cells[i] < 0 || cells[i] >= in) {
      return check.fail("%s[%lld] = %d: expected 0 to %lld", name, (long long)i, cells[i], (long long)in - 1);
    }
  }
  return true;
}

// Sizes, tables and the two maps; `small` is on the input's side.
template <class Args>
bool check_resize(const Args& a, Check& check, const char* small_name, const float* small, const char* large_name,
                  const float* large, bool small_is_output) {
  const int64_t in[] = {a.planes, a.in_rows, a.in_columns}, out[] = {a.planes, a.out_rows, a.out_columns};
  if (!check.sizes("[planes, in_rows, in_columns]", in, 3) || !check.sizes("[planes, out_rows, out_columns]", out, 3)) {
    return false;
  }
  const int64_t in_count = in[0] * in[1] * in[2], out_count = out[0] * out[1] * out[2];
  if ((a.row_weights == nullptr) != (a.column_weights == nullptr)) {
    return check.fail("column_weights = %p: expected to be null exactly when row_weights is", (const void*)a.column_weights);
  }
  if (in_count > 0 && !check.given(small_name, small)) return false;
  if (out_count > 0 && !check.given(large_name, large)) return false;
  if (a.out_rows > 0 && !check_cells(check, "rows", a.rows, a.row_weights, a.out_rows, a.in_rows)) return false;
  if (a.out_columns > 0 && !check_cells(check, "columns", a.columns, a.column_weights, a.out_columns, a.in_columns)) {
    return false;
  }
  return small_is_output ? check.apart(small_name, small, in_count, large_name, large, out_count, false)
                         : check.apart(large_name, large, out_count, small_name, small, in_count, false);
}

}  // namespace ondol

#endif
