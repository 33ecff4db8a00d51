package org.ondol.test.models;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Models and tokenizers of a few numbers, written as llama2.c writes them. */
public final class TinyLlama {
  final int width;
  final int hidden;
  final int layers;
  final int heads;
  final int kvHeads;
  final int vocabulary;
  final int maxTokens;
  final boolean shared;
  final float[] weights;

  TinyLlama(int width, int hidden, int layers, int heads, int kvHeads, int vocabulary, int maxTokens, boolean shared,
      long seed) {
    this.width = width;
    this.hidden = hidden;
    this.layers = layers;
    this.heads = heads;
    this.kvHeads = kvHeads;
    this.vocabulary = vocabulary;
    this.maxTokens = maxTokens;
    this.shared = shared;
    int size = width / heads;
    int keys = kvHeads * size;
    int perLayer = 2 * width + 2 * width * width + 2 * keys * width + 3 * hidden * width;
    weights = new float[vocabulary * width * (shared ? 1 : 2) + layers * perLayer + width + maxTokens * size];
    Random random = new Random(seed);
    for (int i = 0; i < weights.length; i++) weights[i] = random.nextFloat() - 0.5f;
  }

  /** A model that any machine can test the command line with: 300 tokens, 24 of context. */
  public static TinyLlama forCommands() {
    return new TinyLlama(8, 12, 2, 2, 1, 300, 24, true, 5);
  }

  public byte[] file() {
    ByteBuffer b = ByteBuffer.allocate(28 + 4 * weights.length).order(ByteOrder.LITTLE_ENDIAN);
    for (int n : new int[] {width, hidden, layers, heads, kvHeads, shared ? vocabulary : -vocabulary, maxTokens}) {
      b.putInt(n);
    }
    for (float w : weights) b.putFloat(w);
    return b.array();
  }

  public Path write(Path folder, String name) throws IOException {
    return Files.write(folder.resolve(name), file());
  }

  /** The special tokens, the bytes, and these pieces with falling scores. */
  public static byte[] tokenizer(String... pieces) {
    List<String> tokens = new ArrayList<>(List.of("<unk>", "\n<s>\n", "\n</s>\n"));
    for (int b = 0; b < 256; b++) tokens.add("<0x%02X>".formatted(b));
    tokens.addAll(Arrays.asList(pieces));
    int bytes = 4;
    int longest = 0;
    for (String t : tokens) {
      int n = t.getBytes(StandardCharsets.UTF_8).length;
      bytes += 8 + n;
      longest = Math.max(longest, n);
    }
    ByteBuffer b = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(longest);
    for (int i = 0; i < tokens.size(); i++) {
      byte[] text = tokens.get(i).getBytes(StandardCharsets.UTF_8);
      b.putFloat(i < 259 ? 0 : 258 - i).putInt(text.length).put(text);
    }
    return b.array();
  }
}
