package org.ondol;

import org.ondol.ops.Precision;
import org.ondol.spi.Kernels;
import org.ondol.spi.Memory;

/**
 * Where a tensor lives and its operations run. Devices are obtained by name from {@link Devices}; two devices are equal
 * when their names are.
 */
public final class Device {
  private final String name;
  private final String description;
  private final Kernels kernels;
  private final Precision precision;
  private final Device exact;

  Device(String name, String description, Kernels kernels) {
    this.name = name;
    this.description = description;
    this.kernels = kernels;
    this.precision = Precision.EXACT;
    this.exact = this;
  }

  /** Another precision of a device. */
  Device(Device exact, Precision precision) {
    this.name = exact.name + ":" + precision.label();
    this.description = exact.description + ", products in precision " + precision;
    this.kernels = exact.kernels;
    this.precision = precision;
    this.exact = exact;
  }

  /** The same as {@link Devices#get}. */
  public static Device of(String name) {
    return Devices.get(name);
  }

  /** The name, such as {@code cpu} or {@code cuda:0}. */
  public String name() {
    return name;
  }

  /** The hardware and the kernel variant in words. */
  public String description() {
    return description;
  }

  /** How products of FLOAT32 tensors are computed where a call does not say; EXACT but for {@link #precision(Precision)}. */
  public Precision precision() {
    return precision;
  }

  /**
   * This device with another precision for the products of FLOAT32 tensors: of {@code cuda:0} and TF32 the device
   * {@code cuda:0:tf32}, which {@link Devices#get} knows too. A model that is made on it or moved to it computes so,
   * forward and backward, and nothing else of it changes:
   *
   * <pre>{@code
   * Device device = Device.of("cuda:0").precision(Precision.BFLOAT16);
   * Bert model = bert.to(device);
   * }</pre>
   *
   * TF32 and BFLOAT16X3 round operands inside the product. With BFLOAT16 and FLOAT16, mixed precision, the operands of
   * gemm, attention, conv, maskedconv and deconv and of their gradients are cast before, and results cast back: tensors,
   * parameters and whatever lies between stay FLOAT32. Calls that name a precision, or have operands of 16 bits, are
   * unaffected; so are lstm and nade, which have no precision but EXACT. Both devices have one memory, and
   * {@link Tensor#to(Device)} between them is a view.
   *
   * @throws UnsupportedOnDeviceException if the device has no such products; an operation that lacks the precision on
   *     a device that has it for others throws when it is called
   */
  public Device precision(Precision precision) {
    if (precision == null) throw new InvalidArgumentException("precision", "null", "a precision");
    if (precision == Precision.EXACT) return exact;
    if (!kernels.computes("gemm", precision)) {
      throw new UnsupportedOnDeviceException("gemm", exact.name, "in precision " + precision,
          "use precision EXACT, or a cuda device");
    }
    return Devices.variant(exact, precision);
  }

  /** The operations of this device. For the operations' own code; arguments are not checked again. */
  public Kernels kernels() {
    return kernels;
  }

  /**
   * Gives memory that freed tensors left for the next ones back to the operating system or the driver, for others to use.
   * Host devices share their memory, so that it is trimmed for all of them.
   *
   * @return bytes that were given back
   */
  public long trim() {
    return memory().trim();
  }

  /**
   * Waits until every operation called so far has run; needed for timing only, since reading a tensor waits as well. Host
   * devices run each operation before its call returns.
   *
   * @throws DeviceLostException if an operation made the device unusable
   */
  public void synchronize() {
    kernels.synchronize();
  }

  Memory memory() {
    return kernels.memory();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Device device && device.name.equals(name);
  }

  @Override
  public int hashCode() {
    return name.hashCode();
  }

  @Override
  public String toString() {
    return name;
  }
}
