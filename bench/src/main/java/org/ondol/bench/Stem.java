package org.ondol.bench;

import java.util.List;

/** The benchmark of one kernel (or model): its cases, and who competes in each. One file per stem. */
public interface Stem<C extends Case> {

  String name();

  List<C> cases();

  /**
   * Milliseconds that Ondol's contenders run at least before they are timed. A network has more code to compile than a
   * kernel: YOLO-Fastest on java took 84 ms after 2.5 s at most, 14 ms after 5 s.
   */
  default double leastWarmUp() {
    return 0;
  }

  /** Fresh contenders, Ondol's first. */
  List<Contender<C>> contenders(C testCase);
}
