/** The {@code cpu} backend: SIMD kernels in C++ behind JavaCPP. */
module org.ondol.natives {
  requires org.ondol.core;
  requires static org.bytedeco.javacpp;

  provides org.ondol.spi.Backend with
      org.ondol.natives.CpuBackend;
}
