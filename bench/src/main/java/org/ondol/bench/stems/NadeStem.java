package org.ondol.bench.stems;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.nn.Activation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.Torch;
import org.ondol.ops.Nade;

/**
 * The neural autoregressive estimator: all outputs of a batch, with the gradients of a training step, and pictures
 * drawn pixel by pixel. libtorch has no such operator: it runs the loop over the variables that its users write, five
 * operations a variable.
 */
public final class NadeStem implements Stem<NadeCase> {
  private final List<String> devices;

  public NadeStem(List<String> devices) {
    this.devices = devices;
  }

  @Override
  public String name() {
    return "nade";
  }

  @Override
  public List<NadeCase> cases() {
    return List.of(new NadeCase(NadeCase.Kind.PASS, true, 100, 784, 1, 500),
        new NadeCase(NadeCase.Kind.STEP, true, 100, 784, 1, 500),
        new NadeCase(NadeCase.Kind.SAMPLE, true, 100, 784, 1, 500),
        new NadeCase(NadeCase.Kind.SAMPLE, true, 1, 784, 1, 500),
        new NadeCase(NadeCase.Kind.PASS, false, 100, 63, 60, 512),
        new NadeCase(NadeCase.Kind.STEP, false, 100, 63, 60, 512));
  }

  @Override
  public List<Contender<NadeCase>> contenders(NadeCase c) {
    List<Contender<NadeCase>> all = new ArrayList<>();
    devices.forEach(device -> all.add(new Ondol(device)));
    all.add(new Loop());
    return all;
  }

  private static final class Ondol extends OndolContender<NadeCase> {
    private NadeCase c;
    private Nade.Weights weights;
    private Tensor start;
    private Tensor x;
    private Tensor dy;
    private final Map<String, Tensor> results = new LinkedHashMap<>();

    Ondol(String device) {
      super(device, "");
    }

    @Override
    protected void load(NadeCase c) {
      this.c = c;
      weights = new Nade.Weights(Tensor.of(device, c.w(), c.variables, c.hidden),
          Tensor.of(device, c.v(), c.variables, c.outputs, c.hidden),
          Tensor.of(device, c.bias(), c.variables, c.outputs), null,
          c.binary ? org.ondol.ops.Activation.SIGMOID : org.ondol.ops.Activation.RELU);
      start = Tensor.of(device, c.start(), c.hidden);
      x = Tensor.of(device, c.kind == NadeCase.Kind.SAMPLE ? c.uniform() : c.x(), c.rows, c.variables);
      dy = Tensor.of(device, c.dy(), c.rows, c.variables, c.outputs);
    }

    private void keep(String name, Tensor t) {
      results.put(name, t);
    }

    @Override
    public void run() {
      release();
      if (c.kind == NadeCase.Kind.SAMPLE) {
        Nade.Sample s = Nade.sample(x, null, null, weights, start);
        keep("x", s.x());
        keep("y", s.y());
        s.state().close();
        return;
      }
      keep("y", Nade.apply(x, weights, start));
      if (c.kind == NadeCase.Kind.STEP) {
        Nade.Gradients g = Nade.backward(x, weights, start, dy, null, false);
        keep("dw", g.dw());
        keep("dv", g.dv());
        g.dbias().close();
        g.dstart().close();
      }
    }

    @Override
    public Map<String, float[]> result() {
      Map<String, float[]> values = new LinkedHashMap<>();
      results.forEach((name, t) -> values.put(name, t.toFloats()));
      return values;
    }

    private void release() {
      results.values().forEach(Tensor::close);
      results.clear();
    }

    @Override
    public void close() {
      release();
      if (weights != null) {
        weights.w().close();
        weights.v().close();
        weights.bias().close();
      }
      for (Tensor t : new Tensor[] {start, x, dy}) {
        if (t != null) {
          t.close();
        }
      }
    }
  }

  /** The loop over the variables. The result is y or, of a step, dw; of sampling x and y, one after the other. */
  private static final class Loop implements Contender<NadeCase> {
    private NadeCase c;
    private Torch torch;
    private Torch pass;

    @Override
    public String name() {
      return "libtorch";
    }

    @Override
    public String variant() {
      return "loop";
    }

    @Override
    public boolean peer() {
      return true;
    }

    private Torch operands(Torch t) {
      t.input(c.w(), c.variables, c.hidden).input(c.v(), (long) c.variables * c.outputs, c.hidden)
          .input(c.bias(), 1, (long) c.variables * c.outputs).input(c.start(), 1, c.hidden);
      return t.input(c.kind == NadeCase.Kind.SAMPLE ? c.uniform() : c.x(), c.rows, c.variables);
    }

    @Override
    public void prepare(NadeCase c) {
      this.c = c;
      pass = operands(Torch.operation(this::outputs));
      torch = pass;
      if (c.kind == NadeCase.Kind.STEP) {
        torch = operands(Torch.gradient(in -> {
          in.get(1).setRequiresGradient(true);
          in.get(2).setRequiresGradient(true);
          in.get(3).setRequiresGradient(true);
          return outputs(in);
        })).input(c.dy(), c.rows, (long) c.variables * c.outputs);
      }
    }

    private NDArray outputs(NDList in) {
      NDList w = in.get(0).split(c.variables);
      NDList v = in.get(1).split(c.variables);
      NDList b = in.get(2).split(c.variables, 1);
      NDList x = in.get(4).split(c.variables, 1);
      NDList ys = new NDList();
      NDList xs = new NDList();
      NDArray a = in.get(3).broadcast(c.rows, c.hidden);
      for (int d = 0; d < c.variables; d++) {
        try (NDArray before = a; NDArray h = c.binary ? Activation.sigmoid(before) : Activation.relu(before);
            NDArray vt = v.get(d).transpose(); NDArray product = h.matMul(vt)) {
          NDArray y = product.add(b.get(d));
          ys.add(y);
          NDArray value = x.get(d);
          if (c.kind == NadeCase.Kind.SAMPLE) {
            value = draw(value, y);
            xs.add(value);
          }
          try (NDArray outer = value.mul(w.get(d))) {
            a = before.add(outer);
          }
        }
      }
      a.close();
      ys.addAll(0, xs);
      NDArray all = NDArrays.concat(ys, 1);
      for (NDList list : List.of(w, v, b, x, ys)) {
        list.close();
      }
      return all;
    }

    private static NDArray draw(NDArray uniform, NDArray y) {
      try (NDArray p = Activation.sigmoid(y); NDArray drawn = uniform.lt(p)) {
        return drawn.toType(ai.djl.ndarray.types.DataType.FLOAT32, true);
      }
    }

    @Override
    public void run() {
      torch.run();
    }

    @Override
    public Map<String, float[]> result() {
      Map<String, float[]> answer = new LinkedHashMap<>();
      if (c.kind == NadeCase.Kind.STEP) {
        pass.run();
        answer.put("dw", torch.result());
      }
      float[] y = pass.result();
      if (c.kind == NadeCase.Kind.SAMPLE) {
        answer.put("x", columns(y, 0));
        answer.put("y", columns(y, c.variables));
      } else {
        answer.put("y", y);
      }
      return answer;
    }

    private float[] columns(float[] both, int from) {
      float[] part = new float[c.rows * c.variables];
      for (int n = 0; n < c.rows; n++) {
        System.arraycopy(both, n * 2 * c.variables + from, part, n * c.variables, c.variables);
      }
      return part;
    }

    @Override
    public void close() {
      if (torch != pass && torch != null) {
        torch.close();
      }
      if (pass != null) {
        pass.close();
      }
    }
  }
}
