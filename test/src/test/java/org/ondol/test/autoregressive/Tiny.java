package org.ondol.test.autoregressive;

import java.util.ArrayList;
import java.util.List;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.grad.Schedule;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.autoregressive.Autoregressive;
import org.ondol.models.autoregressive.BinaryChain;
import org.ondol.models.autoregressive.Canvas;
import org.ondol.models.autoregressive.FullTable;
import org.ondol.models.autoregressive.GatedPixelCnn;
import org.ondol.models.autoregressive.Independent;
import org.ondol.models.autoregressive.MarkovChain;
import org.ondol.models.autoregressive.Nade;
import org.ondol.models.autoregressive.Ordered;
import org.ondol.models.autoregressive.Ordering;
import org.ondol.models.autoregressive.PixelCnn;
import org.ondol.models.autoregressive.PixelModel;
import org.ondol.models.autoregressive.PixelRnn;
import org.ondol.models.autoregressive.SigmoidBeliefNetwork;

/**
 * Autoregressive models of so few variables that all examples can be listed.
 *
 * @param maker makes one with first values
 * @param best whether it can tell any examples apart; others have less to say
 */
record Tiny(String name, Maker maker, boolean best) {
  interface Maker {
    Autoregressive make(Device device, Generator random);
  }

  static final Canvas BINARY = Canvas.of(1, 3, 3, 2);
  static final Canvas SHADES = Canvas.of(1, 2, 2, 3);
  static final Canvas COLOURS = Canvas.of(3, 2, 1, 2);
  static final Canvas COLOUR_SHADES = Canvas.of(3, 1, 2, 3);

  /** All kinds; a new one adds its lines here. */
  static List<Tiny> all() {
    List<Tiny> all = new ArrayList<>(List.of(
        new Tiny("independent", (d, r) -> new Independent(d, 7, r), false),
        new Tiny("markov chain", (d, r) -> new MarkovChain(d, 7, r), false),
        new Tiny("sigmoid belief network", (d, r) -> new SigmoidBeliefNetwork(d, 7, r), false),
        new Tiny("nade", (d, r) -> new Nade(d, 7, 10, r), true),
        new Tiny("full table", (d, r) -> new FullTable(d, 7, r), true),
        new Tiny("ordered", (d, r) -> new Ordered(new SigmoidBeliefNetwork(d, 7, r), Ordering.random(7, 3)), false)));
    for (Canvas canvas : List.of(BINARY, SHADES, COLOURS, COLOUR_SHADES)) {
      all.add(pixels("pixelcnn", canvas, (d, r) -> new PixelCnn(d, canvas, 2, 12, 24, r)));
      all.add(pixels("gated pixelcnn", canvas, (d, r) -> new GatedPixelCnn(d, canvas, 12, new int[] {1, 2, 1}, r)));
      all.add(pixels("row lstm", canvas, (d, r) -> new PixelRnn(d, canvas, PixelRnn.Kind.ROW, 2, 36, 18, 36, r)));
      all.add(pixels("diagonal lstm", canvas,
          (d, r) -> new PixelRnn(d, canvas, PixelRnn.Kind.DIAGONAL, 2, 36, 18, 36, r)));
    }
    PixelCnn.Middle wide = new PixelCnn.Middle(5, List.of(1, 2));
    all.add(pixels("wide pixelcnn", COLOURS, (d, r) -> new PixelCnn(d, COLOURS, wide, 2, 12, 24, r)));
    all.add(pixels("row lstm without up", BINARY,
        (d, r) -> new PixelRnn(d, BINARY, PixelRnn.Kind.ROW, 1, 12, 12, 24, r)));
    all.add(pixels("diagonal lstm without up", BINARY,
        (d, r) -> new PixelRnn(d, BINARY, PixelRnn.Kind.DIAGONAL, 1, 12, 12, 24, r)));
    return all;
  }

  private static Tiny pixels(String name, Canvas c, Maker maker) {
    return new Tiny("%s %dx%dx%d of %d".formatted(name, c.colours(), c.height(), c.width(), c.levels()), maker, true);
  }

  /** One whose parameters are all drawn, those too that begin as zeros. */
  Autoregressive random(Device device, long seed) {
    Generator random = new Generator(seed);
    Autoregressive model = maker.make(device, random);
    try (Scope scope = Scope.open()) {
      for (Parameter p : model.parameters()) p.assign(random.normal(device, 0, 0.3, p.tensor().shape()));
    }
    return model;
  }

  /** One trained on some examples; returns the mean loss of the last steps. */
  static double train(Autoregressive model, float[] examples, int steps, double rate) {
    double last = 0;
    Adam adam = new Adam(model.parameters(), Schedule.cosine(rate, rate / 10, steps), Adam.Options.ADAM);
    for (int i = 0; i < steps; i++) {
      try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
        Value loss = model.logLikelihood(tape, rows(model, examples)).mean().neg();
        tape.backward(loss);
        last = loss.item();
      }
      adam.step();
      model.parameters().clearGradients();
    }
    adam.close();
    return last;
  }

  static Tensor rows(Autoregressive model, float[] examples) {
    return Tensor.of(model.device(), examples, examples.length / model.variables(), model.variables());
  }

  /** All examples, each a row: example k has the digits of k, the first variable being the highest. */
  static float[] everything(Autoregressive model) {
    int n = model.variables();
    int count = 1;
    for (int i = 0; i < n; i++) count *= model.levels();
    float[] all = new float[count * n];
    for (int k = 0; k < count; k++) {
      int rest = k;
      for (int i = n - 1; i >= 0; i--) {
        all[k * n + i] = rest % model.levels();
        rest /= model.levels();
      }
    }
    return all;
  }

  /** The number of an example among all. */
  static int number(Autoregressive model, float[] examples, int row) {
    int k = 0;
    for (int i = 0; i < model.variables(); i++) {
      k = k * model.levels() + (int) examples[row * model.variables() + i];
    }
    return k;
  }

  /** The probabilities of all examples. */
  static double[] probabilities(Autoregressive model) {
    try (Scope scope = Scope.open()) {
      float[] log = model.logLikelihood(rows(model, everything(model))).toFloats();
      double[] p = new double[log.length];
      for (int i = 0; i < p.length; i++) p[i] = Math.exp(log[i]);
      return p;
    }
  }

  /** The order in which variables are generated. */
  static Ordering order(Autoregressive model) {
    return model instanceof PixelModel p ? p.order() : Ordering.raster(model.variables());
  }

  /** What each variable's conditional hangs on, [rows of x][variable][outputs]; null where the model gives none. */
  static float[][][] outputs(Autoregressive model, Tensor x) {
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      Tensor logits;
      if (model instanceof PixelModel p) {
        logits = p.logits(tape, x).tensor();
      } else if (model instanceof BinaryChain b) {
        logits = b.logits(tape, x).tensor();
      } else {
        return null;
      }
      int rows = (int) x.size(0);
      int n = model.variables();
      int outputs = (int) (logits.count() / rows / n);
      float[] flat = logits.toFloats();
      float[][][] by = new float[rows][n][outputs];
      // [rows, colours, outputs, pixels]; a chain is one colour with one output
      int pixels = model instanceof PixelModel p ? p.canvas().height() * p.canvas().width() : n;
      for (int i = 0; i < flat.length; i++) {
        int row = i / (n * outputs);
        int colour = i / (pixels * outputs) % (n / pixels);
        by[row][colour * pixels + i % pixels][i / pixels % outputs] = flat[i];
      }
      return by;
    }
  }
}
