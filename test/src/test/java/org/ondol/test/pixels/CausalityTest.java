package org.ondol.test.pixels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.models.layers.CausalityException;
import org.ondol.models.layers.PixelNetwork;
import org.ondol.ops.Activation;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.FilterMask;
import org.ondol.ops.FilterMask.Type;
import org.ondol.ops.PackedFilter;

/** Networks that would see what is not generated yet are refused when they are put together. Devices do not matter here. */
class CausalityTest {
  private final Device device = Device.of("java");
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable c : open.reversed()) {
      c.close();
    }
  }

  private <T extends AutoCloseable> T keep(T t) {
    open.add(t);
    return t;
  }

  private Tensor weight(long... shape) {
    return keep(Tensor.zeros(device, shape));
  }

  private PackedFilter plain(long out, long in, long kh, long kw, ConvGeometry g) {
    return keep(PackedFilter.conv(weight(out, in, kh, kw), g));
  }

  private PackedFilter masked(FilterMask mask, ConvGeometry g) {
    Tensor w = weight(mask.outChannels(), mask.inChannels() / mask.groups(), mask.kernelH(), mask.kernelW());
    return keep(PackedFilter.maskedconv(w, keep(mask), g));
  }

  private PackedFilter raster(Type type, long out, long in, long kernel, long colours) {
    return masked(FilterMask.raster(device, type, out, in, kernel, kernel, colours), ConvGeometry.UNIT.padding(kernel / 2));
  }

  private static void refused(int layer, long ky, long kx, Runnable call) {
    CausalityException e = assertThrows(CausalityException.class, call::run);
    assertEquals(List.of((long) layer, ky, kx), List.of((long) e.layer(), e.ky(), e.kx()), e.getMessage());
    assertTrue(e.getMessage().contains("layer " + layer), e.getMessage());
    assertTrue(ky < 0 || e.getMessage().contains("ky = " + ky + ", kx = " + kx), e.getMessage());
  }

  private int conv(PixelNetwork.Builder b, int input, PackedFilter f) {
    return b.conv(input, f, null, Activation.NONE);
  }

  @Test
  void aPlainFilterThatLooksAhead() {
    PixelNetwork.Builder b = PixelNetwork.on(device, 1);
    refused(1, 1, 2, () -> conv(b, 0, plain(4, 1, 3, 3, ConvGeometry.UNIT.padding(1))));
    int h = conv(b, 0, raster(Type.A, 4, 1, 3, 1));
    refused(2, 1, 2, () -> conv(b, h, plain(4, 4, 3, 3, ConvGeometry.UNIT.padding(1))));
  }

  @Test
  void oneLiveEntryAhead() {
    PixelNetwork.Builder b = PixelNetwork.on(device, 1);
    FilterMask mask = FilterMask.of(device, 4, 1, 3, 3, 1, (o, c, ky, kx) -> ky == 0 || o == 3 && ky == 2 && kx == 0);
    refused(1, 2, 0, () -> conv(b, 0, masked(mask, ConvGeometry.UNIT.padding(1))));
  }

  @Test
  void theSameMaskOverOtherPaddings() {
    PixelNetwork.Builder b = PixelNetwork.on(device, 1);
    FilterMask mask = FilterMask.raster(device, Type.A, 4, 1, 3, 3, 1);
    // Shifted by a column the tap left of the centre lies on the pixel, and those above reach further right.
    refused(1, 1, 0, () -> conv(b, 0, masked(mask, ConvGeometry.UNIT.padding(1, 0, 1, 2))));
    FilterMask again = FilterMask.raster(device, Type.A, 4, 1, 3, 3, 1);
    conv(b, 0, masked(again, ConvGeometry.UNIT.padding(1, 2, 1, 0)));
  }

  @Test
  void thePixelItself() {
    PixelNetwork.Builder b = PixelNetwork.on(device, 1);
    refused(1, 1, 1, () -> conv(b, 0, raster(Type.B, 4, 1, 3, 1)));
    refused(1, 0, 0, () -> conv(b, 0, plain(4, 1, 1, 1, ConvGeometry.UNIT)));
    PackedFilter a = raster(Type.A, 1, 1, 3, 1);
    refused(1, -1, -1, () -> b.conv(0, a, null, Activation.NONE, 0, 0));
    int h = conv(b, 0, a);
    refused(2, -1, -1, () -> b.add(h, 0));
    PixelNetwork.Builder two = PixelNetwork.on(device, 2);
    refused(1, -1, -1, () -> two.gate(0));
  }

  @Test
  void elementByElement() {
    PixelNetwork.Builder b = PixelNetwork.on(device, 1);
    refused(1, -1, -1, () -> b.apply(Op.RELU, 0, 0));
    int h = conv(b, 0, raster(Type.A, 4, 1, 3, 1));
    var two = assertThrows(InvalidArgumentException.class, () -> b.apply(Op.ADD, 0, h));
    assertTrue(two.getMessage().contains("op is ADD"), two.getMessage());
    assertThrows(InvalidArgumentException.class, () -> b.apply(null, 0, h));
    assertThrows(InvalidArgumentException.class, () -> b.apply(Op.SCALE, Double.NaN, h));
    assertThrows(InvalidArgumentException.class, () -> b.apply(Op.RELU, 0, h + 1));
    PixelNetwork.Builder three = PixelNetwork.on(device, 3);
    refused(1, -1, -1, () -> three.apply(Op.EXP, 0, 0));
    int seen = b.apply(Op.TANH, 0, h);
    refused(4, 1, 2, () -> {
      int again = b.apply(Op.RELU, 0, seen);
      conv(b, again, plain(4, 4, 3, 3, ConvGeometry.UNIT.padding(1)));
    });
  }

  @Test
  void coloursOutOfOrder() {
    PixelNetwork.Builder b = PixelNetwork.on(device, 3);
    refused(1, 1, 1, () -> conv(b, 0, raster(Type.B, 6, 3, 3, 3)));
    int h = conv(b, 0, raster(Type.A, 6, 3, 3, 3));
    conv(b, h, plain(6, 6, 1, 1, ConvGeometry.UNIT)); // mixes the colours' channels
    refused(1, 1, 1, b::build);
    PixelNetwork.Builder good = PixelNetwork.on(device, 3);
    conv(good, conv(good, 0, raster(Type.A, 6, 3, 3, 3)), raster(Type.B, 9, 6, 1, 3));
    keep(good.build());
  }

  @Test
  void aRowOfTheVerticalStackThatIsNotThere() {
    PixelNetwork.Builder b = PixelNetwork.on(device, 1);
    int v = conv(b, 0, masked(FilterMask.vertical(device, Type.A, 4, 1, 3, 3), ConvGeometry.UNIT.padding(1)));
    int same = conv(b, v, masked(FilterMask.vertical(device, Type.B, 4, 4, 3, 3), ConvGeometry.UNIT.padding(1)));
    conv(b, same, plain(4, 4, 1, 3, ConvGeometry.UNIT.padding(0, 1))); // right of the pixel, in rows that are known
    refused(4, 2, 0, () -> conv(b, same, plain(4, 4, 3, 1, ConvGeometry.UNIT.padding(1, 0))));
    int h = conv(b, 0, masked(FilterMask.horizontal(device, Type.A, 4, 1, 3, 1), ConvGeometry.UNIT.padding(0, 1)));
    int mixed = b.add(h, same);
    refused(6, 0, 2, () -> conv(b, mixed, plain(4, 4, 1, 3, ConvGeometry.UNIT.padding(0, 1))));
  }

  @Test
  void otherArguments() {
    PixelNetwork.Builder b = PixelNetwork.on(device, 1);
    assertThrows(InvalidArgumentException.class, b::build);
    assertThrows(InvalidArgumentException.class, () -> PixelNetwork.on(null, 1));
    assertThrows(InvalidArgumentException.class, () -> PixelNetwork.on(device, 0));
    assertThrows(InvalidArgumentException.class, () -> conv(b, 0, null));
    assertThrows(InvalidArgumentException.class, () -> conv(b, 1, raster(Type.A, 4, 1, 3, 1)));
    assertThrows(ShapeException.class, () -> conv(b, 0, raster(Type.A, 4, 2, 3, 1)));
    FilterMask a = FilterMask.raster(device, Type.A, 4, 1, 3, 3, 1);
    assertThrows(InvalidArgumentException.class, () -> conv(b, 0, masked(a, ConvGeometry.UNIT)), "a smaller result");
    FilterMask c = FilterMask.raster(device, Type.A, 4, 1, 3, 3, 1);
    assertThrows(InvalidArgumentException.class, () -> conv(b, 0, masked(c, ConvGeometry.UNIT.padding(1).stride(2))));
    assertThrows(InvalidArgumentException.class, () -> conv(b, 0, keep(PackedFilter.deconv(weight(1, 4, 1, 1), ConvGeometry.UNIT))));
    assertThrows(InvalidArgumentException.class, () -> conv(b, 0, keep(PackedFilter.conv(weight(4, 1, 1), ConvGeometry.UNIT))));
    assertThrows(ShapeException.class, () -> b.conv(0, raster(Type.A, 4, 1, 3, 1), weight(3), Activation.NONE));
    assertThrows(ShapeException.class, () -> b.conv(0, raster(Type.A, 4, 1, 3, 1), null, Activation.NONE, 0, 0));
    assertThrows(InvalidArgumentException.class, () -> b.conv(0, raster(Type.A, 4, 1, 3, 1), null, null));
    assertThrows(DeviceMismatchException.class, () -> PixelNetwork.on(Device.of("java:scalar"), 1)
        .conv(0, raster(Type.A, 4, 1, 3, 1), null, Activation.NONE));
    int h = conv(b, 0, raster(Type.A, 3, 1, 3, 1));
    assertThrows(ShapeException.class, () -> b.gate(h));
    PixelNetwork network = keep(b.build());
    assertThrows(ClosedException.class, () -> b.gate(h));
    assertThrows(ShapeException.class, () -> network.forward(weight(1, 2, 3, 3)));
    assertThrows(InvalidArgumentException.class, () -> network.forward(null));
  }
}
