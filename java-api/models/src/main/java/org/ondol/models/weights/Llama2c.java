package org.ondol.models.weights;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;

/**
 * A model file of llama2.c in its first format: seven int32 (width, hidden, layers, heads, kv heads, vocabulary,
 * longest sequence), then float32, little-endian, the weights of one kind for all layers together. A negative
 * vocabulary says that the output matrix is stored too, at the end; else it is the token embedding. Parameters have the
 * names of LLaMA's own code, such as {@code layers.0.attention.wq.weight}, and matrices are [out, in].
 *
 * <p>Opening checks the header and that the file is as long as it says, so that later reads find what it promises.
 */
public final class Llama2c implements Weights, AutoCloseable {
  /** What the header says. */
  public record Header(int width, int hidden, int layers, int heads, int kvHeads, int vocabulary, int maxTokens) {}

  private record Entry(long[] shape, long offset) {}

  private static final int HEADER_BYTES = 7 * Integer.BYTES;
  /** Far beyond any model; what is larger is no header. */
  private static final int MOST = 1 << 24;

  private final Path file;
  private final FileChannel channel;
  private final long size;
  private final Header header;
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private long end = HEADER_BYTES;

  private Llama2c(Path file, FileChannel channel, long size, Header header, boolean shared) {
    this.file = file;
    this.channel = channel;
    this.size = size;
    this.header = header;
    layOut(shared);
  }

  /**
   * Opens a file.
   *
   * @throws WeightsException if it cannot be read, is cut short or longer than it says, or its header makes no model
   */
  public static Llama2c open(Path file) {
    if (file == null) throw new InvalidArgumentException("file", "null", "a path");
    SafeTensorsHeader.checkByteOrder();
    FileChannel channel = null;
    boolean done = false;
    try {
      channel = FileChannel.open(file, StandardOpenOption.READ);
      Llama2c opened = read(file, channel);
      done = true;
      return opened;
    } catch (IOException e) {
      throw new WeightsException("cannot read " + file + ": " + e, e);
    } finally {
      if (!done && channel != null) close(channel);
    }
  }

  private static Llama2c read(Path file, FileChannel channel) throws IOException {
    long size = channel.size();
    if (size < HEADER_BYTES) {
      throw new WeightsException(file + " has " + size + " bytes, too few for a model file of llama2.c");
    }
    ByteBuffer b = ByteBuffer.allocate(HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    fill(file, channel, b, 0);
    b.flip();
    int width = positive(file, "width", b.getInt());
    int hidden = positive(file, "hidden width", b.getInt());
    int layers = positive(file, "number of layers", b.getInt());
    int heads = positive(file, "number of heads", b.getInt());
    int kvHeads = positive(file, "number of key heads", b.getInt());
    int stored = b.getInt();
    int vocabulary = positive(file, "vocabulary", stored < 0 ? -stored : stored);
    int maxTokens = positive(file, "longest sequence", b.getInt());
    if (width % heads != 0 || width / heads % 2 != 0) {
      throw new WeightsException(file + " announces a width of " + width + "; expected a multiple of 2 times its "
          + heads + " heads");
    }
    if (heads % kvHeads != 0) {
      throw new WeightsException(file + " announces " + kvHeads + " key heads; expected a divisor of its " + heads
          + " heads");
    }
    Header header = new Header(width, hidden, layers, heads, kvHeads, vocabulary, maxTokens);
    Llama2c opened = new Llama2c(file, channel, size, header, stored > 0);
    if (size != opened.end) {
      throw new WeightsException(file + (size < opened.end ? " is cut short: it has " : " is too long: it has ") + size
          + " bytes; its header, " + header + ", is that of " + opened.end);
    }
    return opened;
  }

  private static int positive(Path file, String what, int value) {
    if (value < 1 || value > MOST) {
      throw new WeightsException(file + " announces a " + what + " of " + value + "; expected 1 to " + MOST);
    }
    return value;
  }

  /** Where every parameter lies, in the order of the file. */
  private void layOut(boolean shared) {
    long width = header.width;
    long hidden = header.hidden;
    long size = width / header.heads;
    long keys = header.kvHeads * size;
    one("tok_embeddings.weight", header.vocabulary, width);
    perLayer("attention_norm", width);
    perLayer("attention.wq", width, width);
    perLayer("attention.wk", keys, width);
    perLayer("attention.wv", keys, width);
    perLayer("attention.wo", width, width);
    perLayer("ffn_norm", width);
    perLayer("feed_forward.w1", hidden, width);
    perLayer("feed_forward.w2", width, hidden);
    perLayer("feed_forward.w3", hidden, width);
    one("norm.weight", width);
    end = add(end, header.maxTokens * size * Float.BYTES); // tables of sines and cosines, which are computed anew
    if (shared) entries.put("output.weight", entries.get("tok_embeddings.weight"));
    else one("output.weight", header.vocabulary, width);
  }

  private void perLayer(String name, long... shape) {
    long bytes = bytes(shape);
    if (bytes > Long.MAX_VALUE / header.layers) throw tooLarge();
    // No more names than fit the file, whatever number of layers it announces; its size is checked afterwards.
    for (int i = 0; i < header.layers && end + i * bytes < size; i++) {
      entries.put("layers." + i + "." + name + ".weight", new Entry(shape, end + i * bytes));
    }
    end = add(end, header.layers * bytes);
  }

  private void one(String name, long... shape) {
    entries.put(name, new Entry(shape, end));
    end = add(end, bytes(shape));
  }

  /** Sizes are at most 2^24, so that this fits. */
  private static long bytes(long[] shape) {
    long n = Float.BYTES;
    for (long s : shape) n *= s;
    return n;
  }

  private long add(long a, long b) {
    if (a + b < 0) throw tooLarge();
    return a + b;
  }

  private WeightsException tooLarge() {
    return new WeightsException(file + " announces more than 2^63 bytes: " + header);
  }

  /** What the file's header says. */
  public Header header() {
    return header;
  }

  @Override
  public Tensor tensor(String name, Device device, long... shape) {
    Entry e = entries.get(name);
    if (e == null) throw new WeightsException(file + " has no tensor named " + name);
    if (shape == null) throw new InvalidArgumentException("shape", "null", "sizes");
    boolean fits = e.shape.length == shape.length;
    for (int i = 0; fits && i < shape.length; i++) fits = shape[i] == -1 || shape[i] == e.shape[i];
    if (!fits) {
      throw new WeightsException(name + " in " + file + " is of shape " + Arrays.toString(e.shape) + "; expected "
          + Arrays.toString(shape));
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(bytes(e.shape), 64);
      fill(data, e.offset);
      return Tensor.copyOf(device, data, DType.FLOAT32, e.shape);
    } catch (IOException x) {
      throw new WeightsException("cannot read " + file + ": " + x, x);
    }
  }

  private void fill(MemorySegment data, long offset) throws IOException {
    long piece = 1 << 30;
    for (long at = 0; at < data.byteSize(); at += piece) {
      ByteBuffer part = data.asSlice(at, Math.min(piece, data.byteSize() - at)).asByteBuffer();
      fill(file, channel, part, offset + at);
    }
  }

  /** Reads until the buffer is full. */
  private static void fill(Path file, FileChannel channel, ByteBuffer buffer, long at) throws IOException {
    while (buffer.hasRemaining()) {
      int n = channel.read(buffer, at);
      if (n < 0) throw new WeightsException(file + " was cut short while it was read");
      at += n;
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
