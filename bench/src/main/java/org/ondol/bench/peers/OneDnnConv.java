package org.ondol.bench.peers;

import static org.bytedeco.dnnl.global.dnnl.*;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.ondol.bench.Contender.Unavailable;

/**
 * A convolution or deconvolution of oneDNN, for inference or with its gradients. Its primitives choose the layout of the
 * filters always, and of the maps unless they are told nchw; a tensor that a primitive wants in another layout than it
 * has is reordered, in the timed run unless it is a constant of inference.
 */
public final class OneDnnConv implements AutoCloseable {
  /** Where the maps lie. */
  public enum Layout {
    /** The primitives are told to read and write nchw. */
    PLAIN("nchw"),
    /** The primitives choose, and maps are reordered from and to nchw in every run. */
    REORDERED("nchw reordered"),
    /** The primitives choose, and maps come and stay so, as between the layers of a network. */
    BLOCKED("blocked");

    public final String text;

    Layout(String text) {
      this.text = text;
    }
  }

  /**
   * Sizes: maps [N, C, H, W], and filters in the order that conv and deconv have elsewhere.
   *
   * @param w [out, in / groups, kh, kw], or transposed [in, out / groups, kh, kw]
   */
  public record Problem(long[] x, long[] w, long[] y, long groups, long stride, long[] padBegin, long[] padEnd,
      boolean transposed) {
    /** oneDNN's dimensions: [groups, out / groups, in / groups, kh, kw], the groups only where there are several. */
    private long[] filterDims() {
      long out = transposed ? w[1] : w[0] / groups;
      long in = transposed ? w[0] / groups : w[1];
      return groups == 1 ? new long[] {out, in, w[2], w[3]} : new long[] {groups, out, in, w[2], w[3]};
    }

    private long[] filterStrides() {
      long plane = w[2] * w[3];
      long outStride = transposed ? plane : w[1] * plane;
      long inStride = transposed ? w[1] * plane : plane;
      long groupStride = w[0] / groups * w[1] * plane;
      return groups == 1 ? new long[] {outStride, inStride, w[3], 1} : new long[] {groupStride, outStride, inStride, w[3], 1};
    }
  }

  private final Layout layout;
  private final Problem p;
  private final OneDnn dnn;
  private final Map<String, OneDnn.Memory> plain = new LinkedHashMap<>(); // row-major, as Java gives and takes it
  private final Map<String, List<OneDnn.Memory>> held = new LinkedHashMap<>(); // the layouts that a tensor is in
  private final List<OneDnn.Step> run = new ArrayList<>();
  private boolean constantFilters;

  public OneDnnConv(Layout layout, Problem problem) throws Unavailable {
    this.layout = layout;
    p = problem;
    dnn = new OneDnn();
  }

  /** y of x, filters and a bias; filters are brought into their layout once. */
  public void inference(float[] x, float[] w, float[] bias) {
    constantFilters = true;
    input("x", map(p.x), x);
    input("w", filters(), w);
    input("bias", dnn.dense(bias.length), bias);
    output("y", map(p.y));
    dnnl_primitive_desc forward = forward(dnnl_forward_inference, plain.get("bias").layout());
    primitive(forward, "y", DNNL_ARG_DST, Map.of("x", DNNL_ARG_SRC, "w", DNNL_ARG_WEIGHTS, "bias", DNNL_ARG_BIAS));
  }

  /** y, and the gradients dx and dw of a given dy. */
  public void training(float[] x, float[] w, float[] dy) {
    input("x", map(p.x), x);
    input("w", filters(), w);
    input("dy", map(p.y), dy);
    output("y", map(p.y));
    output("dx", map(p.x));
    output("dw", filters());
    dnnl_primitive_desc forward = forward(dnnl_forward_training, null);
    primitive(forward, "y", DNNL_ARG_DST, Map.of("x", DNNL_ARG_SRC, "w", DNNL_ARG_WEIGHTS));
    primitive(data(forward), "dx", DNNL_ARG_DIFF_SRC, Map.of("dy", DNNL_ARG_DIFF_DST, "w", DNNL_ARG_WEIGHTS));
    primitive(weights(forward), "dw", DNNL_ARG_DIFF_WEIGHTS, Map.of("x", DNNL_ARG_SRC, "dy", DNNL_ARG_DIFF_DST));
  }

  public void run() {
    run.forEach(dnn::execute);
    dnn.await();
  }

  /** "y", "dx" or "dw" of the last run. */
  public float[] result(String name) {
    OneDnn.Memory to = plain.get(name);
    OneDnn.Memory last = held.get(name).getFirst();
    if (last != to) {
      dnn.execute(dnn.reorder(last, to));
      dnn.await();
    }
    return to.values();
  }

  private dnnl_memory_desc map(long[] dims) {
    return dnn.strided(dims, new long[] {dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1});
  }

  private dnnl_memory_desc filters() {
    return dnn.strided(p.filterDims(), p.filterStrides());
  }

  private void input(String name, dnnl_memory_desc layout, float[] values) {
    output(name, layout);
    plain.get(name).set(values);
    held.put(name, new ArrayList<>(List.of(plain.get(name))));
  }

  private void output(String name, dnnl_memory_desc layout) {
    plain.put(name, dnn.memory(layout));
  }

  /** What a primitive is asked for: nchw where maps are plain, else whatever it likes best. */
  private dnnl_memory_desc wanted(long[] dims) {
    return layout == Layout.PLAIN ? map(dims) : dnn.any(dims);
  }

  private dnnl_primitive_desc forward(int kind, dnnl_memory_desc bias) {
    long[] strides = {p.stride, p.stride}, dilations = {0, 0};
    dnnl_memory_desc x = wanted(p.x), w = dnn.any(p.filterDims()), y = wanted(p.y);
    dnnl_primitive_desc d = dnn.descriptor();
    OneDnn.check(p.transposed
        ? dnnl_deconvolution_forward_primitive_desc_create(d, dnn.engine(), kind, dnnl_deconvolution_direct, x, w, bias, y,
            strides, dilations, p.padBegin, p.padEnd, null)
        : dnnl_convolution_forward_primitive_desc_create(d, dnn.engine(), kind, dnnl_convolution_auto, x, w, bias, y,
            strides, dilations, p.padBegin, p.padEnd, null));
    return d;
  }

  private dnnl_primitive_desc data(dnnl_primitive_desc forward) {
    long[] strides = {p.stride, p.stride}, dilations = {0, 0};
    dnnl_memory_desc dx = wanted(p.x), w = dnn.any(p.filterDims()), dy = wanted(p.y);
    dnnl_primitive_desc d = dnn.descriptor();
    OneDnn.check(p.transposed
        ? dnnl_deconvolution_backward_data_primitive_desc_create(d, dnn.engine(), dnnl_deconvolution_direct, dx, w, dy,
            strides, dilations, p.padBegin, p.padEnd, forward, null)
        : dnnl_convolution_backward_data_primitive_desc_create(d, dnn.engine(), dnnl_convolution_auto, dx, w, dy, strides,
            dilations, p.padBegin, p.padEnd, forward, null));
    return d;
  }

  private dnnl_primitive_desc weights(dnnl_primitive_desc forward) {
    long[] strides = {p.stride, p.stride}, dilations = {0, 0};
    dnnl_memory_desc x = wanted(p.x), dw = dnn.any(p.filterDims()), dy = wanted(p.y);
    dnnl_primitive_desc d = dnn.descriptor();
    OneDnn.check(p.transposed
        ? dnnl_deconvolution_backward_weights_primitive_desc_create(d, dnn.engine(), dnnl_deconvolution_direct, x, dw, null,
            dy, strides, dilations, p.padBegin, p.padEnd, forward, null)
        : dnnl_convolution_backward_weights_primitive_desc_create(d, dnn.engine(), dnnl_convolution_auto, x, dw, null, dy,
            strides, dilations, p.padBegin, p.padEnd, forward, null));
    return d;
  }

  /** Appends a primitive and the reorders that its operands need. */
  private void primitive(dnnl_primitive_desc d, String result, int resultArgument, Map<String, Integer> operands) {
    Map<Integer, OneDnn.Memory> arguments = new LinkedHashMap<>();
    operands.forEach((name, argument) -> arguments.put(argument, operand(name, dnn.layout(d, argument))));
    dnnl_memory_desc chosen = dnn.layout(d, resultArgument);
    OneDnn.Memory to = plain.get(result);
    OneDnn.Memory written = to.is(chosen) ? to : dnn.memory(chosen);
    arguments.put(resultArgument, written);
    run.add(dnn.step(d, arguments));
    if (written != to && layout != Layout.BLOCKED) {
      run.add(dnn.reorder(written, to));
      written = to;
    }
    held.put(result, List.of(written));
  }

  /** The tensor in a layout: one that it is in already, or a copy. */
  private OneDnn.Memory operand(String name, dnnl_memory_desc chosen) {
    List<OneDnn.Memory> layouts = held.get(name);
    for (OneDnn.Memory m : layouts) {
      if (m.is(chosen)) {
        return m;
      }
    }
    OneDnn.Memory from = layouts.getFirst();
    OneDnn.Memory to = dnn.memory(chosen);
    OneDnn.Step reorder = dnn.reorder(from, to);
    boolean constant = constantFilters && name.equals("w");
    boolean blockedFromTheStart = layout == Layout.BLOCKED && from == plain.get(name);
    if (constant || blockedFromTheStart) {
      dnn.execute(reorder);
      dnn.await();
      layouts.clear();
    } else {
      run.add(reorder);
    }
    layouts.add(to);
    return to;
  }

  @Override
  public void close() {
    dnn.close();
  }
}
