package org.ondol.bench;

import java.util.List;

/** The benchmark of one kernel (or model): its cases, and who competes in each. One file per stem. */
public interface Stem<C extends Case> {

  String name();

  List<C> cases();

  /** Milliseconds that contenders run at least before they are timed: a network has more code to compile than a kernel. */
  default double leastWarmUp() {
    return 0;
  }

  /** Fresh contenders, Ondol's first. */
  List<Contender<C>> contenders(C testCase);
}
