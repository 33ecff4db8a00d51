package org.ondol.bench.stems;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.ondol.Tensor;
import org.ondol.bench.Case;
import org.ondol.bench.Check;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OnnxSession;
import org.ondol.models.MiniLm;
import org.ondol.models.SentenceEncoder;

/** all-MiniLM-L6-v2 end to end: token ids [B,L] without padding in, normalised embeddings [B,384] out. */
public final class MiniLmStem implements Stem<MiniLmStem.Batch> {
  private static final int WIDTH = MiniLmReference.WIDTH;

  /** Shared by all cases: the file is 90 MB. */
  private static final class Weights {
    static final byte[] FILE;
    static final MiniLmReference REFERENCE;

    static {
      try {
        FILE = MiniLmReference.file();
        REFERENCE = new MiniLmReference(FILE);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Sequences of equal length, so that no contender pays for padding. */
  public static final class Batch implements Case {
    private static final int CLS = 101, SEP = 102, FIRST_WORD = 1996, LAST_WORD = 29_000;
    private static final double BOUND = 2e-5;
    private static final int LAYERS = 6;

    final int batch, length;
    final long[] ids;
    private double[] firstEmbedding;

    Batch(int batch, int length) {
      this.batch = batch;
      this.length = length;
      SplittableRandom random = new SplittableRandom(batch * 1000L + length);
      ids = random.longs((long) batch * length, FIRST_WORD, LAST_WORD).toArray();
      for (int b = 0; b < batch; b++) {
        ids[b * length] = CLS;
        ids[b * length + length - 1] = SEP;
      }
    }

    @Override
    public String name() {
      return "B%d L%d".formatted(batch, length);
    }

    /** The matrix products: four of W x W and two of W x 4W a token and layer, and two of attention. */
    @Override
    public double flops() {
      double token = LAYERS * (2.0 * 12 * WIDTH * WIDTH + 4.0 * length * WIDTH);
      return token * batch * length;
    }

    @Override
    public double bytes() {
      return 4.0 * LAYERS * 12 * WIDTH * WIDTH;
    }

    /** The first sequence against float64; the cross-check of contenders covers the others. */
    @Override
    public String check(Map<String, float[]> answer) {
      if (firstEmbedding == null) {
        firstEmbedding = Weights.REFERENCE.embed(Arrays.copyOf(ids, length));
      }
      float[] embeddings = answer.get("embeddings");
      for (int d = 0; d < WIDTH; d++) {
        String wrong = Check.within("embeddings", d, firstEmbedding[d], embeddings[d], BOUND);
        if (wrong != null) {
          return wrong;
        }
      }
      return null;
    }
  }

  private final List<String> devices;

  public MiniLmStem(List<String> devices) {
    this.devices = devices;
  }

  @Override
  public String name() {
    return "minilm";
  }

  @Override
  public List<Batch> cases() {
    return List.of(new Batch(1, 16), new Batch(1, 128), new Batch(8, 128), new Batch(32, 128), new Batch(4, 512));
  }

  @Override
  public List<Contender<Batch>> contenders(Batch batch) {
    List<Contender<Batch>> all = new ArrayList<>();
    devices.forEach(device -> all.add(new Ondol(device)));
    all.add(new Onnx());
    return all;
  }

  private static final class Ondol extends OndolContender<Batch> {
    private static final int MAX_TOKENS = 512;

    private final List<long[]> sequences = new ArrayList<>();
    private SentenceEncoder encoder;
    private Tensor embeddings;

    Ondol(String device) {
      super(device, "");
    }

    @Override
    protected void load(Batch batch) {
      encoder = MiniLm.load(device, MAX_TOKENS, SentenceEncoder.BATCH_TOKENS);
      for (int b = 0; b < batch.batch; b++) {
        sequences.add(Arrays.copyOfRange(batch.ids, b * batch.length, (b + 1) * batch.length));
      }
    }

    @Override
    public void run() {
      release();
      embeddings = encoder.encode(sequences);
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("embeddings", embeddings.toFloats());
    }

    private void release() {
      if (embeddings != null) {
        embeddings.close();
        embeddings = null;
      }
    }

    @Override
    public void close() {
      release();
      if (encoder != null) {
        encoder.close();
      }
    }
  }

  /** The file itself, with pooling and normalisation, which it lacks, in Java. */
  private static final class Onnx implements Contender<Batch> {
    private Batch batch;
    private OnnxSession session;
    private float[] embeddings;

    @Override
    public String name() {
      return "onnxruntime";
    }

    @Override
    public String variant() {
      return "";
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public void prepare(Batch batch) throws Exception {
      this.batch = batch;
      embeddings = new float[batch.batch * WIDTH];
      session = new OnnxSession(Weights.FILE);
      long[] ones = new long[batch.ids.length];
      Arrays.fill(ones, 1);
      session.input("input_ids", batch.ids, batch.batch, batch.length);
      session.input("attention_mask", ones, batch.batch, batch.length);
      session.input("token_type_ids", new long[batch.ids.length], batch.batch, batch.length);
      session.output(session.outputNames().iterator().next(), batch.batch, batch.length, WIDTH);
    }

    @Override
    public void run() throws Exception {
      session.run();
      FloatBuffer hidden = session.onlyResult();
      for (int b = 0; b < batch.batch; b++) {
        double[] sum = new double[WIDTH];
        for (int i = 0; i < batch.length; i++) {
          int from = (b * batch.length + i) * WIDTH;
          for (int d = 0; d < WIDTH; d++) {
            sum[d] += hidden.get(from + d);
          }
        }
        double norm = 0;
        for (double s : sum) {
          norm += s * s;
        }
        for (int d = 0; d < WIDTH; d++) {
          embeddings[b * WIDTH + d] = (float) (sum[d] / Math.sqrt(norm));
        }
      }
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("embeddings", embeddings.clone());
    }

    @Override
    public void close() throws Exception {
      if (session != null) {
        session.close();
      }
    }
  }
}
