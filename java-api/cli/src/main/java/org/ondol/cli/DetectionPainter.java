package org.ondol.cli;

import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.Rectangle;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import org.ondol.models.detection.Detection;

/** Draws what a detector found: boxes in the colours of their classes, each with a plate that names class and score. */
final class DetectionPainter {
  /** Smaller pictures are enlarged to about so many pixels, each pixel to a square, for want of room for plates. */
  private static final int SIZE = 480;
  /** A photograph whose longer side has so many pixels gets lines of one pixel. */
  private static final double A_PIXEL = 400;
  /** And text of one pixel's height for each of these. */
  private static final int TEXT = 52;
  private static final int TEXT_SIZE = 13;
  private static final int LEAST_TEXT = 8;
  private static final int DARK = 140;

  private final BufferedImage image;
  private final Graphics2D g;
  private final int line;
  private final FontMetrics largest;

  private DetectionPainter(BufferedImage image) {
    this.image = image;
    g = image.createGraphics();
    g.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    int longer = Math.max(image.getWidth(), image.getHeight());
    line = (int) Math.max(2, Math.round(longer / A_PIXEL));
    largest = metrics(Math.max(TEXT_SIZE, longer / TEXT));
  }

  /** By how much a picture is enlarged before it is drawn on. */
  static int enlargement(int width, int height) {
    return Math.max(1, SIZE / Math.max(width, height));
  }

  /**
   * A picture with boxes.
   *
   * @param photo is drawn on, unless it has to be enlarged
   * @param found by falling score, in pixels of the photograph; what lies outside of it is left out
   */
  static BufferedImage draw(BufferedImage photo, List<Detection> found, List<String> classes) {
    int scale = enlargement(photo.getWidth(), photo.getHeight());
    DetectionPainter painter = new DetectionPainter(scale == 1 ? photo : enlarged(photo, scale));
    painter.draw(found.stream().map(d -> d.scaled(scale, scale)).toList(), classes);
    painter.g.dispose();
    return painter.image;
  }

  private static BufferedImage enlarged(BufferedImage photo, int scale) {
    int width = photo.getWidth() * scale;
    int height = photo.getHeight() * scale;
    BufferedImage large = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = large.createGraphics();
    g.drawImage(photo, 0, 0, width, height, null); // nearest
    g.dispose();
    return large;
  }

  /** A label and where it lies. */
  private record Plate(String text, FontMetrics metrics, Rectangle place, Color colour) {}

  /** Boxes first and plates over all of them; the best ones on top. */
  private void draw(List<Detection> found, List<String> classes) {
    List<Plate> plates = new ArrayList<>();
    for (Detection d : found) {
      Plate plate = plate(pixels(d), classes.get(d.label()) + " %.2f".formatted(d.score()),
          BoxPainter.colour(d.label()), plates);
      if (plate != null) plates.add(plate);
    }
    for (Detection d : found.reversed()) BoxPainter.outline(g, pixels(d), line, BoxPainter.colour(d.label()));
    plates.reversed().forEach(this::draw);
  }

  private int[] pixels(Detection d) {
    return new int[] {Math.clamp(Math.round(d.x1()), 0, image.getWidth()),
        Math.clamp(Math.round(d.y1()), 0, image.getHeight()), Math.clamp(Math.round(d.x2()), 0, image.getWidth()),
        Math.clamp(Math.round(d.y2()), 0, image.getHeight())};
  }

  private FontMetrics metrics(int size) {
    return g.getFontMetrics(new Font(Font.SANS_SERIF, Font.BOLD, size));
  }

  /** A plate beside a box where it covers as little as it can of the others; null where the picture has no room for any. */
  private Plate plate(int[] box, String text, Color colour, List<Plate> others) {
    FontMetrics m = largest;
    while (width(text, m) > image.getWidth() && m.getFont().getSize() > LEAST_TEXT) m = metrics(m.getFont().getSize() - 1);
    String shown = text;
    while (shown.length() > 3 && width(shown, m) > image.getWidth()) shown = Text.cut(shown, shown.length() - 1);
    int w = width(shown, m);
    int h = m.getAscent() + m.getDescent();
    if (w > image.getWidth() || h > image.getHeight()) return null;
    int[][] places = {{box[0], box[1] - h}, {box[0], box[3]}, {box[2] - w, box[1] - h}, {box[2] - w, box[3]},
        {box[0], box[1]}, {box[0], box[3] - h}, {box[2], box[1]}, {box[0] - w, box[1]}};
    Rectangle best = null;
    long least = Long.MAX_VALUE;
    for (int[] p : places) {
      Rectangle r = new Rectangle(Math.clamp(p[0], 0, image.getWidth() - w), Math.clamp(p[1], 0, image.getHeight() - h), w, h);
      // One that had to be moved up or down would no longer touch its box in the way that was meant.
      long covered = r.y == p[1] ? 0 : (long) w * h / 2;
      for (Plate other : others) {
        Rectangle both = other.place.intersection(r);
        if (!both.isEmpty()) covered += (long) both.width * both.height;
      }
      if (covered < least) {
        best = r;
        least = covered;
      }
    }
    return new Plate(shown, m, best, colour);
  }

  private static int width(String text, FontMetrics metrics) {
    return metrics.stringWidth(text) + metrics.getAscent() / 2;
  }

  private void draw(Plate plate) {
    Rectangle r = plate.place;
    g.setColor(plate.colour);
    g.fillRect(r.x, r.y, r.width, r.height);
    Color c = plate.colour;
    boolean dark = 0.299 * c.getRed() + 0.587 * c.getGreen() + 0.114 * c.getBlue() < DARK;
    g.setColor(dark ? Color.WHITE : Color.BLACK);
    g.setFont(plate.metrics.getFont());
    g.drawString(plate.text, r.x + plate.metrics.getAscent() / 4, r.y + plate.metrics.getAscent());
  }
}
