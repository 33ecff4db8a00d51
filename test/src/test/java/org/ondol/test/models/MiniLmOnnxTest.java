package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.ondol.Devices;
import org.ondol.Tensor;
import org.ondol.models.MiniLm;
import org.ondol.models.SentenceEncoder;

/** Embeddings beside those of ONNX Runtime from the same file, over real text from one word to 256 tokens. */
class MiniLmOnnxTest {
  private static final double BOUND = 2e-5;
  private static final int WIDTH = 384;

  @Test
  void embeddings() throws IOException, OrtException {
    List<String> texts = Sentences.all();
    assertTrue(texts.size() >= 200, texts.size() + " texts");
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    try (SentenceEncoder model = MiniLmModel.on(Devices.best());
        OrtSession session = environment.createSession(file())) {
      List<long[]> tokens = model.tokenize(texts);
      assertEquals(MiniLm.MAX_TOKENS, tokens.getLast().length, "tokens of the text that is too long");
      float[] batched;
      try (Tensor all = model.encode(tokens)) {
        batched = all.toFloats();
      }
      double largest = 0;
      for (int i = 0; i < texts.size(); i++) {
        String text = '"' + texts.get(i) + '"';
        double[] expected = embed(environment, session, tokens.get(i));
        float[] together = Arrays.copyOfRange(batched, i * WIDTH, (i + 1) * WIDTH);
        assertTrue(Arrays.equals(together, model.embed(texts.get(i))), "alone and in a batch: " + text);
        for (int d = 0; d < WIDTH; d++) {
          double difference = Math.abs(expected[d] - together[d]);
          largest = Math.max(largest, difference);
          assertTrue(difference <= BOUND, text + ", value " + d + ": " + together[d] + ", expected " + expected[d]);
        }
      }
      System.out.printf("minilm: %d texts of 3 to %d tokens, largest difference from ONNX Runtime %.1e%n", texts.size(),
          tokens.getLast().length, largest);
    }
  }

  private static byte[] file() throws IOException {
    try (InputStream in = MiniLm.class.getClassLoader().getResourceAsStream(MiniLm.WEIGHTS)) {
      return in.readAllBytes();
    }
  }

  /** One text without padding; the mean and its norm in float64. */
  private static double[] embed(OrtEnvironment environment, OrtSession session, long[] tokens) throws OrtException {
    long[] shape = {1, tokens.length};
    long[] ones = new long[tokens.length];
    Arrays.fill(ones, 1);
    try (OnnxTensor ids = OnnxTensor.createTensor(environment, LongBuffer.wrap(tokens), shape);
        OnnxTensor mask = OnnxTensor.createTensor(environment, LongBuffer.wrap(ones), shape);
        OnnxTensor types = OnnxTensor.createTensor(environment, LongBuffer.wrap(new long[tokens.length]), shape);
        OrtSession.Result result =
            session.run(Map.of("input_ids", ids, "attention_mask", mask, "token_type_ids", types))) {
      FloatBuffer hidden = ((OnnxTensor) result.get(0)).getFloatBuffer();
      double[] mean = new double[WIDTH];
      for (int i = 0; i < tokens.length * WIDTH; i++) mean[i % WIDTH] += hidden.get(i) / (double) tokens.length;
      double norm = Math.sqrt(Arrays.stream(mean).map(m -> m * m).sum());
      return Arrays.stream(mean).map(m -> m / norm).toArray();
    }
  }
}
