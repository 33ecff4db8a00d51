package org.ondol.test.badinput;

import java.util.List;
import org.ondol.ClosedException;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.BatchNorm;
import org.ondol.ops.Resize;
import org.ondol.ops.Resize.Options;
import org.ondol.ops.Resize.Target;
import org.ondol.test.badinput.BadInputTest.Row;

/** resize and batchnorm. */
final class BadImages {
  private static Tensor t(Device d, long... shape) {
    return Tensor.zeros(d, shape);
  }

  private static Tensor closed(Device d, long... shape) {
    Tensor t = t(d, shape);
    t.close();
    return t;
  }

  /** A tensor somewhere else than d. */
  private static Tensor elsewhere(Device d, long... shape) {
    return t(Device.of(d.name().equals("java:scalar") ? "java" : "java:scalar"), shape);
  }

  private static void resize(Device d, Target target, Options options) {
    Resize.apply(t(d, 1, 1, 4, 4), target, options);
  }

  private static void train(Device d, Tensor x, BatchNorm.Running running) {
    BatchNorm.train(x, null, null, 1e-5, false, running);
  }

  static final List<Row> ROWS = List.of(
      // resize
      new Row("resize: null x", InvalidArgumentException.class, "x", "null", d -> Resize.apply(null, 2, 2, Options.NEAREST)),
      new Row("resize: vector", ShapeException.class, "x", "rank", d -> Resize.apply(t(d, 4), 2, 2, Options.NEAREST)),
      new Row("resize: rank 7", ShapeException.class, "x", "rank",
          d -> Resize.apply(t(d, 1, 1, 1, 1, 1, 4, 4), 2, 2, Options.NEAREST)),
      new Row("resize: integers", DTypeException.class, "x", "INT64",
          d -> Resize.apply(Tensor.of(d, new long[4], 2, 2), 2, 2, Options.NEAREST)),
      new Row("resize: closed", ClosedException.class, null, "closed", d -> Resize.apply(closed(d, 2, 2), 2, 2, Options.BILINEAR)),
      new Row("resize: no rows", ShapeException.class, "x", "[1, 1, 0, 4]",
          d -> Resize.apply(t(d, 1, 1, 0, 4), 2, 2, Options.BILINEAR)),
      new Row("resize: null target", InvalidArgumentException.class, "target", "null", d -> resize(d, null, Options.BILINEAR)),
      new Row("resize: null fit", InvalidArgumentException.class, "fit", "null",
          d -> resize(d, new Target(null, 2, 2), Options.BILINEAR)),
      new Row("resize: null options", InvalidArgumentException.class, "options", "null", d -> resize(d, Target.size(2, 2), null)),
      new Row("resize: null mode", InvalidArgumentException.class, "mode", "null",
          d -> resize(d, Target.size(2, 2), new Options(null, Resize.Coordinates.ASYMMETRIC, Resize.Rounding.CEIL, Resize.Region.ALL))),
      new Row("resize: null coordinates", InvalidArgumentException.class, "coordinates", "null",
          d -> resize(d, Target.size(2, 2), Options.linear(null))),
      new Row("resize: null rounding", InvalidArgumentException.class, "rounding", "null",
          d -> resize(d, Target.size(2, 2), Options.nearest(Resize.Coordinates.ASYMMETRIC, null))),
      new Row("resize: null region", InvalidArgumentException.class, "region", "null",
          d -> resize(d, Target.size(2, 2), Options.BILINEAR.region(null))),
      new Row("resize: NaN region", InvalidArgumentException.class, "region", "NaN",
          d -> resize(d, Target.size(2, 2), Options.BILINEAR.region(new Resize.Region(0, Double.NaN, 1, 1, 0)))),
      new Row("resize: height 0", InvalidArgumentException.class, "height", "0", d -> resize(d, Target.size(0, 2), Options.BILINEAR)),
      new Row("resize: negative width", InvalidArgumentException.class, "width", "-2",
          d -> resize(d, Target.size(2, -2), Options.BILINEAR)),
      new Row("resize: width beyond all", InvalidArgumentException.class, "width", "1048576",
          d -> resize(d, Target.size(2, 1L << 40), Options.NEAREST)),
      new Row("resize: half a row", InvalidArgumentException.class, "height", "whole number",
          d -> resize(d, new Target(Resize.Fit.STRETCH, 2.5, 2), Options.NEAREST)),
      new Row("resize: scale to nothing", InvalidArgumentException.class, "width", "0.1",
          d -> resize(d, Target.scale(1, 0.1), Options.NEAREST)),
      new Row("resize: NaN scale", InvalidArgumentException.class, "height", "NaN",
          d -> resize(d, Target.scale(Double.NaN, 1), Options.NEAREST)),
      new Row("resize: infinite scale", InvalidArgumentException.class, "height", "Infinity",
          d -> resize(d, Target.scale(Double.POSITIVE_INFINITY, 1), Options.NEAREST)),
      new Row("resize backward: null dy", InvalidArgumentException.class, "dy", "null",
          d -> Resize.backward(null, 2, 2, Target.size(4, 4), Options.BILINEAR)),
      new Row("resize backward: another size", ShapeException.class, "dy", "4 rows of 4 columns",
          d -> Resize.backward(t(d, 1, 1, 4, 5), 2, 2, Target.size(4, 4), Options.BILINEAR)),
      new Row("resize backward: rows", InvalidArgumentException.class, "rows", "-1",
          d -> Resize.backward(t(d, 1, 1, 4, 4), -1, 2, Target.size(4, 4), Options.BILINEAR)),
      // batchnorm
      new Row("batchnorm: null x", InvalidArgumentException.class, "x", "null",
          d -> BatchNorm.apply(null, null, null, t(d, 2), t(d, 2), 0, false)),
      new Row("batchnorm: vector", ShapeException.class, "x", "rank",
          d -> BatchNorm.apply(t(d, 2), null, null, t(d, 2), t(d, 2), 0, false)),
      new Row("batchnorm: null mean", InvalidArgumentException.class, "mean", "null",
          d -> BatchNorm.apply(t(d, 2, 2), null, null, null, t(d, 2), 0, false)),
      new Row("batchnorm: variance", ShapeException.class, "variance", "[3]",
          d -> BatchNorm.apply(t(d, 2, 2, 2), null, null, t(d, 2), t(d, 3), 0, false)),
      new Row("batchnorm: gamma", ShapeException.class, "gamma", "[1, 2]",
          d -> BatchNorm.apply(t(d, 2, 2), t(d, 1, 2), null, t(d, 2), t(d, 2), 0, false)),
      new Row("batchnorm: beta elsewhere", DeviceMismatchException.class, "beta", "to(\"",
          d -> BatchNorm.apply(t(d, 2, 2), null, elsewhere(d, 2), t(d, 2), t(d, 2), 0, false)),
      new Row("batchnorm: negative eps", InvalidArgumentException.class, "eps", "-1",
          d -> BatchNorm.apply(t(d, 2, 2), null, null, t(d, 2), t(d, 2), -1, false)),
      new Row("batchnorm: closed", ClosedException.class, null, "closed",
          d -> BatchNorm.apply(closed(d, 2, 2), null, null, t(d, 2), t(d, 2), 0, false)),
      new Row("batchnorm training: no elements", ShapeException.class, "x", "[0, 2, 3]",
          d -> BatchNorm.train(t(d, 0, 2, 3), null, null, 0, false)),
      new Row("batchnorm training: null running", InvalidArgumentException.class, "running", "null",
          d -> train(d, t(d, 2, 2), null)),
      new Row("batchnorm training: one element, unbiased", ShapeException.class, "x", "unbiased",
          d -> train(d, t(d, 1, 2), BatchNorm.Running.pytorch(t(d, 2), t(d, 2), 0.1))),
      new Row("batchnorm training: momentum", InvalidArgumentException.class, "running.momentum", "1.5",
          d -> train(d, t(d, 2, 2), BatchNorm.Running.pytorch(t(d, 2), t(d, 2), 1.5))),
      new Row("batchnorm training: running mean", ShapeException.class, "running.mean", "[3]",
          d -> train(d, t(d, 2, 2), BatchNorm.Running.pytorch(t(d, 3), t(d, 2), 0.1))),
      new Row("batchnorm training: running variance strided", ShapeException.class, "running.variance", "contiguous",
          d -> train(d, t(d, 2, 2), BatchNorm.Running.pytorch(t(d, 2), t(d, 2, 2).select(1, 0), 0.1))),
      new Row("batchnorm training: one tensor for both", InvalidArgumentException.class, "running.variance", "running.mean", d -> {
        Tensor both = t(d, 2);
        train(d, t(d, 2, 2), BatchNorm.Running.pytorch(both, both, 0.1));
      }),
      new Row("batchnorm backward: dy", ShapeException.class, "dy", "[2, 3]",
          d -> BatchNorm.backward(t(d, 2, 2), null, t(d, 2, 3), null, t(d, 2), t(d, 2), true)),
      new Row("batchnorm backward: y", ShapeException.class, "y", "[3, 2]",
          d -> BatchNorm.backward(t(d, 2, 2), null, t(d, 2, 2), t(d, 3, 2), t(d, 2), t(d, 2), true)),
      new Row("batchnorm backward: null rstd", InvalidArgumentException.class, "rstd", "null",
          d -> BatchNorm.backward(t(d, 2, 2), null, t(d, 2, 2), null, t(d, 2), null, true)),
      new Row("batchnorm fold: bias", ShapeException.class, "bias", "[3]",
          d -> BatchNorm.fold(t(d, 2, 2, 3, 3), t(d, 3), null, null, t(d, 2), t(d, 2), 0)),
      new Row("batchnorm fold: null weight", InvalidArgumentException.class, "weight", "null",
          d -> BatchNorm.fold(null, null, null, null, t(d, 2), t(d, 2), 0)),
      new Row("batchnorm fold: groups", InvalidArgumentException.class, "groups", "3",
          d -> BatchNorm.foldTransposed(t(d, 4, 2, 3, 3), null, 3, null, null, t(d, 6), t(d, 6), 0)),
      new Row("batchnorm fold: mean", ShapeException.class, "mean", "[2]",
          d -> BatchNorm.foldTransposed(t(d, 4, 2, 3, 3), null, 2, null, null, t(d, 2), t(d, 4), 0)));

  private BadImages() {}
}
