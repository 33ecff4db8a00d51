package org.ondol.test.layers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.HostMemory;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.DeconvUnit;
import org.ondol.models.layers.Inference;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Network;

import org.ondol.models.layers.NormUnit;
import org.ondol.models.layers.Statistics;
import org.ondol.models.layers.Units;
import org.ondol.ops.Activation;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Resize;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Networks of maps at once: the bits of the same network on a tape, whatever was fused and wherever maps lie. */
class InferenceTest {
  private static final ConvGeometry SAME = ConvGeometry.UNIT.padding(1);

  /** Units that a test's network is made of, with values that are not those of a fresh model. */
  private static final class Kit implements AutoCloseable {
    final Parameters parameters = new Parameters();
    final Generator random = new Generator(3);
    final Units units;
    private int count;

    Kit(Device device) {
      units = Units.of(parameters, "", device, random);
    }

    ConvUnit conv(long in, long out, long kernel) {
      return filled(units.conv("c" + count++, in, out, kernel, ConvGeometry.UNIT.padding(kernel / 2)));
    }

    ConvUnit filled(ConvUnit unit) {
      if (unit.bias() != null) set(unit.bias(), -0.5, 0.5);
      return unit;
    }

    NormUnit norm(long channels) {
      NormUnit n = units.norm("n" + count++, channels, 1e-3);
      set(n.gamma(), 0.5, 1.5);
      set(n.beta(), -0.5, 0.5);
      set(n.mean(), -0.3, 0.3);
      set(n.variance(), 0.2, 2);
      return n;
    }

    void set(Parameter p, double low, double high) {
      try (Tensor t = Scope.detach(random.uniform(p.tensor().device(), low, high, p.tensor().shape()))) {
        p.assign(t);
      }
    }

    @Override
    public void close() {
      parameters.close();
    }
  }

  private static List<float[]> onTape(Network network, Tensor x) {
    try (Tape tape = Tape.open()) {
      List<float[]> all = new ArrayList<>();
      List<Value> values = network.of(new Net.OnTape(tape, Statistics.RUNNING), tape.constant(x));
      for (Value v : values) all.add(v.tensor().toFloats());
      return all;
    }
  }

  /** Largest difference of the two ways, which must be of the same bits where {@code tolerance} is 0. */
  private static void compare(Network network, Inference inference, Tensor x, double tolerance) {
    List<float[]> expected = onTape(network, x);
    try (Scope scope = Scope.open()) {
      List<Tensor> actual = inference.maps(network, x);
      assertEquals(expected.size(), actual.size());
      for (int i = 0; i < expected.size(); i++) {
        float[] a = actual.get(i).toFloats();
        if (tolerance == 0) assertNull(Bits.difference(a, expected.get(i)), "map " + i);
        else assertTrue(distance(a, expected.get(i)) <= tolerance, "map " + i);
      }
    }
  }

  private static double distance(float[] actual, float[] expected) {
    assertEquals(expected.length, actual.length);
    double worst = 0;
    for (int i = 0; i < actual.length; i++) {
      double d = Math.abs((double) actual[i] - expected[i]);
      worst = d <= worst ? worst : d; // a NaN stays
    }
    return worst;
  }

  /** Runs a test on every device, with images [2, 3, 9, 11], and looks whether all memory came back. */
  private static void everywhere(Consumer<Kit> test) {
    for (Device device : TestDevices.available()) {
      long before = HostMemory.INSTANCE.inUse();
      try (Scope scope = Scope.open(); Kit kit = new Kit(device)) {
        test.accept(kit);
      }
      assertEquals(before, HostMemory.INSTANCE.inUse(), "bytes left on " + device);
    }
  }

  private static Tensor image(Kit kit) {
    return kit.random.uniform(kit.units.device(), -1, 1, 2, 3, 9, 11);
  }

  /** Every operation, with maps that are read where they are concatenated, twice in one concatenation, and given back. */
  private record Everything(ConvUnit first, ConvUnit half, DeconvUnit up, ConvUnit grouped, Parameter slopes, ConvUnit one)
      implements Network {
    static Everything of(Kit k) {
      ConvUnit half = k.filled(k.units.conv("half", 8, 6, 3, SAME.stride(2)));
      DeconvUnit up = k.units.deconv("up", 6, 4, 3, ConvGeometry.UNIT.stride(2).padding(1));
      ConvUnit grouped = k.filled(k.units.conv("grouped", 12, 12, 3, SAME.groups(12)));
      Parameter slopes = k.units.slopes("act", 12);
      k.set(slopes, -0.5, 1.5);
      return new Everything(k.conv(3, 8, 3).relu(), half.leakyRelu(0.1), up, grouped, slopes, k.conv(12, 8, 1));
    }

    @Override
    public <M> List<M> of(Net<M> net, M image) {
      M a = net.conv(image, first);
      M b = net.conv(a, half);
      M c = net.relu(net.deconv(b, up));
      M d = net.concat(List.of(a, c));
      M e = net.prelu(net.conv(d, grouped), slopes);
      M f = net.relu(net.add(net.conv(e, one), a));
      M g = net.add(net.conv(e, one), net.conv(e, one));
      M h = net.concat(List.of(f, net.concat(List.of(g, f)), f, net.dropout(image, 0.5)));
      M i = net.maxPool(h, PoolGeometry.window(3, 3).stride(2).ceil(true));
      M j = net.averagePool(i, PoolGeometry.tiles(2));
      M k = net.resize(j, Resize.Target.size(net.size(i, 2), net.size(i, 3)), Resize.Options.BILINEAR);
      M l = net.concat(List.of(net.channels(i, 3, 7), net.apply(Op.SIGMOID, 0, k), net.channels(k, 0, 1)));
      M m = net.crop(l, 1, 2, 3, 3);
      M n = net.apply(Op.SCALE, 0.5, net.conv(net.channels(m, 0, 12), one, net.channels(m, 1, 9)));
      return List.of(m, net.globalAverage(l), d, n, n, c, image, net.globalAverage(net.concat(List.of(m, n))));
    }
  }

  @Test
  void theBitsOfTheTape() {
    everywhere(k -> {
      try (Inference inference = new Inference()) {
        Everything network = Everything.of(k);
        for (int i = 0; i < 2; i++) compare(network, inference, image(k), 0);
      }
    });
  }

  @Test
  void everyActivation() {
    everywhere(k -> {
      try (Inference inference = new Inference()) {
        ConvUnit unit = k.conv(3, 5, 3);
        for (Activation act : Activation.values()) {
          compare(single(new Network.Single() {
            @Override
            public <M> M of(Net<M> net, M image) {
              return net.conv(image, unit.activation(act));
            }
          }), inference, image(k), 0);
        }
        for (Op op : List.of(Op.RELU, Op.GELU, Op.GELU_TANH, Op.SIGMOID, Op.TANH, Op.SILU, Op.EXP, Op.NEG)) {
          compare(single(new Network.Single() {
            @Override
            public <M> M of(Net<M> net, M image) {
              return net.apply(op, 0, net.conv(image, unit));
            }
          }), inference, image(k), 0);
        }
      }
    });
  }

  private static Network single(Network.Single network) {
    return new Network() {
      @Override
      public <M> List<M> of(Net<M> net, M image) {
        return List.of(network.of(net, image));
      }
    };
  }

  /** Folded batch norm rounds once less; one that stands alone has the same bits. */
  @Test
  void batchNorm() {
    everywhere(k -> {
      NormUnit alone = k.norm(3);
      ConvUnit plain = k.conv(3, 4, 3);
      ConvUnit unit = new ConvUnit(plain.weight(), plain.bias(), k.norm(4), SAME, Activation.NONE, 0).leakyRelu(0.1);
      DeconvUnit up = k.units.deconv("up", 4, 6, 3, ConvGeometry.UNIT.stride(2).groups(2), false, k.norm(6)).relu();
      try (Inference inference = new Inference()) {
        compare(single(new Network.Single() {
          @Override
          public <M> M of(Net<M> net, M image) {
            return net.relu(net.batchNorm(image, alone));
          }
        }), inference, image(k), 0);
        Network folded = single(new Network.Single() {
          @Override
          public <M> M of(Net<M> net, M image) {
            return net.deconv(net.conv(image, unit), up);
          }
        });
        compare(folded, inference, image(k), 2e-6);
        k.set(unit.norm().variance(), 3, 4); // packed anew
        compare(folded, inference, image(k), 2e-6);
        k.set(unit.weight(), -1, 1);
        compare(folded, inference, image(k), 4e-6);
      }
    });
  }

  /** Running statistics move on a tape; what was packed before is out of date. */
  @Test
  void afterAStepOfTraining() {
    everywhere(k -> {
      ConvUnit plain = k.conv(3, 4, 3);
      ConvUnit unit = new ConvUnit(plain.weight(), null, k.norm(4), SAME, Activation.NONE, 0);
      Network.Single network = new Network.Single() {
        @Override
        public <M> M of(Net<M> net, M image) {
          return net.conv(image, unit);
        }
      };
      try (Inference inference = new Inference()) {
        Tensor x = image(k);
        float[] before = inference.map(network, x).toFloats();
        try (Tape tape = Tape.open()) {
          network.of(new Net.OnTape(tape, Statistics.MOVING), tape.constant(x));
        }
        assertTrue(distance(inference.map(network, x).toFloats(), before) > 1e-3);
        compare(single(network), inference, x, 2e-6);
      }
    });
  }

  /** Filters as large as the map are a matrix product, with any activation and wherever the result goes. */
  @Test
  void denseLayers() {
    everywhere(k -> {
      ConvUnit whole = k.filled(k.units.conv("whole", 3, 20, 9, 11, ConvGeometry.UNIT, true, null));
      ConvUnit normed = new ConvUnit(whole.weight(), null, k.norm(20), ConvGeometry.UNIT, Activation.NONE, 0);
      ConvUnit part = k.filled(k.units.conv("part", 2, 7, 9, 11, ConvGeometry.UNIT, true, null));
      ConvUnit grouped = k.filled(k.units.conv("grouped", 3, 6, 9, 11, ConvGeometry.UNIT.groups(3), true, null));
      ConvUnit bordered = k.filled(k.units.conv("bordered", 3, 6, 9, 11, ConvGeometry.UNIT.padding(0, 0, 0, 1), true, null));
      ConvUnit next = k.filled(k.units.conv("next", 20, 5, 1, ConvGeometry.UNIT));
      Network network = new Network() {
        @Override
        public <M> List<M> of(Net<M> net, M image) {
          M a = net.conv(image, whole.relu());
          M b = net.conv(net.channels(image, 1, 3), part.activation(Activation.GELU));
          M c = net.concat(List.of(net.conv(a, next), net.conv(a, next.leakyRelu(0.1)), b));
          M d = net.add(net.conv(image, whole), a);
          return List.of(a, b, c, d, net.conv(image, grouped), net.conv(image, bordered), net.apply(Op.SIGMOID, 0, net.conv(a, next)));
        }
      };
      try (Inference inference = new Inference()) {
        Tensor x = image(k);
        compare(network, inference, x, 0);
        compare(network, inference, x.slice(0, 1, 2), 0);
        k.set(whole.weight(), -1, 1);
        compare(network, inference, x, 0);
        compare(single(new Network.Single() {
          @Override
          public <M> M of(Net<M> net, M image) {
            return net.conv(image, normed.relu());
          }
        }), inference, x, 1e-4);
      }
    });
  }

  /** Winograd's mode differs by its roundings, and not between devices. */
  @Test
  void winogradsMode() {
    List<float[]> results = new ArrayList<>();
    everywhere(k -> {
      if (k.units.device().name().startsWith("cuda")) return; // it has no such mode
      ConvUnit wide = k.conv(3, 16, 3).relu();
      ConvUnit tiled = k.conv(16, 24, 3).relu();
      ConvUnit half = k.filled(k.units.conv("half", 24, 16, 3, SAME.stride(2)));
      Network network = new Network() {
        @Override
        public <M> List<M> of(Net<M> net, M image) {
          M a = net.conv(image, wide);
          return List.of(a, net.conv(net.conv(a, tiled), half));
        }
      };
      try (Inference inference = Inference.winograd(); Inference plain = new Inference()) {
        Tensor x = image(k);
        compare(network, inference, x, 1e-5);
        List<Tensor> maps = inference.maps(network, x);
        assertNull(Bits.difference(maps.get(0).toFloats(), plain.maps(network, x).get(0).toFloats()), "few channels");
        results.add(maps.get(1).toFloats());
        assertTrue(Bits.difference(results.getLast(), plain.maps(network, x).get(1).toFloats()) != null, "no such mode");
        assertNull(Bits.difference(results.getLast(), results.getFirst()), k.units.device().toString());
        k.set(tiled.weight(), -1, 1);
        compare(network, inference, x, 1e-4);
      }
    });
  }

  /** The methods of Net, one operation each. */
  @Test
  void oneOperationAtATime() {
    everywhere(k -> {
      Everything network = Everything.of(k);
      Tensor x = image(k);
      List<float[]> expected = onTape(network, x);
      try (Inference inference = new Inference()) {
        List<Tensor> actual = network.of(inference, x);
        for (int i = 0; i < expected.size(); i++) {
          assertNull(Bits.difference(actual.get(i).toFloats(), expected.get(i)), "map " + i);
        }
      }
    });
  }

  @Test
  void manyThreadsAtOnce() throws InterruptedException {
    try (Scope scope = Scope.open(); Kit k = new Kit(Device.of("java")); Inference inference = new Inference()) {
      Everything network = Everything.of(k);
      float[] values = image(k).toFloats();
      List<Throwable> failures = new ArrayList<>();
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        threads.add(Thread.ofPlatform().start(() -> {
          try (Scope own = Scope.open()) {
            compare(network, inference, Tensor.of(Device.of("java"), values, 2, 3, 9, 11), 0);
          } catch (Throwable t) {
            synchronized (failures) {
              failures.add(t);
            }
          }
        }));
      }
      for (Thread t : threads) t.join();
      assertEquals(List.of(), failures);
    }
  }

  @Test
  void refused() {
    try (Scope scope = Scope.open(); Kit k = new Kit(Device.of("java")); Inference inference = new Inference()) {
      Tensor x = image(k);
      ConvUnit unit = k.conv(3, 4, 3);
      assertThrows(InvalidArgumentException.class, () -> inference.conv(null, unit));
      assertThrows(ShapeException.class, () -> inference.conv(x.select(0, 0), unit));
      assertThrows(ShapeException.class, () -> inference.conv(x, k.conv(4, 4, 3)));
      assertThrows(ShapeException.class, () -> inference.conv(x, unit, x));
      assertThrows(ShapeException.class, () -> inference.add(x, x.slice(1, 0, 2)));
      assertThrows(ShapeException.class, () -> inference.concat(List.of(x, x.slice(2, 0, 2))));
      assertThrows(InvalidArgumentException.class, () -> inference.concat(List.of()));
      assertThrows(InvalidArgumentException.class, () -> inference.channels(x, 2, 4));
      assertThrows(InvalidArgumentException.class, () -> inference.crop(x, 0, 0, 10, 2));
      assertThrows(InvalidArgumentException.class, () -> inference.apply(Op.ADD, 0, x));
      assertThrows(InvalidArgumentException.class, () -> inference.prelu(x, null));
      inference.conv(x, unit);
      inference.close();
      assertThrows(ClosedException.class, () -> inference.conv(x, unit));
    }
  }
}
