package org.ondol;

import java.util.ArrayList;
import java.util.List;

/**
 * Owns the tensors that its thread creates while it is the innermost open scope, and closes them with itself:
 *
 * <pre>{@code
 * try (Scope scope = Scope.open()) {
 *   Tensor h = Gemm.matmul(x, w);
 *   return scope.keep(Elementwise.relu(h));   // outlives the scope
 * }
 * }</pre>
 *
 * Scopes nest per thread. Tensors made outside any scope are closed by their owner.
 */
public final class Scope implements AutoCloseable {
  private static final ThreadLocal<Scope> CURRENT = new ThreadLocal<>();

  private final Thread owner = Thread.currentThread();
  private final Scope parent = CURRENT.get();
  private final List<Tensor> tensors = new ArrayList<>();
  private boolean closed;

  private Scope() {}

  /** Opens a scope inside this thread's current one. */
  public static Scope open() {
    Scope scope = new Scope();
    CURRENT.set(scope);
    return scope;
  }

  static void adopt(Tensor tensor) {
    Scope scope = CURRENT.get();
    if (scope != null) scope.tensors.add(tensor);
  }

  /** Moves a tensor of this scope to the enclosing one, or to the caller's care where there is none. */
  public Tensor keep(Tensor tensor) {
    checkUsable();
    for (int i = tensors.size() - 1; i >= 0; i--) {
      if (tensors.get(i) == tensor) {
        tensors.remove(i);
        if (parent != null) parent.tensors.add(tensor);
        return tensor;
      }
    }
    return tensor;
  }

  /** Takes a tensor out of every scope; the caller closes it. For parameters that outlive all scopes. */
  public static Tensor detach(Tensor tensor) {
    for (Scope scope = CURRENT.get(); scope != null; scope = scope.parent) {
      for (int i = scope.tensors.size() - 1; i >= 0; i--) {
        if (scope.tensors.get(i) == tensor) {
          scope.tensors.remove(i);
          return tensor;
        }
      }
    }
    return tensor;
  }

  /** Closes the scope's tensors, and first any scope inside it that was left open. */
  @Override
  public void close() {
    if (closed) return;
    checkUsable();
    for (Scope inner = CURRENT.get(); inner != this; inner = CURRENT.get()) inner.close();
    closed = true;
    CURRENT.set(parent);
    for (int i = tensors.size() - 1; i >= 0; i--) tensors.get(i).close();
    tensors.clear();
  }

  private void checkUsable() {
    if (closed) throw new ClosedException("the scope is closed");
    if (Thread.currentThread() != owner) {
      throw new InvalidArgumentException("scope", "owned by thread " + owner.getName(), "use by its own thread only");
    }
  }
}
