// conv, maskedconv and deconv: y = act(sum of filters times x + bias + residual), and convweight: the gradient of conv's
// filters. The gradient of conv's input is deconv, that of deconv's is conv. Formulas: docs/arithmetic.md, Convolution.
//
// All are one computation. Output positions whose inputs lie on a regular grid form a phase: all of y for conv, one
// residue of (row, column) modulo the stride for deconv. Within a phase every output position reads the same entries of
// the filters at the same offsets from its place in a zero-padded patch of x, whose columns and rows are dealt out by
// the stride, so that neighbouring positions are neighbours in memory whatever the stride. Dead entries of a mask are
// not in the list of offsets.
//
//   problem.h     grids, phases and taps; classes of output channels with their live entries
//   filters.h     the packed filters: panels of 16 output channels
//   patch.h       the patch of x
//   tiles.h       the register tiles, the only loops that compute
//   store.h       what happens to finished sums
//   conv_plan.h   bands, panels and blocks of a call
//   conv_body.h   conv and deconv, for maps of any size
//   straight.h    tiles of conv for few entries, whose sums go straight to y
//   points.h      the same for few positions an image: the entries of each position are gathered
//   planes.h      depthwise conv with the usual filters
//   weight_body.h convweight
#ifndef ONDOL_CONV_H
#define ONDOL_CONV_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set)                                             \
  ONDOL_HAVE_##set(extern const Kernel<ondol_conv_args> conv_##variant;         \
                   extern const Kernel<ondol_deconv_args> deconv_##variant;     \
                   extern const Kernel<ondol_convweight_args> convweight_##variant;)
#include "conv/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
