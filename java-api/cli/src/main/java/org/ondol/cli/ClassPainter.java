package org.ondol.cli;

import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.List;

/** Draws the classes of pixels over a photograph, with a legend below it. */
final class ClassPainter {
  /** Of a class's colour in a pixel; the rest is the photograph's. */
  private static final float COVER = 0.55f;
  /** A photograph this wide gets text of one pixel's height for each of these. */
  private static final int TEXT = 45;
  private static final int LEAST_TEXT = 11;
  private static final Color PAPER = Color.WHITE;
  private static final Color INK = new Color(0x202020);

  /** @param share of all pixels */
  record Entry(String name, int colour, double share) {
    String text() {
      return "%s %.1f %%".formatted(name, 100 * share);
    }
  }

  private ClassPainter() {}

  /**
   * A new picture.
   *
   * @param classes of a map of width x height, rows first; stretched to the photograph
   * @param colours 0xRRGGBB of each class
   * @param legend what is named below, in this order
   */
  static BufferedImage draw(BufferedImage photo, byte[] classes, int width, int height, int[] colours,
      List<Entry> legend) {
    int size = Math.max(LEAST_TEXT, photo.getWidth() / TEXT);
    Font font = new Font(Font.SANS_SERIF, Font.PLAIN, size);
    int line = size * 8 / 5;
    Graphics2D measure = photo.createGraphics();
    int rows = place(measure, font, line, photo.getWidth(), legend, null, 0);
    measure.dispose();
    BufferedImage image =
        new BufferedImage(photo.getWidth(), photo.getHeight() + rows * line + line / 2, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < photo.getHeight(); y++) {
      int row = (int) ((y + 0.5) * height / photo.getHeight()) * width;
      for (int x = 0; x < photo.getWidth(); x++) {
        int c = classes[row + (int) ((x + 0.5) * width / photo.getWidth())] & 0xFF;
        image.setRGB(x, y, mixed(photo.getRGB(x, y), colours[c]));
      }
    }
    Graphics2D g = image.createGraphics();
    g.setColor(PAPER);
    g.fillRect(0, photo.getHeight(), image.getWidth(), image.getHeight() - photo.getHeight());
    g.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    place(g, font, line, photo.getWidth(), legend, g, photo.getHeight() + line / 4);
    g.dispose();
    return image;
  }

  private static int mixed(int photo, int colour) {
    int rgb = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
      float v = (1 - COVER) * (photo >> shift & 0xFF) + COVER * (colour >> shift & 0xFF);
      rgb = rgb << 8 | Math.round(v);
    }
    return rgb;
  }

  /** Sets the entries in lines, drawing them where there is something to draw on; returns how many lines there are. */
  private static int place(Graphics2D measure, Font font, int line, int width, List<Entry> legend, Graphics2D g, int top) {
    FontMetrics metrics = measure.getFontMetrics(font);
    int box = metrics.getAscent();
    int x = line / 2;
    int row = 0;
    for (Entry e : legend) {
      int wide = box + line / 3 + metrics.stringWidth(e.text());
      if (x > line / 2 && x + wide > width) {
        x = line / 2;
        row++;
      }
      if (g != null) {
        int y = top + row * line + (line - box) / 2;
        // As it looks on a photograph of middle grey.
        g.setColor(new Color(mixed(0x808080, e.colour)));
        g.fillRect(x, y, box, box);
        g.setColor(INK);
        g.drawRect(x, y, box, box);
        g.setFont(font);
        g.drawString(e.text(), x + box + line / 3, y + box - 1);
      }
      x += wide + line;
    }
    return row + 1;
  }
}
