package org.ondol.test.grad;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.grad.Parameter;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/**
 * Random graphs of smooth operations in which values are shared freely: gradients against differences in float64, the
 * same bits on every device, for any number of threads, and with random parts recomputed.
 */
class GraphFuzzTest {
  private static final int GRAPHS = Integer.getInteger("ondol.fuzz.graphs", 60);
  private static final double STEP = 1e-5;
  private static final int LEAVES = 3;

  /** A step: operations on earlier results, in both worlds. */
  private record Step(String name, int[] from, Function<Value[], Value> tape, Function<Wide[], Wide> wide) {}

  /** A graph that grows step by step; shapes follow from the float64 world. */
  private static final class Graph {
    final List<Step> steps = new ArrayList<>();
    final List<Wide> leaves = new ArrayList<>();
    private final List<Wide> results = new ArrayList<>();
    private final Random random;

    Graph(long seed) {
      random = new Random(seed);
      for (int i = 0; i < LEAVES; i++) {
        int[] shape = {1 + random.nextInt(3), 2 + random.nextInt(3), 2 + random.nextInt(4)};
        leaves.add(new Wide(TapeGradientTest.values(random, Wide.count(shape)), shape));
      }
      results.addAll(leaves);
      int n = 4 + random.nextInt(9);
      while (steps.size() < n) grow();
    }

    private void grow() {
      int a = random.nextInt(results.size());
      int b = random.nextInt(results.size());
      Wide x = results.get(a);
      Wide y = results.get(b);
      int rank = x.shape.length;
      int d = random.nextInt(rank);
      switch (random.nextInt(13)) {
        case 0 -> unary("tanh", a, v -> v.tanh(), w -> w.map(Math::tanh));
        case 1 -> unary("sigmoid", a, v -> v.sigmoid(), w -> w.map(Wide::sigmoid));
        case 2 -> unary("square", a, v -> v.tanh().square(), w -> w.map(Math::tanh).map(e -> e * e));
        case 3 -> {
          if (broadcasts(x, y)) add("add", v -> v[0].add(v[1]), w -> w[0].add(w[1]), a, b);
        }
        case 4 -> {
          if (broadcasts(x, y)) add("mul", v -> v[0].mul(v[1]).tanh(), w -> w[0].mul(w[1]).map(Math::tanh), a, b);
        }
        case 5 -> {
          if (broadcasts(x, y)) add("sub", v -> v[0].sub(v[1]), w -> w[0].sub(w[1]), a, b);
        }
        case 6 -> unary("softmax", a, v -> v.softmax(d), w -> w.softmax(d));
        case 7 -> unary("mean", a, v -> v.mean(d).unsqueeze(d), w -> w.mean(d).unsqueeze(d));
        case 8 -> unary("transpose", a, v -> v.transpose(1, 2), w -> w.permute(0, 2, 1));
        case 9 -> {
          if (x.shape[d] > 1) unary("slice", a, v -> v.slice(d, 1, v.size(d)), w -> w.slice(d, 1, w.shape[d]));
        }
        case 10 -> {
          if (Arrays.equals(Wide.changed(x.shape, d, 0), Wide.changed(y.shape, d, 0)) && x.data.length
              + y.data.length < 200) {
            add("concat", v -> Value.concat(d, v[0], v[1]), w -> Wide.concat(d, w[0], w[1]), a, b);
          }
        }
        case 11 -> {
          boolean batches = x.shape[0] == y.shape[0] || x.shape[0] == 1 || y.shape[0] == 1;
          if (x.shape[2] == y.shape[1] && batches) {
            add("matmul", v -> v[0].matmul(v[1]).tanh(), w -> w[0].matmul(w[1]).map(Math::tanh), a, b);
          }
        }
        default -> {
          int[] s = x.shape;
          unary("reshape", a, v -> v.reshape(s[1], s[0], s[2]), w -> w.reshape(s[1], s[0], s[2]));
        }
      }
    }

    private static boolean broadcasts(Wide x, Wide y) {
      for (int i = 0; i < x.shape.length; i++) {
        if (x.shape[i] != y.shape[i] && x.shape[i] != 1 && y.shape[i] != 1) return false;
      }
      return true;
    }

    private void unary(String name, int a, Function<Value, Value> tape, Function<Wide, Wide> wide) {
      add(name, v -> tape.apply(v[0]), w -> wide.apply(w[0]), a);
    }

    private void add(String name, Function<Value[], Value> tape, Function<Wide[], Wide> wide, int... from) {
      results.add(wide.apply(Arrays.stream(from).mapToObj(results::get).toArray(Wide[]::new)));
      steps.add(new Step(name, from, tape, wide));
    }

    double loss() {
      List<Wide> all = new ArrayList<>(leaves);
      for (Step s : steps) all.add(s.wide.apply(Arrays.stream(s.from).mapToObj(all::get).toArray(Wide[]::new)));
      double sum = 0;
      for (int i = 0; i < all.size(); i++) sum += all.get(i).mul(all.get(i)).total() / (i + 2);
      return sum;
    }

    /** @param recomputed which steps are recomputed, bit by bit */
    float[] gradients(Device device, long recomputed) {
      List<Parameter> parameters = new ArrayList<>();
      try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
        List<Value> all = new ArrayList<>();
        for (Wide w : leaves) {
          long[] shape = Arrays.stream(w.shape).asLongStream().toArray();
          parameters.add(new Parameter("p" + parameters.size(),
              Tensor.of(device, TapeGradientTest.floats(w.data), shape)));
          all.add(tape.parameter(parameters.getLast()));
        }
        for (int i = 0; i < steps.size(); i++) {
          Step s = steps.get(i);
          Value[] from = Arrays.stream(s.from).mapToObj(all::get).toArray(Value[]::new);
          all.add((recomputed >> i & 1) == 1 ? tape.recompute(() -> s.tape.apply(from)) : s.tape.apply(from));
        }
        Value loss = null;
        for (int i = 0; i < all.size(); i++) {
          Value part = all.get(i).square().sum().scale(1.0 / (i + 2));
          loss = loss == null ? part : loss.add(part);
        }
        tape.backward(loss);
        float[] out = new float[0];
        for (Parameter p : parameters) {
          float[] g = p.gradient().toFloats();
          int at = out.length;
          out = Arrays.copyOf(out, at + g.length);
          System.arraycopy(g, 0, out, at, g.length);
        }
        return out;
      } finally {
        parameters.forEach(Parameter::close);
      }
    }

    @Override
    public String toString() {
      StringBuilder text = new StringBuilder();
      for (Step s : steps) text.append(s.name).append(Arrays.toString(s.from)).append(' ');
      return text.toString();
    }
  }

  private static void check(long seed) {
    Graph graph = new Graph(seed);
    float[] first = graph.gradients(TestDevices.available().getFirst(), 0);
    int at = 0;
    for (Wide leaf : graph.leaves) {
      for (int i = 0; i < leaf.data.length; i++, at++) {
        double keep = leaf.data[i];
        leaf.data[i] = keep + STEP;
        double up = graph.loss();
        leaf.data[i] = keep - STEP;
        double down = graph.loss();
        leaf.data[i] = keep;
        double expected = (up - down) / (2 * STEP);
        if (!(Math.abs(first[at] - expected) <= 1e-4 * (1 + Math.abs(expected)))) {
          fail("seed " + seed + ", " + graph + ": gradient " + at + " is " + first[at] + ", differences give "
              + expected);
        }
      }
    }
    Random random = new Random(seed);
    for (Device device : TestDevices.available()) {
      Threads.set(1 + random.nextInt(4));
      assertNull(Bits.difference(graph.gradients(device, 0), first), "seed " + seed + " on " + device);
      assertNull(Bits.difference(graph.gradients(device, random.nextLong()), first), "seed " + seed + " on " + device
          + ", recomputed");
    }
  }

  @Test
  void graphs() {
    int threads = Threads.count();
    try {
      for (long seed = 1; seed <= GRAPHS; seed++) check(seed);
    } finally {
      Threads.set(threads);
    }
  }
}
