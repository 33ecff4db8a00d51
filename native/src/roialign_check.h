// Checks that roialign and its gradient share.
#ifndef ONDOL_ROIALIGN_CHECK_H
#define ONDOL_ROIALIGN_CHECK_H

#include "check.h"
#include "ondol.h"

namespace ondol {

// Everything but y; with `operands` also that the maps are there.
bool valid_roialign(const ondol_roialign_args& a, bool operands, Check& check);

// Elements of y.
int64_t roialign_results(const ondol_roialign_args& a);

// An output that overlaps neither the regions nor the indices.
bool roialign_apart(const char* name, const float* out, int64_t floats, const ondol_roialign_args& a, Check& check);

}  // namespace ondol

#endif
