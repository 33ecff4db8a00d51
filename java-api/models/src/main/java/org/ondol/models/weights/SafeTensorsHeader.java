package org.ondol.models.weights;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import java.io.EOFException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.Shapes;

/**
 * The checked header of a safetensors file.
 *
 * @param dataOffset where in the file the elements begin
 */
record SafeTensorsHeader(Map<String, Entry> entries, Map<String, String> metadata, long dataOffset) {
  /** What the format's own library accepts. */
  static final int MAX_BYTES = 100_000_000;
  static final String METADATA = "__metadata__";

  private static final Map<String, Integer> BYTES = Map.ofEntries(Map.entry("BOOL", 1), Map.entry("U8", 1),
      Map.entry("I8", 1),
      Map.entry("F8_E5M2", 1), Map.entry("F8_E4M3", 1), Map.entry("U16", 2), Map.entry("I16", 2), Map.entry("F16", 2),
      Map.entry("BF16", 2), Map.entry("U32", 4), Map.entry("I32", 4), Map.entry("F32", 4), Map.entry("U64", 8),
          Map.entry("I64", 8),
      Map.entry("F64", 8));

  /**
   * A tensor.
   *
   * @param begin of its elements, counted from the first of all
   * @param end after them
   */
  record Entry(String type, long[] shape, long begin, long end) {
    long bytes() {
      return end - begin;
    }
  }

  /**
   * Parses and checks.
   *
   * @param dataBytes bytes after the header: all of them must belong to a tensor, and to one only
   */
  static SafeTensorsHeader parse(Path file, ByteBuffer json, long dataBytes) {
    Parser parser = new Parser(file);
    int length = json.remaining();
    try {
      parser.read(StandardCharsets.UTF_8.newDecoder().decode(json).toString());
    } catch (CharacterCodingException e) {
      throw new WeightsException("the header of " + file + " is not UTF-8", e);
    } catch (MalformedJsonException | EOFException e) {
      throw new WeightsException("the header of " + file + " is not JSON: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new WeightsException("cannot parse the header of " + file + ": " + e, e);
    }
    parser.checkLayout(dataBytes);
    return new SafeTensorsHeader(Collections.unmodifiableMap(parser.entries),
        Collections.unmodifiableMap(parser.metadata),
        Long.BYTES + (long) length);
  }

  /** Elements are read and written as they lie in memory. */
  static void checkByteOrder() {
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new WeightsException("safetensors need a little-endian machine");
    }
  }

  private static final class Parser {
    final Map<String, Entry> entries = new LinkedHashMap<>();
    final Map<String, String> metadata = new LinkedHashMap<>();
    private final Path file;
    private boolean described;

    Parser(Path file) {
      this.file = file;
    }

    private WeightsException bad(String what) {
      return new WeightsException("the header of " + file + " " + what);
    }

    void read(String text) throws IOException {
      if (!text.startsWith("{")) throw bad("does not begin with {");
      try (JsonReader json = new JsonReader(new StringReader(text))) {
        json.setStrictness(Strictness.STRICT);
        json.beginObject();
        while (json.hasNext()) {
          String name = json.nextName();
          if (name.equals(METADATA)) {
            readMetadata(json);
          } else if (entries.put(name, entry(json, name)) != null) {
            throw bad("has two tensors named " + name);
          }
        }
        json.endObject();
        if (json.peek() != JsonToken.END_DOCUMENT) throw bad("goes on after its end");
      } catch (IllegalStateException e) {
        throw new WeightsException("the header of " + file + " is not what safetensors have: " + e.getMessage(), e);
      }
    }

    private void readMetadata(JsonReader json) throws IOException {
      if (described) throw bad("has " + METADATA + " twice");
      described = true;
      json.beginObject();
      while (json.hasNext()) {
        String key = json.nextName();
        if (json.peek() != JsonToken.STRING) throw bad("has " + METADATA + "." + key + " that is no string");
        if (metadata.put(key, json.nextString()) != null) throw bad("has " + METADATA + "." + key + " twice");
      }
      json.endObject();
    }

    private Entry entry(JsonReader json, String name) throws IOException {
      String type = null;
      long[] shape = null;
      long[] offsets = null;
      json.beginObject();
      while (json.hasNext()) {
        String key = json.nextName();
        boolean twice = false;
        switch (key) {
          case "dtype" -> {
            twice = type != null;
            type = json.nextString();
          }
          case "shape" -> {
            twice = shape != null;
            shape = numbers(json, name);
          }
          case "data_offsets" -> {
            twice = offsets != null;
            offsets = numbers(json, name);
          }
          default -> throw bad("has " + name + " with an unknown " + key);
        }
        if (twice) throw bad("has " + name + " with " + key + " twice");
      }
      json.endObject();
      if (type == null || shape == null || offsets == null) {
        throw bad("has " + name + " without dtype, shape or data_offsets");
      }
      if (offsets.length != 2) throw bad("has " + name + " with " + offsets.length + " data_offsets");
      Entry entry = new Entry(type, shape, offsets[0], offsets[1]);
      check(name, entry);
      return entry;
    }

    private long[] numbers(JsonReader json, String name) throws IOException {
      List<Long> all = new ArrayList<>();
      json.beginArray();
      while (json.hasNext()) {
        boolean number = json.peek() == JsonToken.NUMBER;
        String text = number ? json.nextString() : json.peek().toString();
        if (!number || !text.matches("\\d{1,18}")) throw bad("has " + name + " with the size or offset " + text);
        if (all.size() == Shapes.MAX_RANK) throw bad("has " + name + " of a rank above " + Shapes.MAX_RANK);
        all.add(Long.parseLong(text));
      }
      json.endArray();
      return all.stream().mapToLong(Long::longValue).toArray();
    }

    private void check(String name, Entry e) {
      Integer width = BYTES.get(e.type);
      if (width == null) throw bad("has " + name + " of the unknown type " + e.type);
      if (e.end < e.begin) throw bad("has " + name + " ending at " + e.end + " before its begin " + e.begin);
      long bytes = width;
      try {
        for (long size : e.shape) bytes = Math.multiplyExact(bytes, size);
      } catch (ArithmeticException x) {
        bytes = -1;
      }
      if (bytes != e.bytes()) {
        throw bad("has " + name + " with " + e.bytes() + " bytes for the shape " + Arrays.toString(e.shape) + " of "
            + e.type);
      }
    }

    /** The tensors must cover the data without holes and without overlapping. */
    void checkLayout(long dataBytes) {
      List<Map.Entry<String, Entry>> order = new ArrayList<>(entries.entrySet());
      order.sort(Comparator.<Map.Entry<String, Entry>>comparingLong(e -> e.getValue().begin).thenComparingLong(e ->
          e.getValue().end));
      long at = 0;
      for (Map.Entry<String, Entry> e : order) {
        if (e.getValue().end > dataBytes) {
          throw new WeightsException(file + " is cut short: " + e.getKey() + " ends at " + e.getValue().end + " of "
              + dataBytes + " bytes");
        }
        if (e.getValue().begin < at) throw bad("has " + e.getKey() + " overlapping another tensor");
        if (e.getValue().begin > at) throw bad("has a hole before " + e.getKey());
        at = e.getValue().end;
      }
      if (at != dataBytes) throw bad("accounts for " + at + " of " + dataBytes + " bytes");
    }
  }
}
