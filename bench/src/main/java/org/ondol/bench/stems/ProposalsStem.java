package org.ondol.bench.stems;

import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.imageio.ImageIO;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.bench.Bench;
import org.ondol.bench.Case;
import org.ondol.bench.Contender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OpenCvProposals;
import org.ondol.models.proposals.Proposals;
import org.ondol.models.proposals.SelectiveSearch;

/**
 * Selective search of photographs resized to a width of 500, on one thread and on all. The proposals are computed on the
 * host by plain Java, so there is one contender, {@code java}, for all devices.
 */
public final class ProposalsStem implements Stem<ProposalsStem.Photograph> {

  /** A photograph, and boxes [x1, y1, x2, y2] in its own pixels, ends exclusive, that proposals must meet at IoU 0.5. */
  public static final class Photograph implements Case {
    private static final int WIDTH = 500;
    private static final int FEWEST = 300;

    final String file;
    final boolean quality;
    private final double[][] objects;
    private BufferedImage image;
    private double scale;

    Photograph(String file, boolean quality, double[]... objects) {
      this.file = file;
      this.quality = quality;
      this.objects = objects;
    }

    @Override
    public String name() {
      return (quality ? "quality " : "fast ") + file;
    }

    @Override
    public double flops() {
      return 0;
    }

    @Override
    public double bytes() {
      return 0;
    }

    /** The resized photograph. */
    public BufferedImage image() throws Contender.Unavailable, IOException {
      if (image != null) {
        return image;
      }
      Path path = Path.of(System.getProperty("ondol.data", "../shared/data"), "images", file);
      if (!Files.exists(path)) {
        throw new Contender.Unavailable("no photograph " + path.toAbsolutePath().normalize() + "; set ONDOL_DATA");
      }
      BufferedImage full = ImageIO.read(path.toFile());
      scale = (double) WIDTH / full.getWidth();
      image = new BufferedImage(WIDTH, (int) Math.round(full.getHeight() * scale), BufferedImage.TYPE_3BYTE_BGR);
      Graphics2D g = image.createGraphics();
      g.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
      g.drawImage(full, 0, 0, image.getWidth(), image.getHeight(), null);
      g.dispose();
      return image;
    }

    /**
     * Two searches differ where their authors chose freely, so there is no one right answer: boxes must lie in the image,
     * none twice, be many enough and meet the annotated objects. Contenders that use the same name must agree exactly.
     */
    @Override
    public String check(Map<String, float[]> answer) {
      for (var entry : answer.entrySet()) {
        float[] boxes = entry.getValue();
        if (boxes.length < 4 * FEWEST) {
          return "%s are %d, expected %d or more".formatted(entry.getKey(), boxes.length / 4, FEWEST);
        }
        String wrong = checkBoxes(boxes);
        if (wrong != null) {
          return wrong;
        }
      }
      return null;
    }

    private String checkBoxes(float[] boxes) {
      Set<List<Float>> seen = new HashSet<>();
      for (int i = 0; i < boxes.length; i += 4) {
        List<Float> box = List.of(boxes[i], boxes[i + 1], boxes[i + 2], boxes[i + 3]);
        boolean inside = 0 <= box.get(0) && box.get(0) < box.get(2) && box.get(2) <= image.getWidth()
            && 0 <= box.get(1) && box.get(1) < box.get(3) && box.get(3) <= image.getHeight();
        if (!inside || !seen.add(box)) {
          return "box %d, %s, is %s".formatted(i / 4, box, inside ? "there twice" : "outside of the image");
        }
      }
      for (double[] object : objects) {
        double best = seen.stream().mapToDouble(box -> overlap(box, object)).max().orElse(0);
        if (best < 0.5) {
          return "the best overlap with the object at %.0f, %.0f is %.2f".formatted(object[0], object[1], best);
        }
      }
      return null;
    }

    private double overlap(List<Float> box, double[] object) {
      double width = Math.min(box.get(2), object[2] * scale) - Math.max(box.get(0), object[0] * scale);
      double height = Math.min(box.get(3), object[3] * scale) - Math.max(box.get(1), object[1] * scale);
      if (width <= 0 || height <= 0) {
        return 0;
      }
      double own = (double) (box.get(2) - box.get(0)) * (box.get(3) - box.get(1));
      double other = (object[2] - object[0]) * (object[3] - object[1]) * scale * scale;
      return width * height / (own + other - width * height);
    }
  }

  /** @param devices of no account: proposals are computed on the host */
  public ProposalsStem(List<String> devices) {}

  @Override
  public String name() {
    return "proposals";
  }

  @Override
  public List<Photograph> cases() {
    double[][] people = {{96, 134, 182, 418}, {286, 113, 358, 332}, {363, 120, 437, 329}};
    return List.of(new Photograph("dog.jpg", false), new Photograph("FudanPed00054.png", false, people),
        new Photograph("dog.jpg", true), new Photograph("FudanPed00054.png", true, people));
  }

  @Override
  public List<Contender<Photograph>> contenders(Photograph c) {
    List<Integer> threads = Bench.threads() == 1 ? List.of(1) : List.of(1, Bench.threads());
    List<Contender<Photograph>> all = new ArrayList<>();
    threads.forEach(n -> all.add(new Search(n)));
    // OpenCV has not all the colour spaces of the quality settings, so those have no peer.
    if (!c.quality) {
      threads.forEach(n -> all.add(new OpenCvProposals(n)));
    }
    return all;
  }

  /** The variant of a contender that uses so many threads; a peer is compared with the like. */
  public static String threads(int threads) {
    return threads + (threads == 1 ? " thread" : " threads");
  }

  private static final class Search implements Contender<Photograph> {
    private final int threads;
    private SelectiveSearch.Options options;
    private Tensor image;
    private Proposals found;

    Search(int threads) {
      this.threads = threads;
    }

    @Override
    public String name() {
      return "java";
    }

    @Override
    public String variant() {
      return threads(threads);
    }

    @Override
    public boolean peer() {
      return false;
    }

    @Override
    public boolean comparable(Contender<Photograph> peer) {
      return peer.variant().equals(variant());
    }

    @Override
    public void prepare(Photograph c) throws Exception {
      options = c.quality ? SelectiveSearch.Options.quality() : SelectiveSearch.Options.fast();
      BufferedImage photo = c.image();
      int width = photo.getWidth();
      int n = width * photo.getHeight();
      float[] rgb = new float[3 * n];
      for (int i = 0; i < rgb.length; i++) {
        rgb[i] = photo.getRGB(i % n % width, i % n / width) >> 16 - 8 * (i / n) & 255;
      }
      image = Tensor.wrap(rgb, 3, photo.getHeight(), width);
    }

    @Override
    public void run() {
      int before = Threads.count();
      Threads.set(threads);
      try {
        found = SelectiveSearch.propose(image, options);
      } finally {
        Threads.set(before);
      }
    }

    @Override
    public Map<String, float[]> result() {
      float[] boxes = new float[4 * found.count()];
      for (int i = 0; i < boxes.length; i++) {
        boxes[i] = found.box(i / 4)[i % 4];
      }
      return Map.of("boxes", boxes);
    }

    @Override
    public void close() {
      if (image != null) {
        image.close();
      }
    }
  }
}
