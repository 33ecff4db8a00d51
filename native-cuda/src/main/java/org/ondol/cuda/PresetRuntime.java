package org.ondol.cuda;

import static org.bytedeco.cuda.global.cudart.cudaErrorAssert;
import static org.bytedeco.cuda.global.cudart.cudaErrorContained;
import static org.bytedeco.cuda.global.cudart.cudaErrorContextIsDestroyed;
import static org.bytedeco.cuda.global.cudart.cudaErrorECCUncorrectable;
import static org.bytedeco.cuda.global.cudart.cudaErrorExternalDevice;
import static org.bytedeco.cuda.global.cudart.cudaErrorHardwareStackError;
import static org.bytedeco.cuda.global.cudart.cudaErrorIllegalAddress;
import static org.bytedeco.cuda.global.cudart.cudaErrorIllegalInstruction;
import static org.bytedeco.cuda.global.cudart.cudaErrorInvalidAddressSpace;
import static org.bytedeco.cuda.global.cudart.cudaErrorInvalidPc;
import static org.bytedeco.cuda.global.cudart.cudaErrorLaunchFailure;
import static org.bytedeco.cuda.global.cudart.cudaErrorLaunchTimeout;
import static org.bytedeco.cuda.global.cudart.cudaErrorMemoryAllocation;
import static org.bytedeco.cuda.global.cudart.cudaErrorMisalignedAddress;
import static org.bytedeco.cuda.global.cudart.cudaErrorMpsClientTerminated;
import static org.bytedeco.cuda.global.cudart.cudaErrorNotReady;
import static org.bytedeco.cuda.global.cudart.cudaErrorNvlinkUncorrectable;
import static org.bytedeco.cuda.global.cudart.cudaErrorTensorMemoryLeak;
import static org.bytedeco.cuda.global.cudart.cudaEventCreateWithFlags;
import static org.bytedeco.cuda.global.cudart.cudaEventDestroy;
import static org.bytedeco.cuda.global.cudart.cudaEventDisableTiming;
import static org.bytedeco.cuda.global.cudart.cudaEventRecord;
import static org.bytedeco.cuda.global.cudart.cudaEventSynchronize;
import static org.bytedeco.cuda.global.cudart.cudaFree;
import static org.bytedeco.cuda.global.cudart.cudaFreeHost;
import static org.bytedeco.cuda.global.cudart.cudaGetErrorName;
import static org.bytedeco.cuda.global.cudart.cudaGetErrorString;
import static org.bytedeco.cuda.global.cudart.cudaGetLastError;
import static org.bytedeco.cuda.global.cudart.cudaGraphDestroy;
import static org.bytedeco.cuda.global.cudart.cudaGraphExecDestroy;
import static org.bytedeco.cuda.global.cudart.cudaGraphInstantiate;
import static org.bytedeco.cuda.global.cudart.cudaGraphLaunch;
import static org.bytedeco.cuda.global.cudart.cudaHostAlloc;
import static org.bytedeco.cuda.global.cudart.cudaHostAllocDefault;
import static org.bytedeco.cuda.global.cudart.cudaMalloc;
import static org.bytedeco.cuda.global.cudart.cudaMemGetInfo;
import static org.bytedeco.cuda.global.cudart.cudaMemcpyAsync;
import static org.bytedeco.cuda.global.cudart.cudaMemcpyDeviceToHost;
import static org.bytedeco.cuda.global.cudart.cudaMemcpyHostToDevice;
import static org.bytedeco.cuda.global.cudart.cudaMemsetAsync;
import static org.bytedeco.cuda.global.cudart.cudaSetDevice;
import static org.bytedeco.cuda.global.cudart.cudaStreamBeginCapture;
import static org.bytedeco.cuda.global.cudart.cudaStreamCaptureModeRelaxed;
import static org.bytedeco.cuda.global.cudart.cudaStreamCreateWithFlags;
import static org.bytedeco.cuda.global.cudart.cudaStreamDestroy;
import static org.bytedeco.cuda.global.cudart.cudaStreamEndCapture;
import static org.bytedeco.cuda.global.cudart.cudaStreamNonBlocking;
import static org.bytedeco.cuda.global.cudart.cudaStreamQuery;
import static org.bytedeco.cuda.global.cudart.cudaStreamSynchronize;
import static org.bytedeco.cuda.global.cudart.cudaSuccess;

import java.lang.foreign.MemorySegment;
import java.util.Set;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.SizeTPointer;

/** A device through the CUDA runtime, by JavaCPP's presets: one call each, and what a failure means. */
final class PresetRuntime implements CudaRuntime {
  /** Those of which the CUDA runtime says that the process must be ended and started again to use the device. */
  private static final Set<Integer> LOSSES = Set.of(cudaErrorIllegalAddress, cudaErrorLaunchTimeout, cudaErrorAssert,
      cudaErrorHardwareStackError, cudaErrorIllegalInstruction, cudaErrorMisalignedAddress, cudaErrorInvalidAddressSpace,
      cudaErrorInvalidPc, cudaErrorLaunchFailure, cudaErrorTensorMemoryLeak, cudaErrorECCUncorrectable,
      cudaErrorNvlinkUncorrectable, cudaErrorContained, cudaErrorContextIsDestroyed, cudaErrorExternalDevice,
      cudaErrorMpsClientTerminated);

  private final int ordinal;

  /** An address or a handle as the presets take it. */
  private static final class Address extends Pointer {
    Address(long address) {
      this.address = address;
    }
  }

  PresetRuntime(int ordinal) {
    this.ordinal = ordinal;
  }

  @Override
  public int ordinal() {
    return ordinal;
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
    check(code);
    return result.address();
  }

  @Override
  public void free(long address) {
    select();
    check(cudaFree(new Address(address)));
  }

  @Override
  public long available() {
    return memory(true);
  }

  @Override
  public long capacity() {
    return memory(false);
  }

  private long memory(boolean free) {
    select();
    try (SizeTPointer left = new SizeTPointer(1); SizeTPointer total = new SizeTPointer(1)) {
      check(cudaMemGetInfo(left, total));
      return free ? left.get() : total.get();
    }
  }

  @Override
  public MemorySegment pin(long bytes) {
    select();
    Pointer result = new Address(0);
    int code = cudaHostAlloc(result, bytes, cudaHostAllocDefault);
    if (code == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      return null;
    }
    check(code);
    return MemorySegment.ofAddress(result.address()).reinterpret(bytes);
  }

  @Override
  public void unpin(MemorySegment memory) {
    select();
    check(cudaFreeHost(new Address(memory.address())));
  }

  @Override
  public long createStream() {
    select();
    CUstream_st stream = new CUstream_st();
    // Non-blocking: the default stream of somebody else's CUDA code in this process must not hold ours up.
    check(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking));
    return stream.address();
  }

  @Override
  public void destroyStream(long stream) {
    select();
    check(cudaStreamDestroy(stream(stream)));
  }

  @Override
  public void synchronize(long stream) {
    select();
    check(cudaStreamSynchronize(stream(stream)));
  }

  @Override
  public void query(long stream) {
    select();
    int code = cudaStreamQuery(stream(stream));
    if (code != cudaErrorNotReady) check(code);
  }

  @Override
  public void upload(MemorySegment source, long target, long bytes, long stream) {
    select();
    Pointer from = new Address(source.address());
    check(cudaMemcpyAsync(new Address(target), from, bytes, cudaMemcpyHostToDevice, stream(stream)));
  }

  @Override
  public void download(long source, MemorySegment target, long bytes, long stream) {
    select();
    Pointer to = new Address(target.address());
    check(cudaMemcpyAsync(to, new Address(source), bytes, cudaMemcpyDeviceToHost, stream(stream)));
  }

  @Override
  public void zero(long target, long bytes, long stream) {
    select();
    check(cudaMemsetAsync(new Address(target), 0, bytes, stream(stream)));
  }

  @Override
  public long createEvent() {
    select();
    CUevent_st event = new CUevent_st();
    check(cudaEventCreateWithFlags(event, cudaEventDisableTiming));
    return event.address();
  }

  @Override
  public void destroyEvent(long event) {
    select();
    check(cudaEventDestroy(event(event)));
  }

  @Override
  public void record(long event, long stream) {
    select();
    check(cudaEventRecord(event(event), stream(stream)));
  }

  @Override
  public void await(long event) {
    select();
    check(cudaEventSynchronize(event(event)));
  }

  /** Relaxed: the thread allocates meanwhile, and so do others; that nothing waits for the capture is CudaCapture's care. */
  @Override
  public void beginCapture(long stream) {
    select();
    check(cudaStreamBeginCapture(stream(stream), cudaStreamCaptureModeRelaxed));
  }

  @Override
  public long endCapture(long stream) {
    select();
    CUgraph_st graph = new CUgraph_st();
    int code = cudaStreamEndCapture(stream(stream), graph);
    try {
      check(code);
      CUgraphExec_st executable = new CUgraphExec_st();
      check(cudaGraphInstantiate(executable, graph, 0));
      return executable.address();
    } finally {
      if (graph.address() != 0) cudaGraphDestroy(graph); // the executable has what it needs
    }
  }

  @Override
  public void launch(long graph, long stream) {
    select();
    check(cudaGraphLaunch(new CUgraphExec_st(new Address(graph)), stream(stream)));
  }

  @Override
  public void destroyGraph(long graph) {
    select();
    check(cudaGraphExecDestroy(new CUgraphExec_st(new Address(graph))));
  }

  private static CUstream_st stream(long handle) {
    return new CUstream_st(new Address(handle));
  }

  private static CUevent_st event(long handle) {
    return new CUevent_st(new Address(handle));
  }

  /** The current device belongs to the thread, so every call names it. */
  private void select() {
    check(cudaSetDevice(ordinal));
  }

  private static void check(int code) {
    if (code == cudaSuccess) return;
    cudaGetLastError(); // or it would come up again in a call that has nothing to do with it
    CudaFailure.Kind kind = code == cudaErrorMemoryAllocation ? CudaFailure.Kind.MEMORY
        : LOSSES.contains(code) ? CudaFailure.Kind.LOST : CudaFailure.Kind.REFUSED;
    throw new CudaFailure(kind, describe(code));
  }

  static String describe(int code) {
    return cudaGetErrorString(code).getString() + " (" + cudaGetErrorName(code).getString() + ")";
  }
}
