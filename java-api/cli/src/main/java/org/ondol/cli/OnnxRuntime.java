package org.ondol.cli;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.List;
import java.util.Map;
import org.ondol.Threads;
import org.ondol.models.MiniLm;

/**
 * The same model file in ONNX Runtime, on as many threads. It takes a batch as a rectangle with a mask, so short texts
 * are padded to the longest; what it lacks, the mean and its normalisation, is added here.
 */
final class OnnxRuntime implements AutoCloseable {
  private final OrtEnvironment environment;
  private final OrtSession session;

  private OnnxRuntime(byte[] model) throws OrtException {
    environment = OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, "ondol");
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(Threads.count());
      options.setInterOpNumThreads(1);
      options.addConfigEntry("session.intra_op.allow_spinning", "0"); // idle threads would disturb whoever runs next
      session = environment.createSession(model, options);
    }
  }

  /** Whether the library is there at all. */
  static boolean isPresent() {
    try {
      Class.forName("ai.onnxruntime.OrtEnvironment", false, OnnxRuntime.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }

  static OnnxRuntime open() {
    try (InputStream in = MiniLm.class.getClassLoader().getResourceAsStream(MiniLm.WEIGHTS)) {
      if (in == null) throw new CommandException(MiniLm.WEIGHTS + " is not on the class path");
      return new OnnxRuntime(in.readAllBytes());
    } catch (IOException | OrtException e) {
      throw new CommandException("ONNX Runtime cannot load " + MiniLm.WEIGHTS + ": " + e.getMessage(), e);
    }
  }

  String version() {
    return environment.getVersion();
  }

  /** The vectors of texts given as token ids. */
  float[][] encode(List<long[]> sequences) {
    int batch = sequences.size();
    int length = sequences.stream().mapToInt(s -> s.length).max().orElse(0);
    LongBuffer ids = LongBuffer.allocate(batch * length);
    LongBuffer mask = LongBuffer.allocate(batch * length);
    for (int b = 0; b < batch; b++) {
      long[] sequence = sequences.get(b);
      ids.put(b * length, sequence);
      for (int i = 0; i < sequence.length; i++) mask.put(b * length + i, 1);
    }
    long[] shape = {batch, length};
    try (OnnxTensor i = OnnxTensor.createTensor(environment, ids, shape);
        OnnxTensor m = OnnxTensor.createTensor(environment, mask, shape);
        OnnxTensor t = OnnxTensor.createTensor(environment, LongBuffer.allocate(batch * length), shape);
        OrtSession.Result result = session.run(Map.of("input_ids", i, "attention_mask", m, "token_type_ids", t))) {
      FloatBuffer hidden = ((OnnxTensor) result.get(0)).getFloatBuffer();
      int width = hidden.remaining() / (batch * length);
      float[][] vectors = new float[batch][];
      for (int b = 0; b < batch; b++) vectors[b] = pool(hidden, b * length, sequences.get(b).length, width);
      return vectors;
    } catch (OrtException e) {
      throw new CommandException("ONNX Runtime failed: " + e.getMessage(), e);
    }
  }

  /** The normalised mean of some rows. */
  private static float[] pool(FloatBuffer hidden, int firstRow, int rows, int width) {
    double[] sum = new double[width];
    for (int i = 0; i < rows; i++) {
      for (int d = 0; d < width; d++) sum[d] += hidden.get((firstRow + i) * width + d);
    }
    double norm = 0;
    for (double s : sum) norm += s * s;
    float[] vector = new float[width];
    for (int d = 0; d < width; d++) vector[d] = (float) (sum[d] / Math.sqrt(norm));
    return vector;
  }

  @Override
  public void close() {
    try {
      session.close();
    } catch (OrtException e) {
      throw new CommandException("ONNX Runtime failed to close: " + e.getMessage(), e);
    }
  }
}
