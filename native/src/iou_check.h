// Checks that iou and its gradient share.
#ifndef ONDOL_IOU_CHECK_H
#define ONDOL_IOU_CHECK_H

#include "check.h"

namespace ondol {

// Boxes [n, 4].
inline bool check_boxes(Check& check, const char* count, int64_t n, const char* name, const float* boxes) {
  const int64_t sizes[] = {n, 4};
  return check.sizes(count, sizes, 2) && (n == 0 || check.given(name, boxes));
}

}  // namespace ondol

#endif
