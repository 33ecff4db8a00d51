package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Arrays;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Embedding;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.EmbeddingOracle;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Random cases of embedding and its gradient, with both index types and repeated ids. */
final class EmbeddingCases implements ParityCase {
  private final boolean backward;
  private final int vocabulary;
  private final int width;
  private final long[] ids;
  private final boolean wide;
  private final Draw.Fill fill;
  private final float[] data;

  EmbeddingCases(Draw d, boolean backward) {
    this.backward = backward;
    vocabulary = d.size(60);
    width = d.sizeOrZero(130);
    ids = d.random().longs(d.sizeOrZero(90), 0, vocabulary).toArray();
    wide = d.oneIn(2);
    fill = d.fill();
    data = d.floats(fill, (backward ? ids.length : vocabulary) * width);
  }

  @Override
  public String describe() {
    return (backward ? "gradient of " : "") + "embedding vocabulary=" + vocabulary + " width=" + width + " ids="
        + ids.length + (wide ? " INT64 " : " INT32 ") + fill;
  }

  @Override
  public Map<String, float[]> page() {
    if (!backward) {
      return results("out", EmbeddingOracle.embedding(data, width, ids));
    }
    float[] dtable = new float[vocabulary * width];
    for (int i = 0; i < ids.length; i++) {
      for (int x = 0; x < width; x++) {
        int at = (int) ids[i] * width + x;
        dtable[at] = dtable[at] + data[i * width + x];
      }
    }
    return results("dtable", dtable);
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    return backward && fill.finite() ? Map.of("dtable", EmbeddingOracle.backward(data, vocabulary, width, ids)) : Map.of();
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    Tensor tids = wide ? o.longs(ids, ids.length)
        : o.ints(Arrays.stream(ids).mapToInt(i -> (int) i).toArray(), ids.length);
    Tensor t = o.input("data", data, Freedom.ANY, backward ? ids.length : vocabulary, width);
    o.poison(backward ? vocabulary : ids.length, width);
    return backward ? results("dtable", o.adopt(Embedding.backward(t, tids, vocabulary)))
        : results("out", o.adopt(Embedding.lookup(t, tids)));
  }
}
