/** The {@code cpu} backend: SIMD kernels in C++ behind JavaCPP. */
@SuppressWarnings("module") // org.ondol.cuda is built later
module org.ondol.natives {
  requires org.ondol.core;
  requires static org.bytedeco.javacpp;

  // What every device behind the C ABI shares.
  exports org.ondol.natives to org.ondol.cuda;

  provides org.ondol.spi.Backend with
      org.ondol.natives.CpuBackend;
}
