package org.ondol.models.trunks;

import java.util.Arrays;
import org.ondol.Tensor;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Units;
import org.ondol.models.weights.SafeTensors;
import org.ondol.models.weights.Weights;
import org.ondol.models.weights.WeightsException;
import org.ondol.ops.ConvGeometry;

/**
 * The three dense layers of a classifier, fc6 to fc8, with relus and dropout between them, as the convolutions that they
 * are (Long, Shelhamer and Darrell 2015, section 3.1): fc6 reads a whole map of the size that the classifier was trained
 * with, so a larger one gives scores for each place where that size fits.
 */
record DenseHead(ConvUnit fc6, ConvUnit fc7, ConvUnit fc8) {
  private static final double DROPOUT = 0.5;
  private static final String PREFIX = "classifier.";
  private static final int MOST = 1 << 16;

  /**
   * First values.
   *
   * @param layers places of the three in torchvision's list of layers
   * @param side of the map that fc6 reads as a whole
   */
  static DenseHead of(Units units, int[] layers, long channels, int side, long hidden, long classes) {
    return new DenseHead(units.conv(PREFIX + layers[0], channels, hidden, side, ConvGeometry.UNIT).relu(),
        units.conv(PREFIX + layers[1], hidden, hidden, 1, ConvGeometry.UNIT).relu(),
        units.conv(PREFIX + layers[2], hidden, classes, 1, ConvGeometry.UNIT));
  }

  <M> M run(Net<M> net, M x) {
    M h = net.conv(net.dropout(x, DROPOUT), fc6);
    return net.conv(net.conv(net.dropout(h, DROPOUT), fc7), fc8);
  }

  /** Channels that a layer of a file gives. */
  static int channels(SafeTensors file, String layer) {
    long[] shape = file.shape(layer + ".weight"); // refuses a file without
    if (shape.length == 0 || shape[0] < 1 || shape[0] > MOST) {
      throw new WeightsException(layer + ".weight is of shape " + Arrays.toString(shape) + "; expected 1 to " + MOST
          + " channels, the first of its dimensions");
    }
    return (int) shape[0];
  }

  /** A file whose dense layers are matrices [out, channels · side · side], row for row what the filters are. */
  static Weights matrices(Weights file) {
    return (name, device, shape) -> {
      if (!name.startsWith(PREFIX) || shape.length != 4) return file.tensor(name, device, shape);
      try (Tensor matrix = file.tensor(name, device, shape[0], shape[1] * shape[2] * shape[3])) {
        return matrix.reshape(shape);
      }
    };
  }
}
