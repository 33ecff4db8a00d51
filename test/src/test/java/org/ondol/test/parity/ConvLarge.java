package org.ondol.test.parity;

import java.util.List;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.FilterMask.Type;
import org.ondol.spi.ConvShape;
import org.ondol.test.parity.ConvProblem.Kind;
import org.ondol.test.parity.ConvProblem.Sizes;

/** Convolutions in the sizes of real layers, where tiles, panels and tasks are many. */
final class ConvLarge {
  private ConvLarge() {}

  static List<ParityCase> cases(Draw d) {
    ConvGeometry same = ConvGeometry.UNIT.padding(1);
    Sizes depthwise = conv(2, 96, 57, 56, 96, 3, 3, ConvGeometry.UNIT.stride(2).padding(1).groups(96));
    Sizes pixels = conv(1, 48, 28, 28, 96, 5, 5, ConvGeometry.UNIT.padding(2));
    Sizes upsampling = deconv(2, 12, 20, 23, 12, 16, 16, ConvGeometry.UNIT.stride(8).padding(4).groups(12), 0);
    return List.of(
        forward(d, Kind.CONV, conv(1, 32, 61, 57, 48, 3, 3, same), null),
        forward(d, Kind.CONV, conv(1, 3, 112, 111, 64, 7, 7, ConvGeometry.UNIT.stride(2).padding(3)), null),
        forward(d, Kind.CONV, conv(2, 256, 28, 13, 130, 1, 1, ConvGeometry.UNIT), null),
        forward(d, Kind.CONV, conv(1, 26, 45, 60, 25, 3, 3, ConvGeometry.UNIT.padding(16).dilation(16)), null),
        forward(d, Kind.CONV, conv(1, 1, 1, 16000, 24, 1, 64, ConvGeometry.UNIT.stride(1, 4).padding(0, 30)), null),
        forward(d, Kind.CONV, depthwise, null),
        forward(d, Kind.MASKED, pixels, ConvMask.raster(pixels.shape(), Type.B, 3)),
        forward(d, Kind.MASKED, pixels, ConvMask.vertical(pixels.shape(), Type.A)),
        forward(d, Kind.DECONV, deconv(3, 128, 8, 8, 64, 5, 5, ConvGeometry.UNIT.stride(2).padding(2), 1), null),
        forward(d, Kind.DECONV, deconv(1, 64, 30, 41, 24, 2, 2, ConvGeometry.UNIT.stride(2), 0), null),
        forward(d, Kind.DECONV, upsampling, null),
        gradient(d, Kind.CONV, conv(3, 32, 28, 30, 48, 3, 3, same), null),
        gradient(d, Kind.CONV, depthwise, null),
        gradient(d, Kind.MASKED, pixels, ConvMask.raster(pixels.shape(), Type.A, 3)),
        gradient(d, Kind.DECONV, deconv(2, 64, 8, 9, 32, 5, 5, ConvGeometry.UNIT.stride(2).padding(2), 1), null));
  }

  private static ParityCase forward(Draw d, Kind kind, Sizes sizes, ConvMask mask) {
    return new ConvCases(d, new ConvProblem(d, kind, sizes, mask));
  }

  private static ParityCase gradient(Draw d, Kind kind, Sizes sizes, ConvMask mask) {
    return new ConvGradientCases(d, new ConvProblem(d, kind, sizes, mask));
  }

  private static Sizes conv(long n, long in, long h, long w, long out, long kh, long kw, ConvGeometry g) {
    long y = (h + g.padTop() + g.padBottom() - g.dilationH() * (kh - 1) - 1) / g.strideH() + 1;
    long x = (w + g.padLeft() + g.padRight() - g.dilationW() * (kw - 1) - 1) / g.strideW() + 1;
    return new Sizes(new ConvShape(n, g.groups(), in, h, w, out, y, x, kh, kw, g.strideH(), g.strideW(), g.dilationH(),
        g.dilationW(), g.padTop(), g.padLeft()), g, 0, 0);
  }

  private static Sizes deconv(long n, long in, long h, long w, long out, long kh, long kw, ConvGeometry g, long extra) {
    long y = (h - 1) * g.strideH() - g.padTop() - g.padBottom() + g.dilationH() * (kh - 1) + 1 + extra;
    long x = (w - 1) * g.strideW() - g.padLeft() - g.padRight() + g.dilationW() * (kw - 1) + 1 + extra;
    return new Sizes(new ConvShape(n, g.groups(), in, h, w, out, y, x, kh, kw, g.strideH(), g.strideW(), g.dilationH(),
        g.dilationW(), g.padTop(), g.padLeft()), g, extra, extra);
  }
}
