package org.ondol.models.layers;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Parts of a layer under construction: should one of them fail, those before it are closed.
 *
 * <pre>{@code
 * try (Assembly parts = new Assembly()) {
 *   return parts.done(new Pair(parts.add(first.to(device)), parts.add(second.to(device))));
 * }
 * }</pre>
 */
public final class Assembly implements AutoCloseable {
  private final Deque<AutoCloseable> parts = new ArrayDeque<>();

  /** No parts yet. */
  public Assembly() {}

  /** Takes care of a part until {@link #done}. */
  public <T extends AutoCloseable> T add(T part) {
    parts.push(part);
    return part;
  }

  /** Hands all parts over to the layer made of them. */
  public <T> T done(T layer) {
    parts.clear();
    return layer;
  }

  /** Closes the parts, the newest first, unless {@link #done} handed them over. */
  @Override
  public void close() {
    closeAll(parts);
    parts.clear();
  }

  /** Closes every part, also when closing one of them throws. */
  public static void closeAll(Iterable<? extends AutoCloseable> parts) {
    RuntimeException failure = null;
    for (AutoCloseable part : parts) {
      try {
        part.close();
      } catch (RuntimeException e) {
        if (failure == null) failure = e; else failure.addSuppressed(e);
      } catch (Exception e) {
        throw new AssertionError("tensors and layers throw no checked exceptions", e);
      }
    }
    if (failure != null) throw failure;
  }
}
