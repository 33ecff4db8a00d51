package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.models.SentenceEncoder;
import org.ondol.models.weights.SafeTensors;
import org.ondol.test.support.TestDevices;

/** Token ids, last hidden states and embeddings of four sentences beside those that were recorded elsewhere. */
class MiniLmGoldenTest {
  private static final Path GOLDEN =
      Path.of(System.getProperty("ondol.data", "../../shared/data"), "minilm", "golden.safetensors");
  private static final List<String> SENTENCES = List.of("A man is eating food.", "A man is eating a piece of bread.",
      "The girl is carrying a baby.", "A cheetah is running behind its prey.");
  private static final double BOUND = 2e-5;

  @Test
  void tokensHiddenStatesAndEmbeddings() throws IOException {
    assumeTrue(Files.isReadable(GOLDEN), () -> "no golden file at " + GOLDEN.toAbsolutePath().normalize());
    SafeTensors golden = SafeTensors.open(GOLDEN);
    for (Device device : TestDevices.available()) {
      try (SentenceEncoder model = MiniLmModel.on(device)) {
        List<long[]> tokens = model.tokenize(SENTENCES);
        List<Float> expected = new ArrayList<>();
        for (int j = 0; j < SENTENCES.size(); j++) {
          assertArrayEquals(golden.longs("ids" + j), tokens.get(j), "token ids of sentence " + j);
          for (float h : golden.floats("hidden" + j)) expected.add(h);
        }
        try (Tensor hidden = model.encoder().forward(tokens); Tensor embeddings = model.encode(tokens)) {
          within("hidden states on " + device, expected, hidden.toFloats());
          List<Float> vectors = new ArrayList<>();
          for (float e : golden.floats("emb")) vectors.add(e);
          within("embeddings on " + device, vectors, embeddings.toFloats());
        }
      }
    }
  }

  private static void within(String what, List<Float> expected, float[] actual) {
    assertTrue(expected.size() == actual.length, what + ": " + actual.length + " values, expected " + expected.size());
    for (int i = 0; i < actual.length; i++) {
      double difference = Math.abs((double) expected.get(i) - actual[i]);
      assertTrue(difference <= BOUND, what + ": value " + i + " is " + actual[i] + ", expected " + expected.get(i));
    }
  }
}
