package org.ondol.ops;

import java.util.Arrays;
import org.ondol.DTypeException;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.EmbeddingArgs;
import org.ondol.spi.EmbeddingBackwardArgs;

/** Rows of a table by their numbers. */
public final class Embedding {
  private Embedding() {}

  /**
   * out[..., :] = table[ids[...], :].
   *
   * @param table [vocabulary, width]
   * @param ids INT32 or INT64 of any shape; every id in [0, vocabulary)
   * @return [ids' shape..., width]
   */
  public static Tensor lookup(Tensor table, Tensor ids) {
    Check.present("table", table);
    Check.floats("table", table, table.device());
    Check.rank("table", table, 2, 2);
    checkIds(ids, table.size(0), table);
    long[] shape = Arrays.copyOf(ids.shape(), ids.rank() + 1);
    shape[ids.rank()] = table.size(1);
    Tensor out = Tensor.empty(table.device(), shape);
    return Outputs.finish(out, () -> {
      if (out.count() == 0) return;
      try (Tensor dense = table.contiguous(); Tensor denseIds = ids.contiguous()) {
        var args = new EmbeddingArgs(ids.count(), table.size(0), table.size(1), dense, denseIds, out);
        Check.launch(table.device(), k -> k.embedding(args), dense, denseIds, out);
      }
    });
  }

  /** The gradient of the table, [vocabulary, width], from the gradient dout of the looked-up rows. */
  public static Tensor backward(Tensor dout, Tensor ids, long vocabulary) {
    Check.present("dout", dout);
    Check.floats("dout", dout, dout.device());
    Check.rank("dout", dout, 1, 8);
    if (vocabulary < 0) throw new InvalidArgumentException("vocabulary", vocabulary, "at least 0");
    checkIds(ids, vocabulary, dout);
    long[] expected = Arrays.copyOf(ids.shape(), ids.rank() + 1);
    expected[ids.rank()] = dout.size(-1);
    Check.shape("dout", dout, expected);
    Tensor dtable = Tensor.empty(dout.device(), vocabulary, dout.size(-1));
    return Outputs.finish(dtable, () -> {
      if (dtable.count() == 0) return;
      try (Tensor dense = dout.contiguous(); Tensor denseIds = ids.contiguous()) {
        var args = new EmbeddingBackwardArgs(ids.count(), vocabulary, dout.size(-1), dense, denseIds, dtable);
        Check.launch(dout.device(), k -> k.embeddingBackward(args), dense, denseIds, dtable);
      }
    });
  }

  private static void checkIds(Tensor ids, long vocabulary, Tensor like) {
    Check.present("ids", ids);
    if (!ids.dtype().isIndex()) throw new DTypeException("ids", "of type " + ids.dtype(), "INT32 or INT64");
    if (!ids.device().equals(like.device())) throw new DeviceMismatchException("ids", ids.device(), like.device());
    if (ids.rank() == 8) throw new ShapeException("ids", "of rank 8", "at most rank 7");
    long position = 0;
    for (long id : ids.toLongs()) {
      if (id < 0 || id >= vocabulary) {
        throw new InvalidArgumentException("ids", id + " at position " + position, "0 to " + (vocabulary - 1));
      }
      position++;
    }
  }
}
