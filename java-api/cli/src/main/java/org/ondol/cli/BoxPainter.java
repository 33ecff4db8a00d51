package org.ondol.cli;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;

/** Draws boxes on an image as outlines whose colours are easily told apart. */
final class BoxPainter {
  /** The turn of the hue from one box to the next: never near that of one of the boxes before it. */
  private static final float TURN = 0.618034f;
  /** An image this wide gets lines of one pixel. */
  private static final double WIDTH_A_PIXEL = 500;
  private static final Color SHADE = new Color(0, 0, 0, 110);

  private BoxPainter() {}

  /** Draws boxes [x1, y1, x2, y2], their ends exclusive; the first ones lie on top. */
  static void draw(BufferedImage image, int[][] boxes) {
    Graphics2D g = image.createGraphics();
    int line = (int) Math.max(1, Math.round(Math.max(image.getWidth(), image.getHeight()) / WIDTH_A_PIXEL));
    for (int i = boxes.length - 1; i >= 0; i--) outline(g, boxes[i], line, colour(i));
    g.dispose();
  }

  /** The colour of a number. */
  static Color colour(int i) {
    return Color.getHSBColor(i * TURN, i % 2 == 0 ? 1 : 0.65f, 1);
  }

  /** An outline of so many pixels; a dark line inside the coloured one keeps it visible on what has its colour. */
  static void outline(Graphics2D g, int[] box, int line, Color colour) {
    frame(g, box, line, line, SHADE);
    frame(g, box, 0, line, colour);
  }

  /** Four bars of so many pixels, so far inside the box. */
  private static void frame(Graphics2D g, int[] box, int inside, int line, Color colour) {
    int x = box[0] + inside;
    int y = box[1] + inside;
    int width = box[2] - inside - x;
    int height = box[3] - inside - y;
    if (width < 2 * line || height < 2 * line) return;
    g.setColor(colour);
    g.fillRect(x, y, width, line);
    g.fillRect(x, y + height - line, width, line);
    g.fillRect(x, y + line, line, height - 2 * line);
    g.fillRect(x + width - line, y + line, line, height - 2 * line);
  }
}
