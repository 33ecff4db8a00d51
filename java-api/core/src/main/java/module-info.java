/**
 * Ondol's core: tensors, the contracts of its operations, the backend interface and the pure-Java backend.
 *
 * <p>The Vector API is optional: with {@code --add-modules jdk.incubator.vector} the {@code java} device uses it, without
 * it the device computes the same bits with scalar code.
 */
module org.ondol.core {
  requires static jdk.incubator.vector;

  exports org.ondol;
  exports org.ondol.grad;
  exports org.ondol.ops;
  exports org.ondol.spi;

  uses org.ondol.spi.Backend;

  provides org.ondol.spi.Backend with
      org.ondol.vector.JavaBackend;
}
