package org.ondol.test.autoregressive;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.OndolException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.models.autoregressive.Autoregressive;
import org.ondol.models.autoregressive.Canvas;
import org.ondol.models.autoregressive.GatedPixelCnn;
import org.ondol.models.autoregressive.PixelCnn;
import org.ondol.models.autoregressive.PixelRnn;
import org.ondol.models.autoregressive.PixelRnn.Kind;
import org.ondol.models.data.DataException;
import org.ondol.models.recipes.Recipes;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;

/** Settings and examples that models of pixels refuse, and in what words. */
class BadModelsTest {
  private static final Device DEVICE = Device.of("java");
  private static final Canvas GREY = Canvas.of(1, 3, 3, 2);
  private static final Canvas RGB = Canvas.of(3, 2, 2, 4);

  private static Generator random() {
    return new Generator(1);
  }

  private record Call(String name, Class<? extends OndolException> type, String words, Runnable run) {}

  private static Call argument(String words, Runnable run) {
    return new Call(words, InvalidArgumentException.class, words, run);
  }

  @TestFactory
  List<DynamicNode> settings() {
    return List.<DynamicNode>copyOf(List.of(
        argument("colours is 0", () -> Canvas.of(0, 3, 3, 2)),
        argument("height is 0", () -> Canvas.of(1, 0, 3, 2)),
        argument("width is 16385", () -> Canvas.of(1, 3, 16385, 2)),
        argument("levels is 1", () -> Canvas.of(1, 3, 3, 1)),
        argument("levels is 257", () -> Canvas.of(1, 3, 3, 257)),
        argument("low is NaN", () -> new Canvas(1, 3, 3, 2, Double.NaN, 1)),
        argument("high is Infinity", () -> new Canvas(1, 3, 3, 2, 0, Double.POSITIVE_INFINITY)),
        argument("width is 16384", () -> Canvas.of(3, 16384, 16384, 2)),
        argument("device is null", () -> new PixelCnn(null, GREY, 1, 2, 2, random())),
        argument("canvas is null", () -> new PixelCnn(DEVICE, null, 1, 2, 2, random())),
        argument("layers is -1", () -> new PixelCnn(DEVICE, GREY, -1, 2, 2, random())),
        argument("width is 0", () -> new PixelCnn(DEVICE, GREY, 1, 0, 2, random())),
        argument("width is 4", () -> new PixelCnn(DEVICE, RGB, 1, 4, 3, random())),
        argument("top is 4", () -> new PixelCnn(DEVICE, RGB, 1, 3, 4, random())),
        argument("middle is null", () -> new PixelCnn(DEVICE, GREY, null, 1, 2, 2, random())),
        argument("kernel is 4", () -> new PixelCnn.Middle(4, List.of(1))),
        argument("kernel is 33", () -> new PixelCnn.Middle(33, List.of(1))),
        argument("dilations is null", () -> new PixelCnn.Middle(3, null)),
        argument("dilations is []", () -> new PixelCnn.Middle(3, List.of())),
        argument("dilations is 0", () -> new PixelCnn.Middle(3, List.of(1, 0))),
        argument("width is 4", () -> new GatedPixelCnn(DEVICE, RGB, 4, new int[] {1}, random())),
        argument("dilations is null", () -> new GatedPixelCnn(DEVICE, GREY, 4, null, random())),
        argument("dilations is 0", () -> new GatedPixelCnn(DEVICE, GREY, 4, new int[] {1, 0}, random())),
        argument("kind is null", () -> new PixelRnn(DEVICE, GREY, null, 1, 2, 2, 2, random())),
        argument("count is 0", () -> new PixelRnn(DEVICE, GREY, Kind.ROW, 0, 2, 2, 2, random())),
        argument("features is 4", () -> new PixelRnn(DEVICE, RGB, Kind.ROW, 1, 4, 3, 3, random())),
        argument("hidden is 4", () -> new PixelRnn(DEVICE, RGB, Kind.DIAGONAL, 1, 3, 4, 3, random())),
        argument("top is 0", () -> new PixelRnn(DEVICE, RGB, Kind.DIAGONAL, 1, 3, 3, 0, random())))
        .stream().map(BadModelsTest::refused).toList());
  }

  private static DynamicNode refused(Call call) {
    return DynamicTest.dynamicTest(call.name, () -> {
      OndolException e = assertThrows(call.type, call.run::run);
      assertTrue(e.getMessage().contains(call.words), e.getMessage());
    });
  }

  private static Call with(Canvas canvas, Class<? extends OndolException> type, String words,
      Consumer<Autoregressive> use) {
    return new Call(words, type, words, () -> {
      try (Scope scope = Scope.open(); Autoregressive model = new PixelCnn(DEVICE, canvas, 1, 3, 3, random())) {
        use.accept(model);
      }
    });
  }

  private static Tensor rows(float value, long... shape) {
    long n = 1;
    for (long s : shape) n *= s;
    float[] x = new float[(int) n];
    x[x.length - 1] = value;
    return Tensor.of(DEVICE, x, shape);
  }

  @TestFactory
  List<DynamicNode> examples() {
    return List.<DynamicNode>copyOf(List.of(
        with(GREY, InvalidArgumentException.class, "x is null", m -> m.logLikelihood(null)),
        with(GREY, ShapeException.class, "[2, 8]", m -> m.logLikelihood(rows(0, 2, 8))),
        with(GREY, ShapeException.class, "[2, 3, 3]", m -> m.logLikelihood(rows(0, 2, 3, 3))),
        with(RGB, InvalidArgumentException.class, "with 4.0", m -> m.logLikelihood(rows(4, 2, 12))),
        with(RGB, InvalidArgumentException.class, "with -1.0", m -> m.logLikelihood(rows(-1, 2, 12))),
        with(RGB, InvalidArgumentException.class, "with 1.5", m -> m.logLikelihood(rows(1.5f, 2, 12))),
        with(RGB, InvalidArgumentException.class, "with NaN", m -> m.logLikelihood(rows(Float.NaN, 2, 12))),
        with(GREY, InvalidArgumentException.class, "known is of 8 variables",
            m -> m.complete(rows(0, 2, 9), new boolean[8], random())),
        with(GREY, InvalidArgumentException.class, "known is null", m -> m.complete(rows(0, 2, 9), null, random())),
        with(GREY, InvalidArgumentException.class, "count is -1", m -> m.sample(-1, random())))
        .stream().map(BadModelsTest::refused).toList());
  }

  @Test
  void recipesRefuseRowsThatAreNoPictures() {
    for (String name : List.of("pixelcnn", "pixelcnn-gated", "row-lstm", "diagonal-lstm")) {
      Recipe recipe = Recipes.named(name);
      Form rows = new Form(new long[] {9}, 2, 10);
      assertThrows(DataException.class, () -> recipe.create(DEVICE, rows, recipe.settings(), random()));
      Form many = new Form(new long[] {17, 3, 3}, 2, 10);
      assertThrows(DataException.class, () -> recipe.create(DEVICE, many, recipe.settings(), random()));
    }
  }
}
