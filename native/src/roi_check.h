// Checks of maps and regions.
#ifndef ONDOL_ROI_CHECK_H
#define ONDOL_ROI_CHECK_H

#include "check.h"
#include "ondol.h"

namespace ondol {

// Sizes of the levels of a pyramid; with `operands` also that the maps are there.
bool valid_roi_maps(const ondol_roi_map* maps, int64_t levels, int64_t batch, int64_t channels, bool operands, Check& check);

// That the boxes and integers are there; any values are legal.
bool valid_rois(const ondol_rois& rois, Check& check);

// Bins of roipool, and the number of results, everything but the operands.
bool valid_roipool_shape(const ondol_roipool_args& a, Check& check);

// Results of roipool.
int64_t roipool_results(const ondol_roipool_args& a);

}  // namespace ondol

#endif
