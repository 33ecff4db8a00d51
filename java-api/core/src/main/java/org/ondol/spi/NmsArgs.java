package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.ops.Nms;

/**
 * Non-maximum suppression as docs/arithmetic.md, Boxes, defines it, of {@code groups} independent groups for each
 * image.
 *
 * <p>A group is one class with the candidates 0 to N - 1, or, where options are agnostic, the one group of an image
 * with the candidates {@code class * N + box}. Row g of the results holds the {@code counts[b, g]} selected candidates
 * in the order of their selection, then -1 and +0. With a limit for an image, counts are cut as the definition says.
 * The kernel must not trust counts that it reads back: another thread may change them.
 *
 * @param boxes FLOAT32 [B, N, 4] or [B, N, C, 4], any strides but a last one of 1
 * @param scores FLOAT32 [B, C, N], any strides but a last one of 1
 * @param options checked
 * @param indices INT32 [B, G, K], contiguous, B G K > 0, K at most the candidates of a group
 * @param selectedScores FLOAT32 [B, G, K], contiguous: the scores with which they were selected
 * @param counts INT32 [B, G], contiguous
 */
public record NmsArgs(Tensor boxes, Tensor scores, Nms.Options options, Tensor indices, Tensor selectedScores,
    Tensor counts) {
  public long batch() {
    return scores.size(0);
  }

  public long classes() {
    return scores.size(1);
  }

  /** Boxes of an image. */
  public long boxCount() {
    return scores.size(2);
  }

  /** Rows of the results for an image. */
  public long groups() {
    return indices.size(1);
  }

  /** Elements of a row of the results. */
  public long width() {
    return indices.size(2);
  }

  /** Between the boxes that two classes have for the same index: 0 where they share them. */
  public long classStride() {
    return boxes.rank() == 4 ? boxes.stride(2) : 0;
  }
}
