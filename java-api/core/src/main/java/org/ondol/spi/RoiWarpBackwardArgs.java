package org.ondol.spi;

import org.ondol.Tensor;

/**
 * Gradient dx of the images, not empty, from dy; both contiguous.
 *
 * @param forward without fill, x and y
 */
public record RoiWarpBackwardArgs(RoiWarpArgs forward, Tensor dy, Tensor dx) {}
