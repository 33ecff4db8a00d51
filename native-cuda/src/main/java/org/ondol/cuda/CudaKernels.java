package org.ondol.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Set;
import org.ondol.OndolException;
import org.ondol.OutOfMemoryException;
import org.ondol.RecordingException;
import org.ondol.Tensor;
import org.ondol.UnsupportedOnDeviceException;
import org.ondol.Workspace;
import org.ondol.natives.Family;
import org.ondol.natives.StructKernels;
import org.ondol.natives.Words;
import org.ondol.ops.Precision;
import org.ondol.spi.ConvArgs;
import org.ondol.spi.Memory;
import org.ondol.spi.Replay;

/** The CUDA kernels of one device. A call queues its work and returns; reading a result back waits for it. */
final class CudaKernels extends StructKernels {
  private static final int ARGS_WORDS = 256;
  private static final int QUEUE_WORDS = 4;
  private static final int ERROR_BYTES = 256;
  private static final int UNSUPPORTED = 2;
  private static final int OUT_OF_MEMORY = 3;
  private static final ThreadLocal<Call> LOCAL = ThreadLocal.withInitial(Call::new);

  /** What the kernels compute beside EXACT, by operation. */
  private static final Set<Precision> HALVES = Set.of(Precision.BFLOAT16, Precision.FLOAT16);
  private static final Set<Precision> ALL = Set.of(Precision.BFLOAT16, Precision.FLOAT16, Precision.TF32, Precision.BFLOAT16X3);
  private static final Map<String, Set<Precision>> PRECISIONS = Map.of("gemm", ALL, "conv", ALL, "maskedconv", ALL,
      "deconv", ALL, "attention", HALVES, "attentionBackward", HALVES);

  private final String device;
  private final CudaContext context;
  private final CudaRuntime runtime;
  private final CudaMemory memory;
  private final long[] words = new long[Family.values().length];

  /** A thread's memory for the arguments of a native call. */
  private static final class Call {
    final Words args;
    final Words queue;
    final MemorySegment error;

    Call() {
      Arena arena = Arena.ofAuto();
      args = new Words(arena.allocate(ARGS_WORDS * 8L, 8));
      queue = new Words(arena.allocate(QUEUE_WORDS * 8L, 8));
      error = arena.allocate(ERROR_BYTES, 8);
    }
  }

  CudaKernels(String device, CudaRuntime runtime) {
    this.device = device;
    this.runtime = runtime;
    this.context = new CudaContext(device, runtime);
    this.memory = new CudaMemory(context);
    try (Arena arena = Arena.ofConfined()) {
      for (Family family : Family.values()) {
        long name = arena.allocateFrom(family.spelling()).address();
        words[family.ordinal()] = OndolCudaLibrary.ondol_cuda_args_words(name);
      }
    }
  }

  @Override
  public String device() {
    return device;
  }

  @Override
  public Memory memory() {
    return memory;
  }

  @Override
  protected Words begin() {
    return LOCAL.get().args.begin();
  }

  /** The workspace is free for others as soon as the call is queued: whoever gets it next is queued behind. */
  @Override
  protected void execute(Family family, Words args) {
    if (args.written() != words[family.ordinal()]) {
      throw new OndolException(
          family.spelling() + ": wrote " + args.written() + " words of " + words[family.ordinal()]);
    }
    context.errors.check();
    long bytes = workspace(family, args.address());
    Workspace.record(bytes);
    if (bytes == 0) {
      queue(family, args, 0);
      return;
    }
    Memory.Block block = memory.allocate(bytes);
    try {
      queue(family, args, block.address());
    } finally {
      memory.free(block);
    }
  }

  private void queue(Family family, Words args, long workspace) {
    Call call = LOCAL.get();
    CudaCapture capture = context.capture();
    long stream = context.stream;
    long shift = 0;
    if (capture != null) {
      capture.hold(args);
      stream = capture.stream;
      shift = capture.shift;
    }
    call.queue.begin().put(runtime.ordinal()).put(stream).put(workspace).put(shift);
    long status = runtime.run(family, args.address(), call.queue.address(), call.error.address());
    if (status != 0) throw failure(family, status, call.error.asSlice(8).getString(0));
    context.errors.queued(family);
  }

  @Override
  public void synchronize() {
    context.errors.check();
    if (context.capture() != null) throw new RecordingException(device, "waiting for the device");
    try {
      runtime.synchronize(context.stream);
    } catch (CudaFailure e) {
      throw context.errors.of(e, "waiting for operations");
    }
    context.errors.passed();
  }

  @Override
  public Replay record(Tensor shift, Runnable body) {
    context.errors.check();
    if (context.capture() != null) throw new RecordingException(device, "another recording");
    CudaCapture capture;
    try {
      capture = new CudaCapture(context, memory, shift == null ? 0 : shift.address());
    } catch (CudaFailure e) {
      throw context.errors.of(e, "beginning a recording");
    }
    boolean done = false;
    try {
      body.run();
      done = true;
    } finally {
      if (!done) capture.cancel();
    }
    try {
      return capture.end();
    } catch (CudaFailure e) {
      throw context.errors.of(e, "ending a recording");
    }
  }

  @Override
  public boolean computes(String op, Precision precision) {
    return precision == Precision.EXACT || PRECISIONS.getOrDefault(op, Set.of()).contains(precision);
  }

  /** A mode of the CPU: on a GPU the tensor cores' modes take its place. */
  @Override
  public void winograd(ConvArgs args) {
    throw new UnsupportedOnDeviceException("winograd", device);
  }

  /** A call that was not queued. Its status does not tell whether the device is lost; asking the stream does. */
  private OndolException failure(Family family, long status, String message) {
    try {
      runtime.query(context.stream);
    } catch (CudaFailure e) {
      return context.errors.of(e, family.spelling() + ", or an operation before it");
    }
    if (status == UNSUPPORTED) return new UnsupportedOnDeviceException(family.operation(), device, message);
    if (status == OUT_OF_MEMORY) return new OutOfMemoryException(device, family.spelling() + ": " + message);
    return new OndolException("device \"" + device + "\", " + family.spelling() + ": " + message);
  }

  private static long workspace(Family family, long args) {
    return switch (family) {
      case GEMM -> OndolCudaLibrary.ondol_cuda_gemm_workspace(args);
      case ATTENTION -> OndolCudaLibrary.ondol_cuda_attention_workspace(args);
      case ATTENTION_BACKWARD -> OndolCudaLibrary.ondol_cuda_attention_backward_workspace(args);
      case SOFTMAX -> OndolCudaLibrary.ondol_cuda_softmax_workspace(args);
      case SOFTMAX_BACKWARD -> OndolCudaLibrary.ondol_cuda_softmax_backward_workspace(args);
      case LAYERNORM -> OndolCudaLibrary.ondol_cuda_layernorm_workspace(args);
      case LAYERNORM_BACKWARD -> OndolCudaLibrary.ondol_cuda_layernorm_backward_workspace(args);
      case ELEMENTWISE -> OndolCudaLibrary.ondol_cuda_elementwise_workspace(args);
      case CAST -> OndolCudaLibrary.ondol_cuda_cast_workspace(args);
      case REDUCE -> OndolCudaLibrary.ondol_cuda_reduce_workspace(args);
      case EMBEDDING -> OndolCudaLibrary.ondol_cuda_embedding_workspace(args);
      case EMBEDDING_BACKWARD -> OndolCudaLibrary.ondol_cuda_embedding_backward_workspace(args);
      case CONV -> OndolCudaLibrary.ondol_cuda_conv_workspace(args);
      case CONVWEIGHT -> OndolCudaLibrary.ondol_cuda_convweight_workspace(args);
      case DECONV -> OndolCudaLibrary.ondol_cuda_deconv_workspace(args);
      case RESIZE -> OndolCudaLibrary.ondol_cuda_resize_workspace(args);
      case RESIZE_BACKWARD -> OndolCudaLibrary.ondol_cuda_resize_backward_workspace(args);
      case BATCHNORM -> OndolCudaLibrary.ondol_cuda_batchnorm_workspace(args);
      case BATCHNORM_BACKWARD -> OndolCudaLibrary.ondol_cuda_batchnorm_backward_workspace(args);
      case POOL -> OndolCudaLibrary.ondol_cuda_pool_workspace(args);
      case POOL_BACKWARD -> OndolCudaLibrary.ondol_cuda_pool_backward_workspace(args);
      case UNPOOL -> OndolCudaLibrary.ondol_cuda_unpool_workspace(args);
      case UNPOOL_BACKWARD -> OndolCudaLibrary.ondol_cuda_unpool_backward_workspace(args);
      case IOU -> OndolCudaLibrary.ondol_cuda_iou_workspace(args);
      case IOU_BACKWARD -> OndolCudaLibrary.ondol_cuda_iou_backward_workspace(args);
      case ROIWARP -> OndolCudaLibrary.ondol_cuda_roiwarp_workspace(args);
      case ROIWARP_BACKWARD -> OndolCudaLibrary.ondol_cuda_roiwarp_backward_workspace(args);
      case TOPK -> OndolCudaLibrary.ondol_cuda_topk_workspace(args);
      case NMS -> OndolCudaLibrary.ondol_cuda_nms_workspace(args);
      case ROIALIGN -> OndolCudaLibrary.ondol_cuda_roialign_workspace(args);
      case ROIALIGN_BACKWARD -> OndolCudaLibrary.ondol_cuda_roialign_backward_workspace(args);
      case ROIPOOL -> OndolCudaLibrary.ondol_cuda_roipool_workspace(args);
      case ROIPOOL_BACKWARD -> OndolCudaLibrary.ondol_cuda_roipool_backward_workspace(args);
      case NADE -> OndolCudaLibrary.ondol_cuda_nade_workspace(args);
      case NADE_BACKWARD -> OndolCudaLibrary.ondol_cuda_nade_backward_workspace(args);
      case LSTM -> OndolCudaLibrary.ondol_cuda_lstm_workspace(args);
      case LSTM_BACKWARD -> OndolCudaLibrary.ondol_cuda_lstm_backward_workspace(args);
      case WINOGRAD -> throw new UnsupportedOnDeviceException("winograd", "cuda");
    };
  }

  /** The C function of a family: {@link CudaRuntime#run}. */
  static long run(Family family, long args, long queue, long error) {
    return switch (family) {
      case GEMM -> OndolCudaLibrary.ondol_cuda_gemm(args, queue, error);
      case ATTENTION -> OndolCudaLibrary.ondol_cuda_attention(args, queue, error);
      case ATTENTION_BACKWARD -> OndolCudaLibrary.ondol_cuda_attention_backward(args, queue, error);
      case SOFTMAX -> OndolCudaLibrary.ondol_cuda_softmax(args, queue, error);
      case SOFTMAX_BACKWARD -> OndolCudaLibrary.ondol_cuda_softmax_backward(args, queue, error);
      case LAYERNORM -> OndolCudaLibrary.ondol_cuda_layernorm(args, queue, error);
      case LAYERNORM_BACKWARD -> OndolCudaLibrary.ondol_cuda_layernorm_backward(args, queue, error);
      case ELEMENTWISE -> OndolCudaLibrary.ondol_cuda_elementwise(args, queue, error);
      case CAST -> OndolCudaLibrary.ondol_cuda_cast(args, queue, error);
      case REDUCE -> OndolCudaLibrary.ondol_cuda_reduce(args, queue, error);
      case EMBEDDING -> OndolCudaLibrary.ondol_cuda_embedding(args, queue, error);
      case EMBEDDING_BACKWARD -> OndolCudaLibrary.ondol_cuda_embedding_backward(args, queue, error);
      case CONV -> OndolCudaLibrary.ondol_cuda_conv(args, queue, error);
      case CONVWEIGHT -> OndolCudaLibrary.ondol_cuda_convweight(args, queue, error);
      case DECONV -> OndolCudaLibrary.ondol_cuda_deconv(args, queue, error);
      case RESIZE -> OndolCudaLibrary.ondol_cuda_resize(args, queue, error);
      case RESIZE_BACKWARD -> OndolCudaLibrary.ondol_cuda_resize_backward(args, queue, error);
      case BATCHNORM -> OndolCudaLibrary.ondol_cuda_batchnorm(args, queue, error);
      case BATCHNORM_BACKWARD -> OndolCudaLibrary.ondol_cuda_batchnorm_backward(args, queue, error);
      case POOL -> OndolCudaLibrary.ondol_cuda_pool(args, queue, error);
      case POOL_BACKWARD -> OndolCudaLibrary.ondol_cuda_pool_backward(args, queue, error);
      case UNPOOL -> OndolCudaLibrary.ondol_cuda_unpool(args, queue, error);
      case UNPOOL_BACKWARD -> OndolCudaLibrary.ondol_cuda_unpool_backward(args, queue, error);
      case IOU -> OndolCudaLibrary.ondol_cuda_iou(args, queue, error);
      case IOU_BACKWARD -> OndolCudaLibrary.ondol_cuda_iou_backward(args, queue, error);
      case ROIWARP -> OndolCudaLibrary.ondol_cuda_roiwarp(args, queue, error);
      case ROIWARP_BACKWARD -> OndolCudaLibrary.ondol_cuda_roiwarp_backward(args, queue, error);
      case TOPK -> OndolCudaLibrary.ondol_cuda_topk(args, queue, error);
      case NMS -> OndolCudaLibrary.ondol_cuda_nms(args, queue, error);
      case ROIALIGN -> OndolCudaLibrary.ondol_cuda_roialign(args, queue, error);
      case ROIALIGN_BACKWARD -> OndolCudaLibrary.ondol_cuda_roialign_backward(args, queue, error);
      case ROIPOOL -> OndolCudaLibrary.ondol_cuda_roipool(args, queue, error);
      case ROIPOOL_BACKWARD -> OndolCudaLibrary.ondol_cuda_roipool_backward(args, queue, error);
      case NADE -> OndolCudaLibrary.ondol_cuda_nade(args, queue, error);
      case NADE_BACKWARD -> OndolCudaLibrary.ondol_cuda_nade_backward(args, queue, error);
      case LSTM -> OndolCudaLibrary.ondol_cuda_lstm(args, queue, error);
      case LSTM_BACKWARD -> OndolCudaLibrary.ondol_cuda_lstm_backward(args, queue, error);
      case WINOGRAD -> throw new UnsupportedOnDeviceException("winograd", "cuda");
    };
  }

  /** What the loaded library was compiled for. */
  static String architectures() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(ERROR_BYTES);
      OndolCudaLibrary.strncpy(text.address(), OndolCudaLibrary.ondol_cuda_architectures(), ERROR_BYTES - 1);
      return text.getString(0);
    }
  }
}
