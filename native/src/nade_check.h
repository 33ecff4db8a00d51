// Checks that nade and its gradient share.
#ifndef ONDOL_NADE_CHECK_H
#define ONDOL_NADE_CHECK_H

#include "check.h"

namespace ondol {

// Sizes, activation, weights and start. x and what is written are the callers' matter.
bool valid_nade(const ondol_nade_args& a, Check& check);

}  // namespace ondol

#endif
