package org.ondol.spi;

import org.ondol.Tensor;

/**
 * Which filter entries take part in a convolution. Channels of y that share their live entries form a class, within one
 * group: class i has {@code channels[channelStart[i] .. channelStart[i + 1])}, every channel is in exactly one class, and
 * the live entries {@code live[liveStart[i] .. liveStart[i + 1])}, strictly ascending, as
 * {@code (c * kernelH + ky) * kernelW + kx} with c the channel of x within the group. The arrays are never changed.
 *
 * @param table INT32 on the device: channelStart, channels, liveStart, live, one after the other
 */
public record LiveEntries(int[] channelStart, int[] channels, int[] liveStart, int[] live, Tensor table) {
  public int classes() {
    return channelStart.length - 1;
  }
}
