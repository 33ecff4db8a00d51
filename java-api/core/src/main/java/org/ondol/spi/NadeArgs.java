package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.ops.Activation;

/**
 * A pass over D variables; everything contiguous. See docs/arithmetic.md, nade.
 *
 * @param outputs O; 0 where v and y are null and only the state is wanted
 * @param activation SIGMOID or RELU
 * @param x [rows, variables]; written where uniform is given, else read
 * @param w [variables, hidden]
 * @param v [variables, outputs, hidden]
 * @param bias [variables, outputs], or null
 * @param scale [variables], or null
 * @param start [hidden] or [rows, hidden], by its rank
 * @param y [rows, variables, outputs]
 * @param state [rows, hidden], or null
 * @param uniform [rows, variables]: x is sampled; or null
 * @param known UINT8 [rows, variables] with given FLOAT32 of that shape: where not 0, x is given's; or both null
 */
public record NadeArgs(long rows, long variables, long outputs, long hidden, Activation activation, Tensor x, Tensor w,
    Tensor v, Tensor bias, Tensor scale, Tensor start, Tensor y, Tensor state, Tensor uniform, Tensor known,
    Tensor given) {
  /** Elements from one row's start to the next one's. */
  public long startRow() {
    return start.rank() == 1 ? 0 : hidden;
  }
}
