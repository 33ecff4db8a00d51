package org.ondol.models.recipes;

import java.util.Arrays;
import java.util.List;
import org.ondol.Device;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.models.autoregressive.Canvas;
import org.ondol.models.autoregressive.GatedPixelCnn;
import org.ondol.models.autoregressive.PixelCnn;
import org.ondol.models.autoregressive.PixelModel;
import org.ondol.models.autoregressive.PixelRnn;
import org.ondol.models.data.DataException;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;

/** Models that generate pictures pixel by pixel. */
enum PixelRecipes implements Recipe {
  PIXELCNN("pixelcnn", "PixelCNN: masked convolutions in residual blocks") {
    @Override
    public Settings settings() {
      return pixels(7, 0.002)
          .whole("layers", 6, 0, 100, "residual blocks")
          .whole("width", 32, 1, 1024, "features within a block, half of those between blocks")
          .whole("kernel", 5, 1, 31, "of the convolution in the middle of a block, odd; the paper's is 3")
          .choice("dilations", "1-2", List.of("1", "1-2", "1-2-4", "1-2-1-4"), "of those, block by block in turn")
          .whole("top", 64, 1, 4096, "features of the layer before the logits");
    }

    @Override
    PixelModel model(Device device, Canvas canvas, Settings s, Generator random) {
      List<Integer> dilations = Arrays.stream(s.choice("dilations").split("-")).map(Integer::valueOf).toList();
      PixelCnn.Middle middle = new PixelCnn.Middle(s.whole("kernel"), dilations);
      return new PixelCnn(device, canvas, middle, s.whole("layers"), s.whole("width"), s.whole("top"), random);
    }
  },

  GATED("pixelcnn-gated", "gated PixelCNN: a vertical and a horizontal stack") {
    @Override
    public Settings settings() {
      return pixels(5, 0.001)
          .whole("layers", 7, 0, 100, "gated layers, with the dilations 1, 2, 1, 4 in turn")
          .whole("width", 32, 1, 1024, "features of either stack");
    }

    @Override
    PixelModel model(Device device, Canvas canvas, Settings s, Generator random) {
      int[] dilations = new int[s.whole("layers")];
      for (int i = 0; i < dilations.length; i++) dilations[i] = DILATIONS[i % DILATIONS.length];
      return new GatedPixelCnn(device, canvas, s.whole("width"), dilations, random);
    }
  },

  ROW_LSTM("row-lstm", "PixelRNN of Row LSTM layers") {
    @Override
    public Settings settings() {
      return recurrent(2);
    }

    @Override
    PixelModel model(Device device, Canvas canvas, Settings s, Generator random) {
      return recurrent(device, canvas, PixelRnn.Kind.ROW, s, random);
    }
  },

  DIAGONAL_LSTM("diagonal-lstm", "PixelRNN of Diagonal BiLSTM layers") {
    @Override
    public Settings settings() {
      return recurrent(1);
    }

    @Override
    PixelModel model(Device device, Canvas canvas, Settings s, Generator random) {
      return recurrent(device, canvas, PixelRnn.Kind.DIAGONAL, s, random);
    }
  };

  private static Settings pixels(int epochs, double rate) {
    // Along half a cosine: the last steps of a short run are what its likelihood hangs on.
    return Rates.setting(Settings.training(epochs, 16, rate), "cosine")
        .with(Settings.AVERAGE, "0.9995")
        .number("clip", 50, 0, 1e9, "longest gradient")
        .number("low", -1, -1, 0, "what the network reads where a value is 0; the highest one is 1");
  }

  private static Settings recurrent(int layers) {
    return pixels(10, 0.004)
        .whole("layers", layers, 1, 100, "LSTM layers")
        .whole("features", 64, 1, 4096, "features between layers")
        .whole("width", 32, 1, 1024, "features of a state; 1 x 1 convolutions bring them to those between layers")
        .whole("top", 64, 1, 4096, "features of the two layers before the logits");
  }

  private static PixelModel recurrent(Device device, Canvas canvas, PixelRnn.Kind kind, Settings s, Generator random) {
    return new PixelRnn(device, canvas, kind, s.whole("layers"), s.whole("features"), s.whole("width"), s.whole("top"),
        random);
  }

  private static final int[] DILATIONS = {1, 2, 1, 4};
  /** Images that are measured at once: their maps stay in the cache. */
  private static final int ROWS = 8;

  private final String title;
  private final String summary;

  PixelRecipes(String title, String summary) {
    this.title = title;
    this.summary = summary;
  }

  abstract PixelModel model(Device device, Canvas canvas, Settings s, Generator random);

  @Override
  public String title() {
    return title;
  }

  @Override
  public String summary() {
    return summary;
  }

  @Override
  public Experiment create(Device device, Form form, Settings s, Generator random) {
    long[] picture = form.picture();
    if (picture[0] > 16 || picture[1] > 1 << 14 || picture[2] > 1 << 14) {
      throw new DataException("pictures of " + picture[0] + " x " + picture[1] + " x " + picture[2]
          + ", expected at most 16 channels and 16384 rows and columns");
    }
    Canvas canvas = new Canvas((int) picture[0], (int) picture[1], (int) picture[2], form.levels(), s.number("low"), 1);
    PixelModel model = model(device, canvas, s, random);
    Adam adam = new Adam(model.parameters(), Rates.of(s, form), Adam.Options.ADAM);
    return new Likelihood(model, adam, form, s.number("clip"), ROWS);
  }
}
