package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Threads;
import org.ondol.models.MiniLm;
import org.ondol.models.SentenceEncoder;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** What a model promises besides its numbers: the same bits everywhere, a life of its own on each device, errors. */
class MiniLmTest {
  @Test
  void sameBitsOnEveryDevice() {
    List<Device> devices = TestDevices.available();
    float[][] expected = embed(devices.getFirst());
    for (Device device : devices) assertSame(expected, embed(device), devices.getFirst() + " and " + device);
  }

  @Test
  void sameBitsOnAnyNumberOfThreads() {
    Device device = TestDevices.available().getLast();
    int before = Threads.count();
    try {
      Threads.set(1);
      float[][] expected = embed(device);
      for (int threads : new int[] {2, 7}) {
        Threads.set(threads);
        assertSame(expected, embed(device), threads + " threads on " + device);
      }
    } finally {
      Threads.set(before);
    }
  }

  @Test
  void sameBitsInBatchesOfAnySize() {
    Device device = Device.of("best");
    float[][] expected = embed(device);
    for (int batchTokens : new int[] {1, 40, 100_000}) {
      try (SentenceEncoder model = MiniLm.load(device, MiniLm.MAX_TOKENS, batchTokens)) {
        assertSame(expected, model.embed(Sentences.few()), "batches of " + batchTokens + " tokens");
      }
    }
  }

  @Test
  void sameBitsFromManyCallers() {
    try (SentenceEncoder model = MiniLmModel.on(Device.of("best"))) {
      float[][] expected = model.embed(Sentences.few());
      var calls = IntStream.range(0, 8)
          .mapToObj(i -> CompletableFuture.supplyAsync(() -> model.embed(Sentences.few()))).toList();
      for (var call : calls) assertSame(expected, call.join(), "a call beside seven others");
    }
  }

  @Test
  void lengthIsOne() {
    for (float[] vector : embed(Device.of("best"))) {
      double norm = 0;
      for (float v : vector) norm += (double) v * v;
      assertEquals(1, norm, 1e-6);
    }
  }

  @Test
  void movesThereAndBack() {
    float[][] expected = embed(Device.of("java"));
    for (Device device : TestDevices.available()) {
      SentenceEncoder there = MiniLmModel.on(device);
      assertEquals(device, there.device());
      SentenceEncoder back = there.to("java");
      there.close();
      assertEquals(Device.of("java"), back.device());
      assertSame(expected, back.embed(Sentences.few()), "java by way of " + device + ", closed");
      back.close();
    }
  }

  @Test
  void outlivesTheScopeItWasMadeIn() {
    SentenceEncoder model;
    try (Scope _ = Scope.open()) {
      model = MiniLmModel.on(Device.of("best"));
    }
    assertEquals(384, model.embed("still open").length);
    model.close();
  }

  @Test
  void closedThrows() {
    SentenceEncoder model = MiniLmModel.on(Device.of("best"));
    List<long[]> tokens = model.tokenize(List.of("text"));
    model.close();
    model.close();
    assertThrows(ClosedException.class, () -> model.embed("text"));
    assertThrows(ClosedException.class, () -> model.encode(tokens));
    assertThrows(ClosedException.class, () -> model.to("java"));
    assertThrows(ClosedException.class, () -> model.encoder().forward(tokens));
  }

  @Test
  void nothingAndTheEmptyText() {
    try (SentenceEncoder model = MiniLmModel.on(Device.of("best"))) {
      assertEquals(0, model.embed(List.of()).length);
      assertArrayEquals(new long[] {101, 102}, model.tokenize(List.of("")).getFirst());
      assertEquals(384, model.embed("").length);
    }
  }

  @Test
  void badArguments() {
    try (SentenceEncoder model = MiniLmModel.on(Device.of("best"))) {
      refused("texts", () -> model.embed(Arrays.asList("a", null)));
      refused("sequences", () -> model.encode(List.of(new long[0])));
      refused("sequences", () -> model.encode(List.of(new long[513])));
      refused("ids", () -> model.encode(List.of(new long[] {101, 30522, 102})));
      refused("ids", () -> model.encode(List.of(new long[] {-1})));
    }
    refused("maxTokens", () -> MiniLm.load(Device.of("best"), 1, 4096));
    refused("maxTokens", () -> MiniLm.load(Device.of("best"), 513, 4096));
    refused("batchTokens", () -> MiniLm.load(Device.of("best"), 256, 0));
  }

  private static void refused(String argument, Runnable call) {
    assertEquals(argument, assertThrows(InvalidArgumentException.class, call::run).argument());
  }

  private static float[][] embed(Device device) {
    try (SentenceEncoder model = MiniLmModel.on(device)) {
      return model.embed(Sentences.few());
    }
  }

  private static void assertSame(float[][] expected, float[][] actual, String what) {
    assertEquals(expected.length, actual.length, what);
    for (int i = 0; i < expected.length; i++) {
      assertNull(Bits.difference(actual[i], expected[i]), what + ": text " + i);
    }
  }
}
