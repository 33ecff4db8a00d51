package org.ondol.bench.peers;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.ondol.bench.Bench;

/**
 * ONNX Runtime with its tensors bound once: direct buffers in, direct buffers out, so that a run copies nothing on the
 * Java side. Its threads do not spin when idle, as they would disturb whoever is timed next.
 */
public final class OnnxSession implements AutoCloseable {
  private static final OrtEnvironment ENVIRONMENT =
      OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, "ondol-bench");

  private final OrtSession session;
  private final Map<String, OnnxTensor> inputs = new LinkedHashMap<>();
  private final Map<String, OnnxTensor> outputs = new LinkedHashMap<>();
  private final Map<String, FloatBuffer> results = new LinkedHashMap<>();
  private final Set<String> requested = new LinkedHashSet<>();
  private OrtSession.Result last;

  public OnnxSession(byte[] model) throws OrtException {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(Bench.threads());
      options.setInterOpNumThreads(1);
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
      options.addConfigEntry("session.intra_op.allow_spinning", "0");
      session = ENVIRONMENT.createSession(model, options);
    }
  }

  public Set<String> outputNames() {
    return session.getOutputNames();
  }

  /** The shape of the only output, as the model says. */
  public long[] outputShape() throws OrtException {
    return ((TensorInfo) session.getOutputInfo().values().iterator().next().getInfo()).getShape();
  }

  public OnnxSession input(String name, float[] data, long... shape) throws OrtException {
    FloatBuffer buffer = floats(data.length).put(data).flip();
    inputs.put(name, OnnxTensor.createTensor(ENVIRONMENT, buffer, shape));
    return this;
  }

  public OnnxSession input(String name, int[] data, long... shape) throws OrtException {
    IntBuffer buffer = bytes(4L * data.length).asIntBuffer().put(data).flip();
    inputs.put(name, OnnxTensor.createTensor(ENVIRONMENT, buffer, shape));
    return this;
  }

  public OnnxSession input(String name, long[] data, long... shape) throws OrtException {
    LongBuffer buffer = bytes(8L * data.length).asLongBuffer().put(data).flip();
    inputs.put(name, OnnxTensor.createTensor(ENVIRONMENT, buffer, shape));
    return this;
  }

  public OnnxSession output(String name, long... shape) throws OrtException {
    long size = 1;
    for (long d : shape) {
      size *= d;
    }
    FloatBuffer buffer = floats(size);
    results.put(name, buffer);
    outputs.put(name, OnnxTensor.createTensor(ENVIRONMENT, buffer, shape));
    return this;
  }

  /** An output written over an input, such as a key cache that grows in place. */
  public OnnxSession outputInPlace(String name, String input) {
    outputs.put(name, inputs.get(input));
    return this;
  }

  /** An output of integers, or of a size that is not known before, which the runtime allocates at every run. */
  public OnnxSession request(String name) {
    requested.add(name);
    return this;
  }

  public void run() throws OrtException {
    if (last != null) {
      last.close();
    }
    last = session.run(inputs, requested, outputs);
  }

  /** The integers of a requested output of the last run, as floats, which hold small ones exactly. */
  public float[] integers(String name) {
    LongBuffer longs = ((OnnxTensor) last.get(name).orElseThrow()).getLongBuffer();
    float[] floats = new float[longs.remaining()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = longs.get(i);
    }
    return floats;
  }

  /** The result of a model with one output, where the runtime left it. */
  public FloatBuffer onlyResult() {
    return results.values().iterator().next();
  }

  public float[] result(String name) {
    FloatBuffer buffer = results.get(name);
    float[] copy = new float[buffer.capacity()];
    buffer.get(0, copy);
    return copy;
  }

  private static FloatBuffer floats(long count) {
    return bytes(4 * count).asFloatBuffer();
  }

  private static ByteBuffer bytes(long count) {
    return ByteBuffer.allocateDirect(Math.toIntExact(count)).order(ByteOrder.nativeOrder());
  }

  @Override
  public void close() throws OrtException {
    if (last != null) {
      last.close();
    }
    inputs.values().forEach(OnnxTensor::close);
    results.keySet().forEach(name -> outputs.get(name).close()); // the others are inputs
    session.close();
  }
}
