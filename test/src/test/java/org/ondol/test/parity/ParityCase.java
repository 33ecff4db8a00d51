package org.ondol.test.parity;

import java.util.LinkedHashMap;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.test.oracle.Bound;
import org.ondol.test.support.Operands;

/**
 * One call of an operation with fixed operands. Results are compared by name: a device's with the page reference bit by bit,
 * the page reference's with the float64 oracle's within its bound.
 */
public interface ParityCase {
  /** The arguments in words. */
  String describe();

  /** What docs/arithmetic.md says, computed by the scalar reference. */
  Map<String, float[]> page();

  /** The float64 values with their bounds; empty where operands are not finite or nothing is rounded. */
  Map<String, Bound.Values> oracle();

  /** Runs the operation on the operands' device. */
  Map<String, float[]> run(Operands operands);

  /** Named results in order, for cases to return; null results are left out. */
  static Map<String, float[]> results(Object... namesAndValues) {
    Map<String, float[]> map = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      Object value = namesAndValues[i + 1];
      if (value != null) {
        map.put((String) namesAndValues[i], value instanceof Tensor t ? t.toFloats() : (float[]) value);
      }
    }
    return map;
  }
}
