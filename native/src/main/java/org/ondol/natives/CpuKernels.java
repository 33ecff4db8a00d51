package org.ondol.natives;

import org.ondol.HostMemory;
import org.ondol.spi.Memory;

/** The SIMD kernels on the shared thread pool. */
final class CpuKernels extends StructKernels {
  private final String device;
  private final Stem[] stems;

  /**
   * @param variant the variant that every kernel must use, or null for the best of each
   */
  CpuKernels(String device, String variant) {
    this.device = device;
    Family[] families = Family.values();
    stems = new Stem[families.length];
    for (int i = 0; i < families.length; i++) stems[i] = Stem.of(families[i], variant);
  }

  @Override
  public String device() {
    return device;
  }

  @Override
  public Memory memory() {
    return HostMemory.INSTANCE;
  }

  @Override
  protected Words begin() {
    return Call.local().args.begin();
  }

  @Override
  protected void execute(Family family, Words args) {
    Call.local().execute(device, stems[family.ordinal()]);
  }
}
