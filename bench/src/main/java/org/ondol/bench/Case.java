package org.ondol.bench;

import java.util.Map;

/** One problem of a stem: sizes, inputs (made when first asked for) and a reference answer in float64. */
public interface Case {

  String name();

  /** Floating-point operations that the answer needs (a multiply-add is two); 0 where counting them means nothing. */
  double flops();

  /** Bytes that must be read at least once. */
  double bytes();

  /** Whether memory, not arithmetic, bounds the case: then its share of peak is a share of the read bandwidth. */
  default boolean readBound() {
    return false;
  }

  /**
   * Compares an answer with the reference.
   *
   * @return null when it agrees, otherwise what differs
   */
  String check(Map<String, float[]> answer);
}
