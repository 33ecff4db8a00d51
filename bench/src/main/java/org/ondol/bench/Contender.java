package org.ondol.bench;

import java.util.Map;

/**
 * One way to compute a case: a backend of Ondol or a peer. A stem makes a fresh one for every case, so a contender
 * keeps its inputs, sessions and outputs in plain fields.
 */
public interface Contender<C extends Case> extends AutoCloseable {

  /** The library: "cpu", "java", "onnxruntime", "libtorch", "onednn", "openblas". */
  String name();

  /** What of the library ran: an instruction set, an operator, a layout. Asked after {@link #prepare}. */
  String variant();

  /** Peers are what Ondol is compared with; they get no ratio of their own. */
  boolean peer();

  /** Whether a peer's time is a fair measure of this one: the peer may have been given more, such as packed weights. */
  default boolean comparable(Contender<C> peer) {
    return true;
  }

  /** Everything that a user does once: loading, packing weights, creating inputs. Not timed. */
  void prepare(C testCase) throws Exception;

  /** The timed work, with the answer left where {@link #result} finds it. */
  void run() throws Exception;

  /** How many runs make the answer that is timed, where they all cost the same and one stands for all of them. */
  default long repetitions() {
    return 1;
  }

  /** The named answers of the last run, in the layout that the case states. */
  Map<String, float[]> result() throws Exception;

  @Override
  default void close() throws Exception {}

  /** This contender cannot run here; the message says why, and what to do. */
  final class Unavailable extends Exception {
    private static final long serialVersionUID = 1;

    public Unavailable(String why) {
      super(why);
    }
  }
}
