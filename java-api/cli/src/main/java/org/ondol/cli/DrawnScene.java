package org.ondol.cli;

import java.awt.Color;
import java.awt.GradientPaint;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.ondol.models.detection.LabelledBox;

/** Things of any colour upon a ground of any colour, with noise: what a detector can be trained on where there are no data. */
record DrawnScene(List<Thing> things, Color one, Color other, long noise) {
  static final List<String> CLASSES = List.of("disc", "square", "triangle");
  private static final int MOST = 4;
  private static final int TRIES = 12;
  private static final double LEAST_SIZE = 0.18;
  private static final double MOST_SIZE = 0.42;
  private static final int NOISE = 18;

  /** @param box in units of the picture */
  record Thing(LabelledBox box, Color colour) {
    private Shape shape(int side) {
      double x = box.x1() * side;
      double y = box.y1() * side;
      double w = (box.x2() - box.x1()) * side;
      double h = (box.y2() - box.y1()) * side;
      return switch (box.label()) {
        case 0 -> new Ellipse2D.Double(x, y, w, h);
        case 1 -> new Rectangle2D.Double(x, y, w, h);
        default -> {
          Path2D path = new Path2D.Double();
          path.moveTo(x + w / 2, y);
          path.lineTo(x + w, y + h);
          path.lineTo(x, y + h);
          path.closePath();
          yield path;
        }
      };
    }
  }

  /** One to four things, none of which hides another. */
  static DrawnScene random(Random random) {
    Color one = ground(random);
    Color other = ground(random);
    List<Thing> things = new ArrayList<>();
    int wanted = 1 + random.nextInt(MOST);
    for (int i = 0; i < TRIES && things.size() < wanted; i++) {
      double size = LEAST_SIZE + random.nextDouble() * (MOST_SIZE - LEAST_SIZE);
      float x = (float) (random.nextDouble() * (1 - size));
      float y = (float) (random.nextDouble() * (1 - size));
      LabelledBox box = new LabelledBox(random.nextInt(CLASSES.size()), x, y, (float) (x + size), (float) (y + size));
      if (things.stream().noneMatch(t -> touch(t.box, box))) things.add(new Thing(box, paint(random)));
    }
    return new DrawnScene(things, one, other, random.nextLong());
  }

  private static Color ground(Random r) {
    return Color.getHSBColor(r.nextFloat(), r.nextFloat() * 0.35f, 0.3f + r.nextFloat() * 0.5f);
  }

  private static Color paint(Random r) {
    return Color.getHSBColor(r.nextFloat(), 0.7f + r.nextFloat() * 0.3f, 0.5f + r.nextFloat() * 0.5f);
  }

  private static boolean touch(LabelledBox a, LabelledBox b) {
    return a.x1() < b.x2() && b.x1() < a.x2() && a.y1() < b.y2() && b.y1() < a.y2();
  }

  List<LabelledBox> boxes() {
    return things.stream().map(Thing::box).toList();
  }

  BufferedImage draw(int side) {
    BufferedImage image = new BufferedImage(side, side, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = image.createGraphics();
    g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    g.setPaint(new GradientPaint(0, 0, one, side, side, other));
    g.fillRect(0, 0, side, side);
    for (Thing t : things) {
      g.setColor(t.colour);
      g.fill(t.shape(side));
    }
    g.dispose();
    int[] row = new int[side];
    Random random = new Random(noise);
    for (int y = 0; y < side; y++) {
      image.getRGB(0, y, side, 1, row, 0, side);
      for (int x = 0; x < side; x++) {
        int n = random.nextInt(NOISE) - random.nextInt(NOISE); // triangular
        row[x] = moved(row[x] >> 16, n) << 16 | moved(row[x] >> 8, n) << 8 | moved(row[x], n);
      }
      image.setRGB(0, y, side, 1, row, 0, side);
    }
    return image;
  }

  private static int moved(int value, int by) {
    return Math.clamp((value & 0xFF) + by, 0, 255);
  }
}
