package org.ondol.models.autoregressive;

import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.Linear;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Lstm;

/**
 * The Diagonal BiLSTM (van den Oord, Kalchbrenner and Kavukcuoglu 2016, section 3.2): a step is a diagonal of the
 * image, once from the top left corner and once from the top right one, so that the context is all of the image above
 * and to the left. On the skewed map ({@link Skew}) diagonals are columns, and a position's gates see the input there
 * (1 x 1, mask B) and the state of the step before at the position and the one above it (2 x 1): in the image the
 * pixels beside and above. What comes from the right sees pixels that are not known yet, so it is moved down by a row
 * before it is added. The sum is brought to the features of the input by a 1 x 1 convolution where they are not as
 * many, and the input is added (figure 5, right).
 */
final class DiagonalLstm implements RecurrentLayer {
  private final Device device;
  private final int features;
  private final Gates fromLeft;
  private final Gates fromRight;
  private final MaskedLinear up; // null where the state has as many features as the input

  /** @param features a multiple of the colours, as is hidden */
  DiagonalLstm(Parameters parameters, String name, Device device, int colours, int features, int hidden,
      Generator random) {
    this.device = device;
    this.features = features;
    MaskedLinear.Sight sight = MaskedLinear.colours(colours, features, hidden);
    MaskedLinear.Sight gates = (o, i) -> sight.sees(o % hidden, i);
    fromLeft = new Gates(parameters, name + ".left", device, features, hidden, 2, gates, random);
    fromRight = new Gates(parameters, name + ".right", device, features, hidden, 2, gates, random);
    up = features == hidden ? null : new MaskedLinear(parameters, name + ".up", device, hidden, features, 1,
        MaskedLinear.colours(colours, hidden, features), random);
  }

  @Override
  public Value of(Tape tape, Value x) {
    Value left = steps(tape, x, fromLeft, false);
    Value right = steps(tape, x, fromRight, true);
    Tensor zeros = Tensor.zeros(device, x.size(0), 1, x.size(2), fromRight.hidden());
    Value down = Value.concat(1, tape.constant(zeros), right.slice(1, 0, x.size(1) - 1));
    Value h = left.add(down);
    return (up == null ? h : up.apply(tape, h)).add(x);
  }

  private static Value steps(Tape tape, Value x, Gates gates, boolean right) {
    Value z = Skew.skew(gates.input.apply(tape, x), right);
    return Skew.unskew(gates.steps(tape, z, right), right);
  }

  @Override
  public Cells cells(int batch, int rows, int columns) {
    try (Assembly parts = new Assembly()) {
      return parts.done(new DiagonalCells(parts, batch, rows, columns));
    }
  }

  /** Pixel by pixel from the left; from the right row by row, when all of a row is known. */
  private final class DiagonalCells implements Cells {
    private final int columns;
    private final Direction left;
    private final Direction right;
    private final Linear out;
    private final Tensor read; // [C, N, F]: the row's input
    private final Tensor down; // [C, N, H]: from the right, of the row above

    DiagonalCells(Assembly parts, int batch, int rows, int columns) {
      this.columns = columns;
      left = parts.add(new Direction(fromLeft, batch, rows, columns));
      right = parts.add(new Direction(fromRight, batch, rows, columns));
      out = up == null ? null : parts.add(up.packed());
      read = parts.add(Scope.detach(Tensor.zeros(device, columns, batch, features)));
      down = parts.add(Scope.detach(Tensor.zeros(device, columns, batch, fromRight.hidden())));
    }

    @Override
    public Tensor at(Tensor x, int row, int column) {
      read.select(0, column).assign(x);
      Tensor h = Elementwise.add(left.cell(x, column), down.select(0, column));
      return Elementwise.add(out == null ? h : out.forward(h), x);
    }

    @Override
    public void endRow(int row) {
      for (int i = 0; i < columns; i++) {
        try (Scope scope = Scope.open()) {
          int column = columns - 1 - i;
          down.select(0, column).assign(right.cell(read.select(0, column), i));
        }
      }
      left.endRow(row);
      right.endRow(row);
    }

    @Override
    public void close() {
      left.close();
      right.close();
      if (out != null) out.close();
      read.close();
      down.close();
    }
  }

  /** The cells of one direction; columns are counted from where it begins. */
  private final class Direction implements AutoCloseable {
    private final Gates gates;
    private final Linear input;
    private final Tensor edgeStates; // [R, H]: the state beside the image that the first pixel of a row sees
    private final Tensor edgeCells;
    private Tensor seen; // [C + 1, N, 2, H]: the states above and beside each pixel
    private Tensor next; // of the row below
    private final Tensor cells; // [C + 1, N, 1, H]: before each pixel

    Direction(Gates gates, int batch, int rows, int columns) {
      this.gates = gates;
      long h = gates.hidden();
      try (Assembly parts = new Assembly(); Scope scope = Scope.open()) {
        input = parts.add(gates.input.packed());
        seen = parts.add(Scope.detach(Tensor.zeros(device, columns + 1, batch, 2, h)));
        next = parts.add(Scope.detach(Tensor.zeros(device, columns + 1, batch, 2, h)));
        cells = parts.add(Scope.detach(Tensor.zeros(device, columns + 1, batch, 1, h)));
        edgeStates = parts.add(Scope.detach(Tensor.zeros(device, rows, h)));
        edgeCells = parts.add(Scope.detach(Tensor.zeros(device, rows, h)));
        edges(rows);
        beginRow(0);
        parts.done(this);
      }
    }

    /** Positions beside the image take part in the steps, with nothing from the input. */
    private void edges(int rows) {
      long h = gates.hidden();
      Lstm.Training all = Lstm.forward(Tensor.zeros(device, rows, 1, rows, 4 * h), gates.weight.tensor(),
          Lstm.Options.bias(gates.bias.tensor()).before(1));
      for (int r = 1; r < rows; r++) {
        edgeStates.select(0, r).assign(all.h().select(0, r - 1).select(0, 0).select(0, r));
        edgeCells.select(0, r).assign(all.cells().select(0, r - 1).select(0, 0).select(0, r));
      }
    }

    private void beginRow(int row) {
      try (Scope scope = Scope.open()) {
        Tensor h = seen.select(0, 0).select(1, 1);
        h.assign(edgeStates.select(0, row).expand(h.shape()));
        Tensor c = cells.select(0, 0);
        c.assign(edgeCells.select(0, row).expand(c.shape()));
      }
    }

    /** [N, H] */
    Tensor cell(Tensor x, int column) {
      Tensor before = seen.select(0, column);
      Tensor h = Tensor.empty(device, x.size(0), 1, gates.hidden());
      Lstm.step(input.forward(x).unsqueeze(1), gates.weight.tensor(), gates.bias.tensor(), before,
          cells.select(0, column), h, cells.select(0, column + 1));
      Tensor state = h.squeeze(1);
      seen.select(0, column + 1).select(1, 1).assign(state);
      next.select(0, column).select(1, 0).assign(state);
      return state;
    }

    void endRow(int row) {
      Tensor done = seen;
      seen = next;
      next = done;
      if (row + 1 < edgeStates.size(0)) beginRow(row + 1);
    }

    @Override
    public void close() {
      input.close();
      for (Tensor t : new Tensor[] {seen, next, cells, edgeStates, edgeCells}) t.close();
    }
  }

  @Override
  public void close() {
    fromLeft.close();
    fromRight.close();
    if (up != null) up.close();
  }
}
