package org.ondol.models.layers;

import java.util.Arrays;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.PixelProgram;

/**
 * Generates a batch of images from a {@link PixelNetwork} in raster order. Every map of the network is kept; a pixel costs
 * each layer one position rather than a whole map, and what {@link #step} returns has the bits of
 * {@link PixelNetwork#forward} at that pixel, for the image chosen so far.
 *
 * <p>Either {@link #generate} asks for every colour of every pixel, or the caller takes the steps: at each pixel, for each
 * colour, {@link #step} and then {@link #set}. Where a colour is given, its step is left out. Not for use by several threads.
 */
public final class PixelSampler implements AutoCloseable {
  /** Chooses the colours of pixels. */
  @FunctionalInterface
  public interface Chooser {
    /**
     * Chooses one colour of one pixel for all images.
     *
     * @param output [N, outputs]: the network's result at the pixel, closed after the call
     * @param values to be filled: a number for each image
     */
    void choose(long row, long column, int colour, Tensor output, float[] values);
  }

  private final PixelProgram program;
  private final long batch;
  private final long height;
  private final long width;
  private final int colours;
  private final int output;
  private final int[] rowMaps;
  private final int[] pixelMaps;
  /** Those of pixelMaps that see earlier colours of the pixel itself. */
  private final int[] colourMaps;

  private long row;
  private long column = -1;
  /** Colours of the pixel that are set. */
  private int set;
  /** With how many colours set the pixel's maps were computed last; -1 for not yet. */
  private int computed = -1;
  /** Columns of the row whose maps are final. */
  private long done;

  PixelSampler(PixelNetwork network, long batch, long height, long width) {
    this.batch = batch;
    this.height = height;
    this.width = width;
    colours = network.colours();
    output = network.output();
    rowMaps = network.maps(Causality.Kind.ROW, false);
    pixelMaps = network.maps(Causality.Kind.PIXEL, false);
    colourMaps = network.maps(Causality.Kind.PIXEL, true);
    try (Assembly parts = new Assembly()) {
      program = parts.add(network.program(batch, height, width));
      reset();
      parts.done(this);
    }
  }

  /** Forgets all pixels and begins again at the first. */
  public void reset() {
    program.clear(0);
    row = 0;
    column = -1;
    set = colours;
    computed = -1;
    done = 0;
    program.run(rowMaps, 0, 0, width);
  }

  /**
   * Computes every layer at a pixel: the next one in raster order once all colours of the one before are set, or again the
   * same one.
   *
   * @return a new tensor [N, outputs], a copy; the channels of the colour to be chosen next are meaningful
   */
  public Tensor step(long row, long column) {
    enter(row, column);
    finish(column);
    if (computed < 0) {
      program.run(pixelMaps, row, column, column + 1);
    } else if (computed < set) {
      program.run(colourMaps, row, column, column + 1);
    }
    computed = set;
    return program.read(output, row, column);
  }

  /**
   * Sets a colour of the current pixel, or the first colour of the next pixel, for each image.
   *
   * @param colour as many as are set already
   */
  public void set(long row, long column, int colour, float... values) {
    if (values == null || values.length != batch) {
      throw new ShapeException("values", values == null ? "null" : "of length " + values.length, batch + ", one for each image");
    }
    boolean next = !current(row, column);
    if (next) follows(row, column);
    int expected = next ? 0 : set;
    if (expected == colours) {
      throw new InvalidArgumentException("pixel", name(row, column) + ", which is set", "the next one" + nextName());
    }
    if (colour != expected) throw new InvalidArgumentException("colour", colour, expected + ", the next one of " + name(row, column));
    enter(row, column);
    program.write(0, colour, row, column, values);
    set++;
  }

  private boolean current(long row, long column) {
    return column >= 0 && row == this.row && column == this.column;
  }

  /** Goes to a pixel if it is not the current one. */
  private void enter(long r, long c) {
    if (current(r, c)) return;
    follows(r, c);
    // A pixel whose maps have seen all the colours that they may see is final.
    int last = colourMaps.length == 0 ? 0 : colours - 1;
    if (column >= 0 && computed >= last && done == column) done++;
    if (r != row) {
      finish(width);
      program.run(rowMaps, r, 0, width);
      done = 0;
    }
    row = r;
    column = c;
    set = 0;
    computed = -1;
  }

  /** Computes the maps of the row's columns before {@code end} that were given rather than generated. */
  private void finish(long end) {
    if (done >= end) return;
    program.run(pixelMaps, row, done, end);
    done = end;
  }

  private void follows(long r, long c) {
    if (set < colours) {
      throw new InvalidArgumentException("pixel", name(r, c), name(row, column) + ", whose colour " + set + " is not set");
    }
    long next = row * width + column + 1;
    if (next < height * width && r == next / width && c == next % width) return;
    throw new InvalidArgumentException("pixel", name(r, c), next < height * width ? name(next / width, next % width)
        + ", the next in raster order" : "reset(): all pixels are set");
  }

  private String nextName() {
    long next = row * width + column + 1;
    return next < height * width ? ", " + name(next / width, next % width) : ": all are, reset() begins again";
  }

  private static String name(long row, long column) {
    return "(" + row + ", " + column + ")";
  }

  /** Generates images from the first pixel to the last: [N, colours, H, W]. */
  public Tensor generate(Chooser chooser) {
    return run(null, null, chooser);
  }

  /**
   * Generates the pixels that are not given.
   *
   * @param images [N, colours, H, W]; read where pixels are known
   * @param known for each of the H * W pixels, row by row, whether it is given
   */
  public Tensor complete(Tensor images, boolean[] known, Chooser chooser) {
    long[] shape = {batch, colours, height, width};
    if (images == null || !Arrays.equals(images.shape(), shape)) {
      throw new ShapeException("images", images == null ? "null" : "of shape " + Arrays.toString(images.shape()), Arrays.toString(shape));
    }
    if (known == null || known.length != height * width) {
      throw new ShapeException("known", known == null ? "null" : "of length " + known.length, "length " + height * width);
    }
    return run(images.toFloats(), known, chooser);
  }

  private Tensor run(float[] given, boolean[] known, Chooser chooser) {
    if (chooser == null) throw new InvalidArgumentException("chooser", "null", "a chooser");
    reset();
    float[] values = new float[(int) batch];
    for (long r = 0; r < height; r++) {
      for (long c = 0; c < width; c++) {
        boolean skip = known != null && known[(int) (r * width + c)];
        for (int colour = 0; colour < colours; colour++) {
          if (skip) {
            take(given, r, c, colour, values);
          } else {
            try (Tensor out = step(r, c)) {
              chooser.choose(r, c, colour, out, values);
            }
          }
          set(r, c, colour, values);
        }
      }
    }
    return images();
  }

  private void take(float[] given, long r, long c, int colour, float[] values) {
    for (int n = 0; n < values.length; n++) {
      values[n] = given[(int) (((n * colours + colour) * height + r) * width + c)];
    }
  }

  /** A copy of the images as far as they are set, zero beyond: [N, colours, H, W]. */
  public Tensor images() {
    return program.read(0);
  }

  /** Frees the maps. */
  @Override
  public void close() {
    program.close();
  }
}
