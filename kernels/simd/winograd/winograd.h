// winograd: conv of 3 x 3 filters at stride 1 by Winograd's minimal filtering, F(4 x 4, 3 x 3) (Lavin and Gray 2016): 36
// multiplications for 16 outputs instead of 144, and other roundings than conv's. Formulas: docs/arithmetic.md, Winograd.
//
//   plan.h           strips of tiles and the tasks for them
//   input.h          the transform of x
//   output.h         the transform of the products, and what follows it
//   winograd_body.h  the loop around them; the products are conv's ChannelTile
#ifndef ONDOL_WINOGRAD_H
#define ONDOL_WINOGRAD_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(extern const Kernel<ondol_winograd_args> winograd_##variant;)
#include "winograd/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
