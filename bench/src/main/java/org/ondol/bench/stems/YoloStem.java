package org.ondol.bench.stems;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.ondol.bench.Case;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OpenCvYolo;
import org.ondol.models.detection.Detection;
import org.ondol.models.detection.Yolo;
import org.ondol.models.images.Picture;

/** YOLO-Fastest 1.1 from a decoded photograph to its boxes: resize to 320 x 320, network, decoding, suppression. */
public final class YoloStem implements Stem<YoloStem.Photograph> {
  private static final int SIDE = 320;

  /** A photograph and what must be found in it. */
  public static final class Photograph implements Case {
    /** Resized in whole numbers, as OpenCV does, a photograph gives other scores than in float32. */
    private static final double SCORES = 0.03;
    private static final double LEAST_IOU = 0.85;

    private final String file;
    private Picture picture;
    private List<Detection> expected;

    Photograph(String file) {
      this.file = file;
    }

    @Override
    public String name() {
      return file;
    }

    @Override
    public double flops() {
      return 0;
    }

    @Override
    public double bytes() {
      return 0;
    }

    Path folder() {
      return data().resolve("yolo-fastest");
    }

    private static Path data() {
      return Path.of(System.getProperty("ondol.data", "../shared/data"));
    }

    Picture picture() throws Contender.Unavailable, IOException {
      if (picture != null) return picture;
      Path photograph = data().resolve("images").resolve(file);
      Path boxes = folder().resolve("expected_detections.json");
      for (Path p : List.of(photograph, boxes)) {
        if (!Files.isReadable(p)) {
          throw new Contender.Unavailable("no file " + p.toAbsolutePath().normalize() + "; set ONDOL_DATA");
        }
      }
      picture = Picture.read(photograph);
      expected = new ArrayList<>();
      JsonParser.parseString(Files.readString(boxes)).getAsJsonObject().getAsJsonObject("images").getAsJsonObject(file)
          .getAsJsonArray("detections").forEach(d -> expected.add(detection(d.getAsJsonObject())));
      return picture;
    }

    private static Detection detection(JsonObject d) {
      var box = d.getAsJsonArray("box");
      return new Detection(d.get("class_id").getAsInt(), d.get("score").getAsFloat(), box.get(0).getAsFloat(),
          box.get(1).getAsFloat(), box.get(2).getAsFloat(), box.get(3).getAsFloat());
    }

    /** Boxes by falling score, those within a margin of the threshold left out on both sides. */
    @Override
    public String check(Map<String, float[]> answer) {
      for (float[] v : answer.values()) {
        List<Detection> found = new ArrayList<>();
        for (int i = 0; i < v.length; i += 6) {
          found.add(new Detection((int) v[i], v[i + 1], v[i + 2], v[i + 3], v[i + 4], v[i + 5]));
        }
        for (Detection d : found) {
          if (sure(d) && expected.stream().noneMatch(e -> same(d, e))) return d + " is not expected";
        }
        for (Detection e : expected) {
          if (sure(e) && found.stream().noneMatch(d -> same(d, e))) return e + " was not found";
        }
      }
      return null;
    }

    private static boolean sure(Detection d) {
      return d.score() > Yolo.THRESHOLD + SCORES;
    }

    private static boolean same(Detection a, Detection b) {
      double width = Math.min(a.x2(), b.x2()) - Math.max(a.x1(), b.x1());
      double height = Math.min(a.y2(), b.y2()) - Math.max(a.y1(), b.y1());
      if (a.label() != b.label() || Math.abs(a.score() - b.score()) > SCORES || width <= 0 || height <= 0) return false;
      return width * height / (area(a) + area(b) - width * height) >= LEAST_IOU;
    }

    private static double area(Detection d) {
      return (double) (d.x2() - d.x1()) * (d.y2() - d.y1());
    }
  }

  private static float[] values(List<Detection> all) {
    float[] v = new float[6 * all.size()];
    for (int i = 0; i < all.size(); i++) {
      Detection d = all.get(i);
      float[] one = {d.label(), d.score(), d.x1(), d.y1(), d.x2(), d.y2()};
      System.arraycopy(one, 0, v, 6 * i, 6);
    }
    return v;
  }

  private final List<String> devices;

  public YoloStem(List<String> devices) {
    this.devices = devices;
  }

  @Override
  public String name() {
    return "yolofastest";
  }

  @Override
  public List<Photograph> cases() {
    return List.of(new Photograph("dog.jpg"));
  }

  @Override
  public double leastWarmUp() {
    return 5_000;
  }

  @Override
  public List<Contender<Photograph>> contenders(Photograph c) {
    List<Contender<Photograph>> all = new ArrayList<>();
    devices.forEach(device -> all.add(new Ondol(device)));
    all.add(new OpenCv());
    return all;
  }

  private static final class Ondol extends OndolContender<Photograph> {
    private Yolo yolo;
    private Picture picture;
    private List<Detection> found;

    Ondol(String device) {
      super(device, "");
    }

    @Override
    protected void load(Photograph c) throws Exception {
      picture = c.picture();
      if (!Files.isDirectory(c.folder())) throw new Unavailable("no folder " + c.folder() + "; set ONDOL_DATA");
      yolo = Yolo.load(c.folder(), device, Yolo.THRESHOLD);
    }

    @Override
    public void run() {
      found = yolo.detect(picture);
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("boxes", values(found));
    }

    @Override
    public void close() {
      if (yolo != null) yolo.close();
    }
  }

  private static final class OpenCv implements Contender<Photograph> {
    private OpenCvYolo yolo;
    private byte[] bgr;
    private Picture picture;
    private List<Detection> found;

    @Override
    public String name() {
      return "opencv";
    }

    @Override
    public String variant() {
      return "dnn";
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public void prepare(Photograph c) throws Exception {
      picture = c.picture();
      byte[] planes = picture.planes();
      int n = planes.length / 3;
      bgr = new byte[planes.length];
      for (int i = 0; i < planes.length; i++) bgr[i % n * 3 + 2 - i / n] = planes[i];
      try {
        yolo = new OpenCvYolo(c.folder().resolve("yolo-fastest-1.1.cfg"),
            c.folder().resolve("yolo-fastest-1.1.weights"), SIDE, Yolo.THRESHOLD, Yolo.OVERLAP);
      } catch (LinkageError e) {
        throw new Unavailable("OpenCV cannot be loaded: " + e.getMessage());
      }
    }

    @Override
    public void run() {
      found = yolo.detect(bgr, picture.width(), picture.height());
    }

    /** Under a name of its own: its boxes are other ones by some pixels. */
    @Override
    public Map<String, float[]> result() {
      return Map.of("opencv's boxes", values(found));
    }

    @Override
    public void close() {
      if (yolo != null) yolo.close();
    }
  }
}
