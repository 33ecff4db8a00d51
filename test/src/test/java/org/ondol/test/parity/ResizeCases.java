package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Locale;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Resize;
import org.ondol.ops.Resize.Coordinates;
import org.ondol.ops.Resize.Target;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.ResizeOracle;
import org.ondol.test.page.PageResize;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Random cases of resize and its gradient, with every convention. */
final class ResizeCases implements ParityCase {
  private final boolean backward;
  private final int images;
  private final int channels;
  private final Target target;
  private final Resize.Options options;
  private final PageResize.Axis rows;
  private final PageResize.Axis columns;
  private final Draw.Fill fill;
  private final float[] data;

  ResizeCases(Draw d, boolean backward) {
    this(d, backward, d.oneIn(20) ? 0 : d.between(1, 2), d.between(1, 3), d.size(24), d.size(40));
  }

  ResizeCases(Draw d, boolean backward, int images, int channels, int height, int width) {
    this.backward = backward;
    this.images = images;
    this.channels = channels;
    Resize.Mode mode = d.of(Resize.Mode.values());
    Resize.Region region = d.oneIn(3) ? Resize.Region.ALL
        : new Resize.Region(part(d), part(d), 1 - part(d), 1 - part(d), d.of(0.0, -1.5, 0.1));
    options = new Resize.Options(mode, d.of(Coordinates.values()), d.of(Resize.Rounding.values()), region);
    target = target(d, height, width);
    rows = axis(height, target.height(), options, region.top(), region.bottom(), aspect(height, width));
    columns = axis(width, target.width(), options, region.left(), region.right(), aspect(height, width));
    fill = d.fill();
    data = d.floats(fill, images * channels * (backward ? rows.out() * columns.out() : height * width));
  }

  private static double part(Draw d) {
    return d.random().nextInt(9) / 10.0 - 0.3;
  }

  private static Target target(Draw d, int height, int width) {
    int kind = d.below(6);
    if (kind == 0) {
      int factor = d.between(2, 4);
      return Target.size((long) factor * height, (long) factor * width);
    }
    if (kind == 1) {
      double[] factors = {1.0, 2.0, 0.5, 1.7, 0.6f, 2.6f, 1.3};
      double h = factors[d.below(factors.length)];
      double w = factors[d.below(factors.length)];
      return Target.scale(h * height < 1 ? 1 : h, w * width < 1 ? 1 : w);
    }
    long h = d.between(1, 2 * height);
    long w = d.between(1, 2 * width);
    return kind == 2 ? Target.notLarger(h + height, w + width) : kind == 3 ? Target.notSmaller(h, w)
        : Target.size(d.size(60), d.size(90));
  }

  /** The scale that keeps proportions, or 0 where they change. */
  private double aspect(int height, int width) {
    double h = target.height() / height;
    double w = target.width() / width;
    return switch (target.fit()) {
      case NOT_LARGER -> Math.min(h, w);
      case NOT_SMALLER -> Math.max(h, w);
      default -> 0;
    };
  }

  private PageResize.Axis axis(int in, double wanted, Resize.Options options, double start, double end, double aspect) {
    boolean crop = options.coordinates() == Coordinates.TF_CROP_AND_RESIZE;
    double scale = aspect > 0 ? aspect : target.fit() == Resize.Fit.SCALE ? wanted : wanted / in;
    double length = target.fit() == Resize.Fit.STRETCH ? wanted : scale * in;
    int out = (int) (aspect > 0 ? Math.floor(length + 0.5) : Math.floor(length));
    String rounding = options.mode() == Resize.Mode.NEAREST ? options.rounding().name().toLowerCase(Locale.ROOT) : null;
    return new PageResize.Axis(in, out, scale, length, options.coordinates().name().toLowerCase(Locale.ROOT), rounding,
        crop ? start : 0, crop ? end : 1);
  }

  @Override
  public String describe() {
    return (backward ? "gradient of resize " : "resize ") + "[" + images + ", " + channels + "] " + rows + " " + columns + " "
        + target + " " + fill;
  }

  @Override
  public Map<String, float[]> page() {
    return backward ? results("dx", PageResize.backward(data, images * channels, rows, columns))
        : results("y", PageResize.resize(data, images * channels, rows, columns, (float) options.region().outside()));
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    if (!fill.finite()) {
      return Map.of();
    }
    ResizeOracle.Axis r = ResizeOracle.Axis.of(rows);
    ResizeOracle.Axis c = ResizeOracle.Axis.of(columns);
    return backward ? Map.of("dx", ResizeOracle.backward(data, images * channels, r, c))
        : Map.of("y", ResizeOracle.resize(data, images * channels, r, c, options.region().outside()));
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    long[] small = {images, channels, rows.in(), columns.in()};
    long[] large = {images, channels, rows.out(), columns.out()};
    o.poison(backward ? small : large);
    if (backward) {
      Tensor dy = o.input("dy", data, Freedom.ANY, large);
      return results("dx", o.adopt(Resize.backward(dy, rows.in(), columns.in(), target, options)));
    }
    return results("y", o.adopt(Resize.apply(o.input("x", data, Freedom.ANY, small), target, options)));
  }
}
