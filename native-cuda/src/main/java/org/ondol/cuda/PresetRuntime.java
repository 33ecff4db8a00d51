package org.ondol.cuda;

import static org.bytedeco.cuda.global.cudart.cudaErrorMemoryAllocation;
import static org.bytedeco.cuda.global.cudart.cudaFree;
import static org.bytedeco.cuda.global.cudart.cudaGetErrorName;
import static org.bytedeco.cuda.global.cudart.cudaGetErrorString;
import static org.bytedeco.cuda.global.cudart.cudaGetLastError;
import static org.bytedeco.cuda.global.cudart.cudaMalloc;
import static org.bytedeco.cuda.global.cudart.cudaMemGetInfo;
import static org.bytedeco.cuda.global.cudart.cudaMemcpyAsync;
import static org.bytedeco.cuda.global.cudart.cudaMemcpyDeviceToHost;
import static org.bytedeco.cuda.global.cudart.cudaMemcpyHostToDevice;
import static org.bytedeco.cuda.global.cudart.cudaSetDevice;
import static org.bytedeco.cuda.global.cudart.cudaStreamCreateWithFlags;
import static org.bytedeco.cuda.global.cudart.cudaStreamNonBlocking;
import static org.bytedeco.cuda.global.cudart.cudaStreamSynchronize;
import static org.bytedeco.cuda.global.cudart.cudaSuccess;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.SizeTPointer;
import org.ondol.OndolException;

/** A device through the CUDA runtime, by JavaCPP's presets. */
final class PresetRuntime implements CudaRuntime {
  private final int ordinal;
  private final CUstream_st stream;

  /** An address as the presets take it. */
  private static final class Address extends Pointer {
    Address(long address) {
      this.address = address;
    }
  }

  PresetRuntime(int ordinal) {
    this.ordinal = ordinal;
    select();
    stream = new CUstream_st();
    // Non-blocking: the default stream of somebody else's CUDA code in this process must not hold ours up.
    check(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking), "creating a stream");
  }

  @Override
  public int ordinal() {
    return ordinal;
  }

  @Override
  public long stream() {
    return stream.address();
  }

  @Override
  public long allocate(long bytes) {
    select();
    Pointer result = new Address(0);
    int code = cudaMalloc(result, bytes);
    if (code == cudaErrorMemoryAllocation) {
      cudaGetLastError(); // it is handled here and must not come up in a later call
      return 0;
    }
    check(code, "allocating " + bytes + " bytes");
    return result.address();
  }

  @Override
  public void free(long address) {
    select();
    check(cudaFree(new Address(address)), "freeing memory");
  }

  @Override
  public long available() {
    select();
    try (SizeTPointer free = new SizeTPointer(1); SizeTPointer total = new SizeTPointer(1)) {
      check(cudaMemGetInfo(free, total), "asking for the free memory");
      return free.get();
    }
  }

  @Override
  public void upload(MemorySegment source, long target, long bytes) {
    if (!source.isNative()) {
      try (Arena arena = Arena.ofConfined()) {
        upload(arena.allocate(bytes).copyFrom(source.asSlice(0, bytes)), target, bytes);
      }
      return;
    }
    select();
    String what = "copying " + bytes + " bytes to the device";
    Pointer from = new Address(source.address());
    check(cudaMemcpyAsync(new Address(target), from, bytes, cudaMemcpyHostToDevice, stream), what);
    check(cudaStreamSynchronize(stream), what);
  }

  @Override
  public void download(long source, MemorySegment target, long bytes) {
    if (!target.isNative()) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment staged = arena.allocate(bytes);
        download(source, staged, bytes);
        MemorySegment.copy(staged, 0, target, 0, bytes);
      }
      return;
    }
    select();
    String what = "copying " + bytes + " bytes from the device, or a kernel before it";
    Pointer to = new Address(target.address());
    check(cudaMemcpyAsync(to, new Address(source), bytes, cudaMemcpyDeviceToHost, stream), what);
    check(cudaStreamSynchronize(stream), what);
  }

  /** The current device belongs to the thread, so every call names it. */
  private void select() {
    check(cudaSetDevice(ordinal), "selecting the device");
  }

  private void check(int code, String during) {
    if (code == cudaSuccess) return;
    throw new OndolException("device \"cuda:" + ordinal + "\", " + during + ": " + describe(code));
  }

  static String describe(int code) {
    return cudaGetErrorString(code).getString() + " (" + cudaGetErrorName(code).getString() + ")";
  }
}
