// Checks that pool, unpool and their gradients share.
#ifndef ONDOL_POOL_CHECK_H
#define ONDOL_POOL_CHECK_H

#include "check.h"
#include "ondol.h"

namespace ondol {

// Sizes and windows: everything but the operands.
bool valid_pool_shape(const ondol_pool_args& a, Check& check);

// Planes that int32_t indices can count.
bool pool_plane_fits(const char* name, int64_t plane, Check& check);

bool valid_unpool_shape(int64_t batch, int64_t channels, int64_t x_plane, int64_t y_plane, Check& check);

}  // namespace ondol

#endif
