package org.ondol.test.onnx;

import ai.onnx.proto.OnnxMl.TensorProto;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A tensor of a conformance case. Floating-point values (float16 too, exactly) are in {@code floats}, integers and booleans
 * in {@code longs}; the other one is null.
 */
public record OnnxValue(String type, long[] dims, float[] floats, long[] longs) {
  static OnnxValue of(TensorProto t) {
    long[] dims = t.getDimsList().stream().mapToLong(Long::longValue).toArray();
    int count = (int) Arrays.stream(dims).reduce(1, (a, b) -> a * b);
    ByteBuffer raw = t.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    boolean hasRaw = raw.remaining() > 0;
    return switch (TensorProto.DataType.forNumber(t.getDataType())) {
      case FLOAT -> {
        float[] floats = new float[count];
        for (int i = 0; i < count; i++) {
          floats[i] = hasRaw ? raw.getFloat(4 * i) : t.getFloatData(i);
        }
        yield new OnnxValue("float", dims, floats, null);
      }
      case FLOAT16 -> {
        float[] floats = new float[count];
        for (int i = 0; i < count; i++) {
          floats[i] = Float.float16ToFloat(hasRaw ? raw.getShort(2 * i) : (short) t.getInt32Data(i));
        }
        yield new OnnxValue("float16", dims, floats, null);
      }
      case INT64 -> {
        long[] longs = new long[count];
        for (int i = 0; i < count; i++) {
          longs[i] = hasRaw ? raw.getLong(8 * i) : t.getInt64Data(i);
        }
        yield new OnnxValue("int64", dims, null, longs);
      }
      case INT32 -> {
        long[] longs = new long[count];
        for (int i = 0; i < count; i++) {
          longs[i] = hasRaw ? raw.getInt(4 * i) : t.getInt32Data(i);
        }
        yield new OnnxValue("int32", dims, null, longs);
      }
      case BOOL -> {
        long[] longs = new long[count];
        for (int i = 0; i < count; i++) {
          longs[i] = hasRaw ? raw.get(i) : t.getInt32Data(i);
        }
        yield new OnnxValue("bool", dims, null, longs);
      }
      default -> new OnnxValue("type " + t.getDataType(), dims, null, null);
    };
  }

  public int rank() {
    return dims.length;
  }

  public int size(int dim) {
    return (int) dims[dim];
  }

  public boolean[] booleans() {
    boolean[] result = new boolean[longs.length];
    for (int i = 0; i < result.length; i++) {
      result[i] = longs[i] != 0;
    }
    return result;
  }
}
