package org.ondol.models.weights;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.models.weights.SafeTensorsHeader.Entry;

/**
 * A file of tensors in the format of Hugging Face's safetensors: the length of a JSON header, the header, and the
 * little-endian elements it points at. Opening checks the header against the file, so that later reads find what it
 * promises; elements are read when they are asked for. F16 and BF16 become FLOAT32, which holds them
 * exactly, unless they are asked for as they are {@link #stored}.
 */
public final class SafeTensors implements Weights, AutoCloseable {
  private static final int PIECE = 1 << 20;

  private final Path file;
  private final FileChannel channel;
  private final SafeTensorsHeader header;

  private SafeTensors(Path file, FileChannel channel, SafeTensorsHeader header) {
    this.file = file;
    this.channel = channel;
    this.header = header;
  }

  /**
   * Opens a file; a file that is renamed over it later is not seen.
   *
   * @throws WeightsException if it cannot be read, is cut short, or its header is not what the format allows
   */
  public static SafeTensors open(Path file) {
    SafeTensorsHeader.checkByteOrder();
    if (file == null) throw new InvalidArgumentException("file", "null", "a path");
    FileChannel channel = null;
    boolean done = false;
    try {
      channel = FileChannel.open(file, StandardOpenOption.READ);
      SafeTensors opened = new SafeTensors(file, channel, readHeader(file, channel));
      done = true;
      return opened;
    } catch (IOException e) {
      throw new WeightsException("cannot read " + file + ": " + e, e);
    } finally {
      if (!done && channel != null) close(channel);
    }
  }

  private static SafeTensorsHeader readHeader(Path file, FileChannel channel) throws IOException {
    long size = channel.size();
    if (size < Long.BYTES) throw new WeightsException(file + " has " + size + " bytes, too few for a safetensors file");
    ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    fill(file, channel, length, 0);
    long bytes = length.getLong(0);
    if (bytes < 2 || bytes > SafeTensorsHeader.MAX_BYTES) {
      throw new WeightsException(file + " announces a header of " + Long.toUnsignedString(bytes)
          + " bytes; expected 2 to "
          + SafeTensorsHeader.MAX_BYTES);
    }
    if (bytes > size - Long.BYTES) {
      throw new WeightsException(file + " is cut short: it has " + size + " bytes and a header of " + bytes);
    }
    ByteBuffer json = ByteBuffer.allocate((int) bytes);
    fill(file, channel, json, Long.BYTES);
    return SafeTensorsHeader.parse(file, json.flip(), size - Long.BYTES - bytes);
  }

  /** Reads until the buffer is full. */
  private static void fill(Path file, FileChannel channel, ByteBuffer buffer, long at) throws IOException {
    while (buffer.hasRemaining()) {
      int n = channel.read(buffer, at);
      if (n < 0) throw new WeightsException(file + " was cut short while it was read");
      at += n;
    }
  }

  /** The names of the tensors, in the order of the header. */
  public Set<String> names() {
    return header.entries().keySet();
  }

  public boolean has(String name) {
    return header.entries().containsKey(name);
  }

  /** What the file says of itself. */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  /** The element type as the format names it, such as F32. */
  public String type(String name) {
    return entry(name).type();
  }

  public long[] shape(String name) {
    return entry(name).shape().clone();
  }

  private Entry entry(String name) {
    Entry e = header.entries().get(name);
    if (e == null) throw new WeightsException(file + " has no tensor named " + name);
    return e;
  }

  /** A new tensor: FLOAT32 of F32, F16 and BF16, INT64 of I64, INT32 of I32, UINT8 of U8 and BOOL. */
  public Tensor tensor(String name, Device device) {
    Entry e = entry(name);
    return switch (e.type()) {
      case "F32" -> copy(e, device, DType.FLOAT32);
      case "F16", "BF16" -> halves(e, device);
      case "I64" -> copy(e, device, DType.INT64);
      case "I32" -> copy(e, device, DType.INT32);
      case "U8", "BOOL" -> copy(e, device, DType.UINT8);
      default -> throw new WeightsException(name + " in " + file + " is of type " + e.type()
          + "; expected F32, F16, BF16, I64, I32, "
          + "U8 or BOOL");
    };
  }

  /** A new tensor as it is stored: F16 and BF16 stay what they are. */
  public Tensor stored(String name, Device device) {
    Entry e = entry(name);
    return switch (e.type()) {
      case "F16" -> copy(e, device, DType.FLOAT16);
      case "BF16" -> copy(e, device, DType.BFLOAT16);
      default -> tensor(name, device);
    };
  }

  @Override
  public Tensor tensor(String name, Device device, long... shape) {
    Entry e = entry(name);
    if (shape == null) throw new InvalidArgumentException("shape", "null", "sizes");
    boolean fits = e.shape().length == shape.length;
    for (int i = 0; fits && i < shape.length; i++) fits = shape[i] == -1 || shape[i] == e.shape()[i];
    if (!fits) {
      throw new WeightsException(name + " in " + file + " is of shape " + Arrays.toString(e.shape()) + "; expected "
          + Arrays.toString(shape));
    }
    if (!e.type().equals("F32") && !e.type().equals("F16") && !e.type().equals("BF16")) {
      throw new WeightsException(name + " in " + file + " is of type " + e.type() + "; expected F32, F16 or BF16");
    }
    return tensor(name, device);
  }

  /** The elements of a tensor of F32, F16 or BF16. */
  public float[] floats(String name) {
    try (Tensor t = tensor(name, Device.of("java"))) {
      return t.toFloats();
    }
  }

  /** The elements of a tensor of I64 or I32. */
  public long[] longs(String name) {
    try (Tensor t = tensor(name, Device.of("java"))) {
      return t.toLongs();
    }
  }

  /** The elements of a tensor of U8 or BOOL. */
  public byte[] bytes(String name) {
    try (Tensor t = tensor(name, Device.of("java"))) {
      return t.toBytes();
    }
  }

  private Tensor copy(Entry e, Device device, DType type) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(Math.max(e.bytes(), 1), 64).asSlice(0, e.bytes());
      read(e, (piece, at) -> MemorySegment.copy(piece, 0, data, at, piece.byteSize()));
      return Tensor.copyOf(device, data, type, e.shape());
    }
  }

  private Tensor halves(Entry e, Device device) {
    try (Tensor halves = copy(e, device, e.type().equals("BF16") ? DType.BFLOAT16 : DType.FLOAT16)) {
      return halves.to(DType.FLOAT32);
    }
  }

  @FunctionalInterface
  private interface Piece {
    void take(MemorySegment piece, long at);
  }

  /** Reads a tensor's bytes piece by piece, each of whole elements. */
  private void read(Entry e, Piece piece) {
    ByteBuffer buffer = ByteBuffer.allocateDirect((int) Math.min(PIECE,
        Math.max(e.bytes(), 1))).order(ByteOrder.LITTLE_ENDIAN);
    try {
      for (long at = 0; at < e.bytes(); at += buffer.limit()) {
        buffer.clear().limit((int) Math.min(buffer.capacity(), e.bytes() - at));
        fill(file, channel, buffer, header.dataOffset() + e.begin() + at);
        piece.take(MemorySegment.ofBuffer(buffer.flip()), at);
      }
    } catch (IOException x) {
      throw new WeightsException("cannot read " + file + ": " + x, x);
    }
  }

  private static void close(FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      throw new WeightsException("cannot close a file: " + e, e);
    }
  }

  @Override
  public void close() {
    close(channel);
  }
}
