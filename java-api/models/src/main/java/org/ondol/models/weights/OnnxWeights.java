package org.ondol.models.weights;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.net.URL;
import java.net.URLConnection;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.Tensor;

/** The float32 initializers of an ONNX model; its graph is not looked at. */
public final class OnnxWeights implements Weights {
  private final String source;
  private final Map<String, TensorProto> initializers = new HashMap<>();

  private OnnxWeights(String source, byte[] file) throws InvalidProtocolBufferException {
    this.source = source;
    CodedInputStream in = CodedInputStream.newInstance(file);
    in.enableAliasing(true);
    try {
      for (TensorProto t : ModelProto.parseFrom(in).getGraph().getInitializerList()) initializers.put(t.getName(), t);
    } catch (InvalidProtocolBufferException e) {
      throw e;
    } catch (IOException e) {
      throw new AssertionError("reading from an array", e);
    }
  }

  /**
   * Reads a resource of the class path or module path.
   *
   * @param loader where to look for it
   */
  public static OnnxWeights resource(ClassLoader loader, String name) {
    URL url = loader.getResource(name);
    if (url == null) throw new WeightsException(name + " is not on the class path");
    try {
      return new OnnxWeights(name, readAll(url));
    } catch (InvalidProtocolBufferException e) {
      throw new WeightsException(url + " is not an ONNX model: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new WeightsException(url + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** Inflates straight into an array of the final size: growing one copies a file of 90 MB twice over. */
  private static byte[] readAll(URL url) throws IOException {
    URLConnection connection = url.openConnection();
    long size = connection.getContentLengthLong();
    try (InputStream in = connection.getInputStream()) {
      if (size < 0 || size > Integer.MAX_VALUE - 8) return in.readAllBytes();
      byte[] bytes = new byte[(int) size];
      int read = in.readNBytes(bytes, 0, bytes.length);
      if (read < bytes.length) throw new IOException("it ends after " + read + " of " + size + " bytes");
      return bytes;
    }
  }

  @Override
  public Tensor tensor(String name, Device device, long... shape) {
    TensorProto t = initializers.get(name);
    if (t == null) throw new WeightsException(source + " has no initializer \"" + name + "\"");
    String place = source + ": \"" + name + "\" ";
    long[] actual = t.getDimsList().stream().mapToLong(Long::longValue).toArray();
    if (!matches(actual, shape)) {
      throw new WeightsException(place + "has shape " + Arrays.toString(actual) + ", expected "
          + Arrays.toString(shape));
    }
    if (t.getDataType() != TensorProto.DataType.FLOAT.getNumber()) {
      throw new WeightsException(place + "is of ONNX type " + t.getDataType() + ", expected 1 (float32)");
    }
    MemorySegment data = data(t);
    long bytes = Float.BYTES;
    for (long size : actual) bytes *= size;
    if (data.byteSize() != bytes) {
      throw new WeightsException(place + "holds " + data.byteSize() + " bytes, expected " + bytes);
    }
    return Tensor.copyOf(device, data, DType.FLOAT32, actual);
  }

  private static boolean matches(long[] actual, long[] expected) {
    if (actual.length != expected.length) return false;
    for (int i = 0; i < actual.length; i++) if (expected[i] != -1 && expected[i] != actual[i]) return false;
    return true;
  }

  /** The elements in native byte order; ONNX stores raw bytes in little-endian order or, rarely, a list of floats. */
  private static MemorySegment data(TensorProto t) {
    boolean raw = t.getFloatDataCount() == 0;
    if (raw && ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN) {
      return MemorySegment.ofBuffer(t.getRawData().asReadOnlyByteBuffer());
    }
    float[] values = new float[raw ? t.getRawData().size() / Float.BYTES : t.getFloatDataCount()];
    if (raw) {
      t.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    } else {
      for (int i = 0; i < values.length; i++) values[i] = t.getFloatData(i);
    }
    return MemorySegment.ofArray(values);
  }
}
