package org.ondol.test.models;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A safetensors file: the length of a JSON header, the header, and the little-endian elements it points at. */
final class SafeTensors {
  private final JsonObject header;
  private final ByteBuffer data;

  SafeTensors(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    byte[] json = new byte[Math.toIntExact(bytes.getLong())];
    bytes.get(json);
    header = JsonParser.parseString(new String(json, StandardCharsets.UTF_8)).getAsJsonObject();
    data = bytes.slice().order(ByteOrder.LITTLE_ENDIAN);
  }

  boolean has(String name) {
    return header.has(name);
  }

  float[] floats(String name) {
    ByteBuffer part = part(name, "F32");
    float[] values = new float[part.remaining() / Float.BYTES];
    part.asFloatBuffer().get(values);
    return values;
  }

  /** Half precision, which float32 holds exactly. */
  float[] halves(String name) {
    ByteBuffer part = part(name, "F16");
    float[] values = new float[part.remaining() / Short.BYTES];
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.float16ToFloat(part.getShort(Short.BYTES * i));
    }
    return values;
  }

  /** Bytes without a sign. */
  int[] bytes(String name) {
    ByteBuffer part = part(name, "U8");
    int[] values = new int[part.remaining()];
    for (int i = 0; i < values.length; i++) {
      values[i] = part.get(i) & 0xFF;
    }
    return values;
  }

  long[] shape(String name) {
    return header.getAsJsonObject(name).getAsJsonArray("shape").asList().stream().mapToLong(e -> e.getAsLong()).toArray();
  }

  long[] longs(String name) {
    ByteBuffer part = part(name, "I64");
    long[] values = new long[part.remaining() / Long.BYTES];
    part.asLongBuffer().get(values);
    return values;
  }

  private ByteBuffer part(String name, String type) {
    JsonObject entry = header.getAsJsonObject(name);
    String actual = entry.get("dtype").getAsString();
    if (!actual.equals(type)) throw new IllegalArgumentException(name + " is of type " + actual + ", expected " + type);
    int from = entry.getAsJsonArray("data_offsets").get(0).getAsInt();
    int to = entry.getAsJsonArray("data_offsets").get(1).getAsInt();
    return data.slice(from, to - from).order(ByteOrder.LITTLE_ENDIAN);
  }
}
