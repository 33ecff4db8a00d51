package org.ondol.test.grad;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.models.LeNet;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Parameters that go from one device to another. */
class ParametersTest {
  private static final long[] PICTURE = {1, 28, 28};

  @Test
  void aModelGoesToEveryDeviceAndBackUnchanged() {
    float[] pixels = new float[3 * 28 * 28];
    Random random = new Random(5);
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = random.nextFloat();
    }
    Device first = Device.of("java:scalar");
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open(); LeNet here = new LeNet(first, PICTURE, 10, new Generator(1));
          LeNet there = new LeNet(device, PICTURE, 10, new Generator(2));
          LeNet back = new LeNet(first, PICTURE, 10, new Generator(3))) {
        there.parameters().assign(here.parameters());
        back.parameters().assign(there.parameters());
        for (Parameter p : here.parameters()) {
          assertNull(Bits.difference(back.parameters().get(p.name()).tensor().toFloats(), p.tensor().toFloats()), p.name());
        }
        float[] expected = here.probabilities(Tensor.of(first, pixels, 3, 1, 28, 28)).toFloats();
        float[] actual = there.probabilities(Tensor.of(device, pixels, 3, 1, 28, 28)).toFloats();
        assertNull(Bits.difference(actual, expected), device + " against " + first);
      }
    }
  }

  @Test
  void parametersOfAnotherModelAreRefusedWhole() {
    Device d = Device.of("java");
    try (Parameters mine = new Parameters(); Parameters names = new Parameters(); Parameters shapes = new Parameters()) {
      mine.add("a", Tensor.of(d, new float[] {1, 2}, 2));
      mine.add("b", Tensor.of(d, new float[] {3}, 1));
      names.add("a", Tensor.of(d, new float[] {5, 6}, 2));
      shapes.add("a", Tensor.of(d, new float[] {5, 6}, 2));
      shapes.add("b", Tensor.of(d, new float[] {7, 8}, 2));
      var missing = assertThrows(InvalidArgumentException.class, () -> mine.assign(names));
      assertEquals("source", missing.argument());
      assertTrue(missing.getMessage().contains("[a, b]"), missing.getMessage());
      assertEquals("source", assertThrows(ShapeException.class, () -> mine.assign(shapes)).argument());
      assertThrows(InvalidArgumentException.class, () -> mine.assign(null));
      assertArrayEquals(new float[] {1, 2}, mine.get("a").tensor().toFloats());
    }
  }

  @Test
  void whatDependsOnTheValuesNoticesTheChange() {
    Device d = Device.of("java");
    try (Parameters mine = new Parameters(); Parameters other = new Parameters()) {
      Parameter p = mine.add("a", Tensor.of(d, new float[] {1}, 1));
      other.add("a", Tensor.of(d, new float[] {2}, 1));
      long before = p.version();
      mine.assign(other);
      assertTrue(p.version() > before);
      assertEquals(2, p.tensor().item());
    }
  }
}
