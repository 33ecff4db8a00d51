package org.ondol.bench.stems;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.bench.Case;
import org.ondol.bench.Check;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OnnxModel;
import org.ondol.bench.peers.OnnxSession;
import org.ondol.bench.peers.Torch;
import org.ondol.ops.Resize;

/**
 * Feature maps and images of another size, as detectors and segmentation networks want them, and a gradient. libtorch stands
 * beside the nearest ones only: through DJL its bilinear kernel always filters against aliasing, which is another function.
 */
public final class ResizeStem implements Stem<ResizeStem.Image> {
  private final List<String> devices;

  public ResizeStem(List<String> devices) {
    this.devices = devices;
  }

  /** How positions and values are found: Ondol's options and ONNX's attributes. */
  enum Kind {
    NEAREST(Resize.Options.NEAREST, "nearest", "asymmetric"),
    BILINEAR(Resize.Options.BILINEAR, "linear", "half_pixel"),
    ALIGNED(Resize.Options.BILINEAR_ALIGNED, "linear", "align_corners");

    final Resize.Options options;
    final String mode;
    final String coordinates;

    Kind(Resize.Options options, String mode, String coordinates) {
      this.options = options;
      this.mode = mode;
      this.coordinates = coordinates;
    }
  }

  /** One resize, or its gradient. */
  public static final class Image implements Case {
    final Kind kind;
    final boolean gradient;
    final int channels, rows, columns, outRows, outColumns;
    private float[] from;

    Image(Kind kind, boolean gradient, int channels, int rows, int columns, int outRows, int outColumns) {
      this.kind = kind;
      this.gradient = gradient;
      this.channels = channels;
      this.rows = rows;
      this.columns = columns;
      this.outRows = outRows;
      this.outColumns = outColumns;
    }

    @Override
    public String name() {
      return "%s%s %dx%dx%d to %dx%d".formatted(gradient ? "gradient of " : "",
          kind.name().toLowerCase(java.util.Locale.ROOT), channels, rows, columns, outRows, outColumns);
    }

    @Override
    public double flops() {
      return 0;
    }

    /** Both maps, although one of them is written: the least that passes the memory. */
    @Override
    public double bytes() {
      return 4.0 * channels * ((double) rows * columns + (double) outRows * outColumns);
    }

    @Override
    public boolean readBound() {
      return true;
    }

    long[] small() {
      return new long[] {1, channels, rows, columns};
    }

    long[] large() {
      return new long[] {1, channels, outRows, outColumns};
    }

    /** The map that is read: x, or dy. */
    float[] from() {
      int size = channels * (gradient ? outRows * outColumns : rows * columns);
      return from == null ? from = Inputs.normal(11, size) : from;
    }

    /** The part of input cell c in output cell j. */
    private double weight(int j, int out, int c, int in) {
      double scale = (double) out / in;
      double p = switch (kind) {
        case NEAREST -> Math.floor(j / scale);
        case BILINEAR -> (j + 0.5) / scale - 0.5;
        case ALIGNED -> j * (in - 1.0) / (out - 1.0);
      };
      return Math.max(0, 1 - Math.abs(Math.clamp(p, 0, in - 1.0) - c));
    }

    /** Some elements of each plane against the sum of weights in float64; positions may have been computed in float32. */
    @Override
    public String check(Map<String, float[]> answer) {
      float[] actual = answer.get("y");
      int height = gradient ? rows : outRows;
      int width = gradient ? columns : outColumns;
      for (int p = 0; p < channels; p += Math.max(1, channels / 4)) {
        for (int i = 0; i < height; i += 3) {
          for (int j = 0; j < width; j += 5) {
            int at = (p * height + i) * width + j;
            String wrong = Check.within("y", at, gradient ? sumOver(p, i, j) : value(p, i, j), actual[at], 2e-4);
            if (wrong != null) {
              return wrong;
            }
          }
        }
      }
      return null;
    }

    private double value(int p, int i, int j) {
      double sum = 0;
      for (int r = 0; r < rows; r++) {
        double u = weight(i, outRows, r, rows);
        for (int c = 0; c < columns && u != 0; c++) {
          sum += u * weight(j, outColumns, c, columns) * from()[(p * rows + r) * columns + c];
        }
      }
      return sum;
    }

    private double sumOver(int p, int r, int c) {
      double sum = 0;
      for (int i = 0; i < outRows; i++) {
        double u = weight(i, outRows, r, rows);
        for (int j = 0; j < outColumns && u != 0; j++) {
          sum += u * weight(j, outColumns, c, columns) * from()[(p * outRows + i) * outColumns + j];
        }
      }
      return sum;
    }
  }

  @Override
  public String name() {
    return "resize";
  }

  /** Positions that float32 holds exactly: elsewhere ONNX Runtime, which computes them in float32, is off by some 1e-4. */
  @Override
  public List<Image> cases() {
    return List.of(new Image(Kind.BILINEAR, false, 256, 32, 32, 64, 64), new Image(Kind.NEAREST, false, 256, 32, 32, 64, 64),
        new Image(Kind.NEAREST, false, 128, 13, 13, 26, 26), new Image(Kind.ALIGNED, false, 21, 28, 28, 224, 224),
        new Image(Kind.BILINEAR, false, 3, 1024, 1024, 256, 256), new Image(Kind.BILINEAR, true, 256, 32, 32, 64, 64));
  }

  @Override
  public List<Contender<Image>> contenders(Image c) {
    List<Contender<Image>> all = new ArrayList<>();
    for (String device : devices) {
      all.add(new Ondol(device));
    }
    if (!c.gradient) {
      all.add(new Onnx());
    }
    if (c.kind == Kind.NEAREST) {
      all.add(new LibTorch());
    }
    return all;
  }

  private static final class Ondol extends OndolContender<Image> {
    private Image image;
    private Tensor from, y;

    Ondol(String device) {
      super(device, "");
    }

    @Override
    protected void load(Image c) {
      image = c;
      from = Tensor.of(device, c.from(), c.gradient ? c.large() : c.small());
    }

    @Override
    public void run() {
      if (y != null) {
        y.close();
      }
      Resize.Target target = Resize.Target.size(image.outRows, image.outColumns);
      y = image.gradient ? Resize.backward(from, image.rows, image.columns, target, image.kind.options)
          : Resize.apply(from, target, image.kind.options);
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("y", y.toFloats());
    }

    @Override
    public void close() {
      for (Tensor t : new Tensor[] {from, y}) {
        if (t != null) {
          t.close();
        }
      }
    }
  }

  private static final class Onnx implements Contender<Image> {
    private OnnxSession session;

    @Override
    public String name() {
      return "onnxruntime";
    }

    @Override
    public String variant() {
      return "";
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public void prepare(Image c) throws Exception {
      OnnxModel model = new OnnxModel(OnnxModel.ONNX, "Resize", 18).input("x", c.small()).noInput().noInput()
          .input("sizes", TensorProto.DataType.INT64, 4).output("y", c.large()).attribute("mode", c.kind.mode)
          .attribute("coordinate_transformation_mode", c.kind.coordinates).attribute("nearest_mode", "floor");
      session = new OnnxSession(model.bytes());
      session.input("x", c.from(), c.small()).input("sizes", c.large(), 4).output("y", c.large());
    }

    @Override
    public void run() throws Exception {
      session.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("y", session.result("y"));
    }

    @Override
    public void close() throws Exception {
      if (session != null) {
        session.close();
      }
    }
  }

  private static final class LibTorch implements Contender<Image> {
    private static final int NEAREST = 0;

    private Torch torch;

    @Override
    public String name() {
      return "libtorch";
    }

    @Override
    public String variant() {
      return "";
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public void prepare(Image c) {
      long[] size = {c.outRows, c.outColumns};
      torch = Torch.operation(in -> JniUtils.interpolate((PtNDArray) in.getFirst(), size, NEAREST, false)).input(c.from(), c.small());
    }

    @Override
    public void run() {
      torch.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("y", torch.result());
    }

    @Override
    public void close() {
      if (torch != null) {
        torch.close();
      }
    }
  }
}
