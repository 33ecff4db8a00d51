package org.ondol.test.badinput;

import java.util.Arrays;
import java.util.List;
import org.ondol.ClosedException;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.models.proposals.ColourSpace;
import org.ondol.models.proposals.GraphSegmentation;
import org.ondol.models.proposals.SelectiveSearch;
import org.ondol.models.proposals.SelectiveSearch.Options;
import org.ondol.models.proposals.Similarity;
import org.ondol.test.badinput.BadInputTest.Row;

/** Selective search and the segmentation under it. */
final class BadProposals {
  private static final Options FAST = Options.fast();

  private static void search(Tensor image) {
    SelectiveSearch.propose(image, FAST);
  }

  /** An image of 2 rows and 4 columns with one odd number, in green at row 1, column 2. */
  private static void value(Device d, float value) {
    float[] rgb = new float[24];
    rgb[8 + 4 + 2] = value;
    search(Tensor.of(d, rgb, 3, 2, 4));
  }

  private static Tensor closed(Device d) {
    Tensor t = Tensor.zeros(d, 3, 4, 4);
    t.close();
    return t;
  }

  private static Options options(List<ColourSpace> colours, List<Similarity> similarities, List<Double> scales) {
    return new Options(colours, similarities, scales, 0.8, 0, 20, 0);
  }

  private static final List<ColourSpace> LAB = List.of(ColourSpace.LAB);
  private static final List<Similarity> FILL = List.of(Similarity.FILL);
  private static final List<Double> SCALES = List.of(100.0);

  static final List<Row> ROWS = List.of(
      new Row("proposals: null image", InvalidArgumentException.class, "image", "null", d -> search(null)),
      new Row("proposals: null options", InvalidArgumentException.class, "options", "null",
          d -> SelectiveSearch.propose(Tensor.zeros(d, 3, 4, 4), null)),
      new Row("proposals: closed image", ClosedException.class, null, "closed", d -> search(closed(d))),
      new Row("proposals: bytes", DTypeException.class, "image", "UINT8",
          d -> search(Tensor.of(d, new byte[48], 3, 4, 4))),
      new Row("proposals: a batch", ShapeException.class, "image", "[1, 3, 4, 4]",
          d -> search(Tensor.zeros(d, 1, 3, 4, 4))),
      new Row("proposals: colours last", ShapeException.class, "image", "[4, 5, 3]",
          d -> search(Tensor.zeros(d, 4, 5, 3))),
      new Row("proposals: one channel", ShapeException.class, "image", "[1, 4, 4]",
          d -> search(Tensor.zeros(d, 1, 4, 4))),
      new Row("proposals: no rows", ShapeException.class, "image", "[3, 0, 4]", d -> search(Tensor.zeros(d, 3, 0, 4))),
      new Row("proposals: no columns", ShapeException.class, "image", "[3, 4, 0]",
          d -> search(Tensor.zeros(d, 3, 4, 0))),
      new Row("proposals: more than 2^22 pixels", ShapeException.class, "image", "4194304",
          d -> search(Tensor.zeros(d, 3, 1, 1).expand(3, 2048, 2049))),
      new Row("proposals: NaN", InvalidArgumentException.class, "image[1, 1, 2]", "NaN", d -> value(d, Float.NaN)),
      new Row("proposals: infinity", InvalidArgumentException.class, "image[1, 1, 2]", "Infinity",
          d -> value(d, Float.POSITIVE_INFINITY)),
      new Row("proposals: negative", InvalidArgumentException.class, "image[1, 1, 2]", "-0.5", d -> value(d, -0.5f)),
      new Row("proposals: above 255", InvalidArgumentException.class, "image[1, 1, 2]", "255.5", d -> value(d, 255.5f)),
      new Row("proposals: null colours", InvalidArgumentException.class, "colours", "null",
          d -> options(null, FILL, SCALES)),
      new Row("proposals: no colours", InvalidArgumentException.class, "colours", "[]",
          d -> options(List.of(), FILL, SCALES)),
      new Row("proposals: a null colour", InvalidArgumentException.class, "colours", "null",
          d -> options(Arrays.asList(ColourSpace.LAB, null), FILL, SCALES)),
      new Row("proposals: no similarities", InvalidArgumentException.class, "similarities", "[]",
          d -> options(LAB, List.of(), SCALES)),
      new Row("proposals: no scales", InvalidArgumentException.class, "scales", "[]",
          d -> options(LAB, FILL, List.of())),
      new Row("proposals: scale 0", InvalidArgumentException.class, "scales", "0.0", d -> FAST.scales(100.0, 0.0)),
      new Row("proposals: scale NaN", InvalidArgumentException.class, "scales", "NaN", d -> FAST.scales(Double.NaN)),
      new Row("proposals: scale beyond float32", InvalidArgumentException.class, "scales", "1.0E39",
          d -> FAST.scales(1e39)),
      new Row("proposals: negative sigma", InvalidArgumentException.class, "sigma", "-1.0", d -> FAST.sigma(-1)),
      new Row("proposals: sigma NaN", InvalidArgumentException.class, "sigma", "NaN", d -> FAST.sigma(Double.NaN)),
      new Row("proposals: enormous sigma", InvalidArgumentException.class, "sigma", "1000.0", d -> FAST.sigma(1000)),
      new Row("proposals: negative region", InvalidArgumentException.class, "minRegion", "-1", d -> FAST.minRegion(-1)),
      new Row("proposals: side 0", InvalidArgumentException.class, "minSide", "0", d -> FAST.minSide(0)),
      new Row("proposals: similarity of nothing", InvalidArgumentException.class, "similarity", "no measure",
          d -> new Similarity(false, false, false, false)),
      new Row("segmentation: scale -1", InvalidArgumentException.class, "scale", "-1.0",
          d -> GraphSegmentation.of(Tensor.zeros(d, 3, 4, 4), 0.8, -1, 1)),
      new Row("segmentation: minimum 0", InvalidArgumentException.class, "minimum", "0",
          d -> GraphSegmentation.of(Tensor.zeros(d, 3, 4, 4), 0.8, 1, 0)),
      new Row("segmentation: sigma infinite", InvalidArgumentException.class, "sigma", "Infinity",
          d -> GraphSegmentation.of(Tensor.zeros(d, 3, 4, 4), Double.POSITIVE_INFINITY, 1, 1)),
      new Row("segmentation: null image", InvalidArgumentException.class, "image", "null",
          d -> GraphSegmentation.of(null, 0.8, 1, 1)));

  private BadProposals() {}
}
