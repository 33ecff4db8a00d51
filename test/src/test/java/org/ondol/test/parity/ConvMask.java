package org.ondol.test.parity;

import org.ondol.Device;
import org.ondol.ops.FilterMask;
import org.ondol.ops.FilterMask.Type;
import org.ondol.spi.ConvShape;

/**
 * A pattern of live filter entries, told twice: as the library makes it, and as flags that lie like the weight
 * [out, in / groups, kernelH, kernelW], from a formula of this class's own.
 */
record ConvMask(String name, boolean[] live, Maker maker) {
  /** Makes the library's mask on a device. */
  interface Maker {
    FilterMask on(Device device);
  }

  private interface Entry {
    boolean live(int o, int c, int ky, int kx);
  }

  private static boolean[] flags(ConvShape s, Entry entry) {
    boolean[] live = new boolean[(int) (s.yChannels() * s.depth())];
    int i = 0;
    for (int o = 0; o < s.yChannels(); o++) {
      for (int c = 0; c < s.xGroup(); c++) {
        for (int ky = 0; ky < s.kernelH(); ky++) {
          for (int kx = 0; kx < s.kernelW(); kx++) {
            live[i++] = entry.live(o, c, ky, kx);
          }
        }
      }
    }
    return live;
  }

  static ConvMask draw(Draw d, ConvShape s) {
    Type type = d.of(Type.values());
    int colours = d.oneIn(2) && s.xChannels() >= 3 && s.yChannels() >= 3 ? 3 : 1;
    int kind = s.groups() > 1 ? d.between(3, 6) : d.below(7);
    return switch (kind) {
      case 0 -> raster(s, type, colours);
      case 1 -> vertical(s, type);
      case 2 -> s.kernelH() == 1 ? horizontal(s, type, colours) : raster(s, type, colours);
      case 3 -> {
        int keep = d.between(1, 9);
        yield any("random", s, random(d, s, (int) s.yChannels(), keep));
      }
      case 4 -> any("three classes", s, random(d, s, 3, 5));
      case 5 -> any("all dead", s, flags(s, (o, c, ky, kx) -> false));
      default -> any("all live", s, flags(s, (o, c, ky, kx) -> true));
    };
  }

  /** Entries that live with a chance of keep tenths, with so many different filters. */
  private static boolean[] random(Draw d, ConvShape s, int classes, int keep) {
    boolean[] drawn = new boolean[(int) (classes * s.depth())];
    for (int i = 0; i < drawn.length; i++) {
      drawn[i] = d.below(10) < keep;
    }
    boolean[] live = new boolean[(int) (s.yChannels() * s.depth())];
    for (int o = 0; o < s.yChannels(); o++) {
      System.arraycopy(drawn, (int) (o % classes * s.depth()), live, (int) (o * s.depth()), (int) s.depth());
    }
    return live;
  }

  /** Before the pixel in raster order; at the pixel itself the earlier colours, and with B the same one. */
  static ConvMask raster(ConvShape s, Type type, int colours) {
    boolean[] live = flags(s, (o, c, ky, kx) -> {
      long distance = (ky - s.kernelH() / 2) * s.kernelW() + (kx - s.kernelW() / 2);
      long from = c * colours / s.xChannels();
      long to = o * colours / s.yChannels();
      return ky == s.kernelH() / 2 && kx == s.kernelW() / 2 ? from < to || type == Type.B && from == to : distance < 0;
    });
    return new ConvMask("raster " + type + colours, live, d -> FilterMask.raster(d, type, s.yChannels(), s.xChannels(),
        s.kernelH(), s.kernelW(), colours));
  }

  static ConvMask vertical(ConvShape s, Type type) {
    boolean[] live = flags(s, (o, c, ky, kx) -> type == Type.A ? ky < s.kernelH() / 2 : ky <= s.kernelH() / 2);
    return new ConvMask("vertical " + type, live, d -> FilterMask.vertical(d, type, s.yChannels(), s.xChannels(),
        s.kernelH(), s.kernelW()));
  }

  private static ConvMask horizontal(ConvShape s, Type type, int colours) {
    return new ConvMask("horizontal " + type + colours, raster(s, type, colours).live, d -> FilterMask.horizontal(d,
        type, s.yChannels(), s.xChannels(), s.kernelW(), colours));
  }

  private static ConvMask any(String name, ConvShape s, boolean[] live) {
    long outGroup = s.yGroup();
    return new ConvMask(name, live, d -> FilterMask.of(d, s.yChannels(), s.xChannels(), s.kernelH(), s.kernelW(),
        s.groups(),
        (o, c, ky, kx) -> live[(int) (((o * s.xGroup() + (c - o / outGroup * s.xGroup())) * s.kernelH()
            + ky) * s.kernelW()
            + kx)]));
  }
}
