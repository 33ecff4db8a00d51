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
 * The Row LSTM (van den Oord, Kalchbrenner and Kavukcuoglu 2016, section 3.1): a step is a row of the image, from top
 * to bottom. A position's gates see the input at the position and to its left (3 x 1, mask B) and the state of the row
 * above at the position and its neighbours (3 x 1), which makes a triangle of context. The state is brought to the
 * features of the input by a 1 x 1 convolution where they are not as many, and the input is added (figure 5, right).
 */
final class RowLstm implements RecurrentLayer {
  private final Device device;
  private final int features;
  private final Gates gates;
  private final MaskedLinear up; // null where the state has as many features as the input

  /** @param features a multiple of the colours, as is hidden */
  RowLstm(Parameters parameters, String name, Device device, int colours, int features, int hidden, Generator random) {
    this.device = device;
    this.features = features;
    MaskedLinear.Sight own = MaskedLinear.colours(colours, features, hidden);
    // Input features 0 to F - 1 are of the pixel to the left, all of whose colours are known.
    gates = new Gates(parameters, name, device, 2 * features, hidden, 3,
        (o, i) -> i < features || own.sees(o % hidden, i - features), random);
    up = features == hidden ? null : new MaskedLinear(parameters, name + ".up", device, hidden, features, 1,
        MaskedLinear.colours(colours, hidden, features), random);
  }

  @Override
  public Value of(Tape tape, Value x) {
    Tensor zeros = Tensor.zeros(device, x.size(0), x.size(1), 1, features);
    Value left = Value.concat(2, tape.constant(zeros), x.slice(2, 0, x.size(2) - 1));
    Value z = gates.input.apply(tape, Value.concat(3, left, x));
    Value h = gates.steps(tape, z.permute(1, 0, 2, 3), false).permute(1, 0, 2, 3);
    return (up == null ? h : up.apply(tape, h)).add(x);
  }

  @Override
  public Cells cells(int batch, int rows, int columns) {
    return new RowCells(batch, columns);
  }

  /** States and cells of two rows, and the input of the pixel to the left. */
  private final class RowCells implements Cells {
    private final int batch;
    private final Linear input;
    private final Linear out;
    private final Tensor read; // [C + 1, N, F]: the input of the columns, after a column of zeros
    private Tensor above; // [N, C + 2, H], between columns of zeros
    private Tensor aboveCells; // [N, C, H]
    private Tensor own;
    private Tensor ownCells;

    RowCells(int batch, int columns) {
      this.batch = batch;
      try (Assembly parts = new Assembly()) {
        input = parts.add(gates.input.packed());
        out = up == null ? null : parts.add(up.packed());
        read = zeros(parts, columns + 1, batch, features);
        above = zeros(parts, batch, columns + 2, gates.hidden());
        own = zeros(parts, batch, columns + 2, gates.hidden());
        aboveCells = zeros(parts, batch, columns, gates.hidden());
        ownCells = zeros(parts, batch, columns, gates.hidden());
        parts.done(this);
      }
    }

    private Tensor zeros(Assembly parts, long... shape) {
      return parts.add(Scope.detach(Tensor.zeros(device, shape)));
    }

    @Override
    public Tensor at(Tensor x, int row, int column) {
      read.select(0, column + 1).assign(x);
      Tensor both = Tensor.empty(device, batch, 2 * features);
      both.slice(1, 0, features).assign(read.select(0, column));
      both.slice(1, features, 2 * features).assign(x);
      Tensor h = own.slice(1, column + 1, column + 2);
      Lstm.step(input.forward(both).unsqueeze(1), gates.weight.tensor(), gates.bias.tensor(),
          above.slice(1, column, column + 3), aboveCells.slice(1, column, column + 1), h,
          ownCells.slice(1, column, column + 1));
      Tensor state = h.squeeze(1);
      return Elementwise.add(out == null ? state : out.forward(state.contiguous()), x);
    }

    @Override
    public void endRow(int row) {
      Tensor h = above;
      Tensor c = aboveCells;
      above = own;
      aboveCells = ownCells;
      own = h;
      ownCells = c;
    }

    @Override
    public void close() {
      for (Tensor t : new Tensor[] {read, above, own, aboveCells, ownCells}) t.close();
      input.close();
      if (out != null) out.close();
    }
  }

  @Override
  public void close() {
    gates.close();
    if (up != null) up.close();
  }
}
