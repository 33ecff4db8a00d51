package org.ondol.bench.stems;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * all-MiniLM-L6-v2 (BERT with 6 layers of width 384; Devlin et al. 2018, Wang et al. 2020) for one sequence without
 * padding, in float64 and plain loops: what the contenders' embeddings are compared with.
 */
final class MiniLmReference {
  static final int WIDTH = 384;
  private static final String FILE = "/all-minilm-l6-v2.onnx";
  private static final int LAYERS = 6;
  private static final int HEADS = 12;
  private static final int HEAD = WIDTH / HEADS;
  private static final int INNER = 4 * WIDTH;
  private static final double EPS = 1e-12;
  /** The exporter named the weights of linear layers by number: 13 a layer, these within one. */
  private static final int FIRST_WEIGHT = 787, PER_LAYER = 13, QUERY = 0, KEY = 1, VALUE = 4, OUTPUT = 10, UP = 11, DOWN = 12;

  private final Map<String, float[]> weights = new HashMap<>();

  MiniLmReference(byte[] model) throws IOException {
    for (TensorProto t : ModelProto.parseFrom(model).getGraph().getInitializerList()) {
      if (t.getDataType() == TensorProto.DataType.FLOAT.getNumber()) {
        FloatBuffer raw = ByteBuffer.wrap(t.getRawData().toByteArray()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        float[] values = new float[raw.remaining()];
        raw.get(values);
        weights.put(t.getName(), values);
      }
    }
  }

  /** The model file, from the jar that carries it. */
  static byte[] file() throws IOException {
    try (InputStream in = MiniLmReference.class.getResourceAsStream(FILE)) {
      if (in == null) {
        throw new IOException(FILE + " is not on the class path");
      }
      return in.readAllBytes();
    }
  }

  /** The normalised mean of the last hidden states. */
  double[] embed(long[] ids) {
    double[] x = embeddings(ids);
    for (int layer = 0; layer < LAYERS; layer++) {
      x = layer(layer, x);
    }
    double[] mean = new double[WIDTH];
    for (int i = 0; i < x.length; i++) {
      mean[i % WIDTH] += x[i];
    }
    double norm = 0;
    for (double m : mean) {
      norm += m * m;
    }
    for (int d = 0; d < WIDTH; d++) {
      mean[d] /= Math.sqrt(norm);
    }
    return mean;
  }

  private double[] embeddings(long[] ids) {
    float[] words = weights.get("embeddings.word_embeddings.weight");
    float[] positions = weights.get("embeddings.position_embeddings.weight");
    float[] types = weights.get("embeddings.token_type_embeddings.weight");
    double[] x = new double[ids.length * WIDTH];
    for (int i = 0; i < ids.length; i++) {
      for (int d = 0; d < WIDTH; d++) {
        x[i * WIDTH + d] = (double) words[(int) ids[i] * WIDTH + d] + positions[i * WIDTH + d] + types[d];
      }
    }
    return layerNorm(x, "embeddings.LayerNorm");
  }

  private double[] layer(int layer, double[] x) {
    String name = "encoder.layer." + layer + ".";
    double[] q = linear(x, WIDTH, layer, QUERY, name + "attention.self.query.bias");
    double[] k = linear(x, WIDTH, layer, KEY, name + "attention.self.key.bias");
    double[] v = linear(x, WIDTH, layer, VALUE, name + "attention.self.value.bias");
    double[] attended = linear(attention(q, k, v), WIDTH, layer, OUTPUT, name + "attention.output.dense.bias");
    double[] y = layerNorm(add(attended, x), name + "attention.output.LayerNorm");
    double[] inner = linear(y, WIDTH, layer, UP, name + "intermediate.dense.bias");
    for (int i = 0; i < inner.length; i++) {
      inner[i] = 0.5 * inner[i] * (1 + erf(inner[i] / Math.sqrt(2)));
    }
    double[] out = linear(inner, INNER, layer, DOWN, name + "output.dense.bias");
    return layerNorm(add(out, y), name + "output.LayerNorm");
  }

  private double[] linear(double[] x, int in, int layer, int weight, String biasName) {
    float[] w = weights.get("onnx::MatMul_" + (FIRST_WEIGHT + PER_LAYER * layer + weight));
    float[] bias = weights.get(biasName);
    int out = bias.length;
    double[] y = new double[x.length / in * out];
    IntStream.range(0, x.length / in).parallel().forEach(row -> {
      double[] sum = new double[out];
      for (int i = 0; i < in; i++) {
        double factor = x[row * in + i];
        for (int j = 0; j < out; j++) {
          sum[j] += factor * w[i * out + j];
        }
      }
      for (int j = 0; j < out; j++) {
        y[row * out + j] = sum[j] + bias[j];
      }
    });
    return y;
  }

  private static double[] attention(double[] q, double[] k, double[] v) {
    int length = q.length / WIDTH;
    double[] out = new double[q.length];
    IntStream.range(0, HEADS).parallel().forEach(head -> {
      for (int i = 0; i < length; i++) {
        double[] p = new double[length];
        double sum = 0;
        for (int j = 0; j < length; j++) {
          double score = 0;
          for (int d = 0; d < HEAD; d++) {
            score += q[i * WIDTH + head * HEAD + d] * k[j * WIDTH + head * HEAD + d];
          }
          p[j] = Math.exp(score / Math.sqrt(HEAD)); // scores of this model are small: no maximum needed in float64
          sum += p[j];
        }
        for (int j = 0; j < length; j++) {
          for (int d = 0; d < HEAD; d++) {
            out[i * WIDTH + head * HEAD + d] += p[j] / sum * v[j * WIDTH + head * HEAD + d];
          }
        }
      }
    });
    return out;
  }

  private double[] layerNorm(double[] x, String name) {
    float[] gamma = weights.get(name + ".weight");
    float[] beta = weights.get(name + ".bias");
    double[] y = new double[x.length];
    for (int from = 0; from < x.length; from += WIDTH) {
      double mean = 0;
      for (int d = 0; d < WIDTH; d++) {
        mean += x[from + d] / WIDTH;
      }
      double variance = 0;
      for (int d = 0; d < WIDTH; d++) {
        variance += (x[from + d] - mean) * (x[from + d] - mean) / WIDTH;
      }
      for (int d = 0; d < WIDTH; d++) {
        y[from + d] = (x[from + d] - mean) / Math.sqrt(variance + EPS) * gamma[d] + beta[d];
      }
    }
    return y;
  }

  private static double[] add(double[] a, double[] b) {
    double[] sum = new double[a.length];
    for (int i = 0; i < a.length; i++) {
      sum[i] = a[i] + b[i];
    }
    return sum;
  }

  /** By the Taylor series, and for large arguments, where it loses digits, by the continued fraction of erfc. */
  static double erf(double x) {
    double a = Math.abs(x);
    if (a > 6) {
      return Math.signum(x);
    }
    if (a < 2.5) {
      double term = x;
      double sum = x;
      for (int n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
        term *= -x * x / n;
        sum += term / (2 * n + 1);
      }
      return 2 / Math.sqrt(Math.PI) * sum;
    }
    double fraction = a;
    for (int n = 60; n >= 1; n--) {
      fraction = a + 0.5 * n / fraction;
    }
    return Math.signum(x) * (1 - Math.exp(-a * a) / (fraction * Math.sqrt(Math.PI)));
  }
}
