package org.ondol.spi;

import java.util.List;
import org.ondol.Tensor;

/**
 * dx from dy. An index outside its bin, whatever it is, counts nowhere and is never followed.
 *
 * @param forward without maps and y; with the indices of maxima, null for averages
 * @param dy contiguous, as y
 * @param dx [N, C, H_l, W_l] for each level, contiguous, overwritten
 */
public record RoiPoolBackwardArgs(RoiPoolArgs forward, Tensor dy, List<Tensor> dx) {}
