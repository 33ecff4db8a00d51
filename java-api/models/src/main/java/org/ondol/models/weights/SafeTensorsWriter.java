package org.ondol.models.weights;

import com.google.gson.stream.JsonWriter;
import java.io.IOException;
import java.io.StringWriter;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;

/**
 * Writes safetensors files, whole or not at all: into a new file beside the target, which is synchronised to the disk
 * and then renamed over it. Whatever happens, the target is either the old file or the new one. A process that is
 * killed meanwhile leaves the unfinished file behind, named .NAME.XXXXXXXX.tmp.
 */
public final class SafeTensorsWriter {
  private static final int PIECE = 1 << 20;

  private SafeTensorsWriter() {}

  /**
   * Writes tensors of any device as F32, I64, I32 or U8.
   *
   * @param tensors by name; laid out by falling element size, then in the map's order, so that all are aligned
   * @param metadata what the file says of itself; may be empty
   * @throws WeightsException if the file could not be written; an older one is then unchanged
   */
  public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
    SafeTensorsHeader.checkByteOrder();
    if (file == null) throw new InvalidArgumentException("file", "null", "a path");
    List<Map.Entry<String, Tensor>> order = checked(tensors);
    ByteBuffer header = header(order, metadata);
    Path temporary = null;
    try {
      Path target = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
      Path fresh = target.resolveSibling("." + target.getFileName() + "." + suffix() + ".tmp");
      try (FileChannel channel = FileChannel.open(fresh, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        temporary = fresh;
        writeAll(channel, header);
        for (Map.Entry<String, Tensor> e : order) write(channel, e.getValue());
        channel.force(true);
      }
      Files.move(fresh, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      temporary = null;
      synchronizeFolder(target.getParent());
    } catch (IOException e) {
      throw new WeightsException("cannot write " + file + ": " + e + "; what was there is unchanged", e);
    } finally {
      delete(temporary);
    }
  }

  private static String suffix() {
    return HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextInt());
  }

  private static List<Map.Entry<String, Tensor>> checked(Map<String, Tensor> tensors) {
    if (tensors == null) throw new InvalidArgumentException("tensors", "null", "tensors by name");
    List<Map.Entry<String, Tensor>> order = new ArrayList<>();
    for (Map.Entry<String, Tensor> e : tensors.entrySet()) {
      if (e.getKey() == null || e.getKey().equals(SafeTensorsHeader.METADATA)) {
        throw new InvalidArgumentException("tensors", "with one named " + e.getKey(), "other names");
      }
      if (e.getValue() == null) {
        throw new InvalidArgumentException("tensors", "with null for " + e.getKey(), "a tensor");
      }
      if (e.getValue().isClosed()) e.getValue().acquire(); // throws the ClosedException that names it
      order.add(Map.entry(e.getKey(), e.getValue()));
    }
    order.sort(Comparator.comparingInt(e -> -e.getValue().dtype().bytes()));
    return order;
  }

  /** The length of the header and the header, padded with blanks to a multiple of 8 bytes. */
  private static ByteBuffer header(List<Map.Entry<String, Tensor>> order, Map<String, String> metadata) {
    try {
      ByteBuffer json = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(json(order, metadata)));
      int length = (json.remaining() + 7) / 8 * 8;
      if (length > SafeTensorsHeader.MAX_BYTES) {
        throw new InvalidArgumentException("tensors", "with a header of " + length + " bytes", "at most "
            + SafeTensorsHeader.MAX_BYTES);
      }
      ByteBuffer out = ByteBuffer.allocate(Long.BYTES + length).order(ByteOrder.LITTLE_ENDIAN);
      out.putLong(length).put(json);
      while (out.hasRemaining()) out.put((byte) ' ');
      return out.flip();
    } catch (CharacterCodingException e) {
      throw new InvalidArgumentException("tensors", "with names that are not Unicode", "names without lone surrogates");
    } catch (IOException e) {
      throw new AssertionError("a StringWriter throws nothing", e);
    }
  }

  private static String json(List<Map.Entry<String, Tensor>> order, Map<String, String> metadata) throws IOException {
    StringWriter text = new StringWriter();
    long at = 0;
    try (JsonWriter json = new JsonWriter(text)) {
      json.beginObject();
      if (metadata != null && !metadata.isEmpty()) {
        json.name(SafeTensorsHeader.METADATA).beginObject();
        for (Map.Entry<String, String> e : metadata.entrySet()) {
          if (e.getKey() == null || e.getValue() == null) {
            throw new InvalidArgumentException("metadata", e, "keys with values");
          }
          json.name(e.getKey()).value(e.getValue());
        }
        json.endObject();
      }
      for (Map.Entry<String, Tensor> e : order) {
        Tensor t = e.getValue();
        long end = at + t.count() * t.dtype().bytes();
        json.name(e.getKey()).beginObject().name("dtype").value(type(t.dtype())).name("shape").beginArray();
        for (long size : t.shape()) json.value(size);
        json.endArray().name("data_offsets").beginArray().value(at).value(end).endArray().endObject();
        at = end;
      }
      json.endObject();
    }
    return text.toString();
  }

  private static String type(DType type) {
    return switch (type) {
      case FLOAT32 -> "F32";
      case INT64 -> "I64";
      case INT32 -> "I32";
      case UINT8 -> "U8";
      case BFLOAT16 -> "BF16";
      case FLOAT16 -> "F16";
    };
  }

  private static void write(FileChannel channel, Tensor tensor) throws IOException {
    try (Tensor here = tensor.to(Device.of("java")); Tensor dense = here.contiguous()) {
      int width = dense.dtype().bytes();
      long bytes = dense.count() * width;
      ByteBuffer buffer = ByteBuffer.allocateDirect((int) Math.min(PIECE, Math.max(bytes, 1)));
      for (long at = 0; at < bytes; at += buffer.limit()) {
        buffer.clear().limit((int) Math.min(buffer.capacity(), bytes - at));
        MemorySegment.copy(dense.segment(), dense.offset() * width + at, MemorySegment.ofBuffer(buffer), 0,
            buffer.limit());
        writeAll(channel, buffer);
      }
    }
  }

  private static void writeAll(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) channel.write(buffer);
  }

  /** Makes the new name last; a system that cannot open folders as files keeps names by other means. */
  private static void synchronizeFolder(Path folder) throws IOException {
    if (System.getProperty("os.name").startsWith("Windows")) return;
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  private static void delete(Path temporary) {
    if (temporary == null) return;
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException e) {
      System.getLogger("org.ondol").log(System.Logger.Level.WARNING, "the unfinished file " + temporary
          + " could not be deleted: " + e);
    }
  }
}
