/** The {@code cuda} backend: CUDA kernels behind JavaCPP, devices and memory through its CUDA presets. */
module org.ondol.cuda {
  requires org.ondol.core;
  requires org.ondol.natives;
  requires org.bytedeco.cuda;
  requires org.bytedeco.javacpp;

  provides org.ondol.spi.Backend with
      org.ondol.cuda.CudaBackend;
}
