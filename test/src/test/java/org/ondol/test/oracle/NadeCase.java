package org.ondol.test.oracle;

/** Operands of one pass of nade and of its gradient, as plain arrays. */
public final class NadeCase {
  public int rows;
  public int variables;
  public int outputs;
  public int hidden;
  public boolean relu;
  /** [rows, variables]. */
  public float[] x;
  /** [variables, hidden]. */
  public float[] w;
  /** [variables, outputs, hidden]. */
  public float[] v;
  /** [variables, outputs], or null. */
  public float[] bias;
  /** [variables], or null. */
  public float[] scale;
  /** [hidden], or [rows, hidden] where {@link #ownStart}. */
  public float[] start;
  public boolean ownStart;
  /** [rows, variables, outputs]. */
  public float[] dy;
  /** [rows, hidden], or null. */
  public float[] dstate;

  public float start(int n, int h) {
    return start[(ownStart ? n * hidden : 0) + h];
  }

  @Override
  public String toString() {
    return "rows=" + rows + " variables=" + variables + " outputs=" + outputs + " hidden=" + hidden + (relu ? " relu" : " sigmoid")
        + (bias == null ? "" : " bias") + (scale == null ? "" : " scale") + (ownStart ? " start of each row" : "")
        + (dstate == null ? "" : " dstate");
  }
}
