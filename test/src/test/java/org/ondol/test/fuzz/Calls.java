package org.ondol.test.fuzz;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.ondol.DType;
import org.ondol.Devices;
import org.ondol.Tensor;
import org.ondol.grad.Tape;
import org.ondol.ops.Activation;
import org.ondol.ops.Anchors;
import org.ondol.ops.Attention;
import org.ondol.ops.Attention.Options;
import org.ondol.ops.Cast;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.BatchNorm;
import org.ondol.ops.BoxDeltas;
import org.ondol.ops.Boxes;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Embedding;
import org.ondol.ops.FilterMask;
import org.ondol.ops.Gemm;
import org.ondol.ops.Iou;
import org.ondol.ops.KvCache;
import org.ondol.ops.LayerNorm;
import org.ondol.ops.Lstm;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.Matching;
import org.ondol.ops.Nade;
import org.ondol.ops.Nms;
import org.ondol.ops.PackedMatrix;
import org.ondol.ops.PagedKvCache;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.PsRoiAlign;
import org.ondol.ops.Reduce;
import org.ondol.ops.Resize;
import org.ondol.ops.RoiWarp;
import org.ondol.ops.RpnProposals;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.Softmax;
import org.ondol.ops.TopK;
import org.ondol.ops.PsRoiPool;
import org.ondol.ops.Reduce;
import org.ondol.ops.Resize;
import org.ondol.ops.RoiPool;
import org.ondol.ops.Softmax;
import org.ondol.ops.Spp;
import org.ondol.ops.Unpool;
import org.ondol.ops.Winograd;
import org.ondol.ops.YoloBoxes;

/** The calls of the fuzzer: one for every class of public operations, and the tensors themselves. */
final class Calls {
  /** Makes a call and returns its results, null among them where there is none. */
  @FunctionalInterface
  interface Call {
    Tensor[] run(Arguments a);
  }

  /** By the class that is called. */
  static final Map<Class<?>, List<Call>> ALL = new LinkedHashMap<>();

  /** Its definition leaves open whether a hidden pair is skipped or multiplied by zero, which shows where 0 meets infinity. */
  private static final Call ATTENTION_BACKWARD = Calls::attentionBackward;

  /** Calls whose bits are defined for finite results only. */
  static final Set<Call> DEFINED_IF_FINITE = Set.of(ATTENTION_BACKWARD);

  private static final Call VIEWS = Calls::views;
  private static final Call GEOMETRY = Calls::geometry;
  private static final Call CREATION = Calls::creation;

  /** Calls that draw steps without regard to whether they are possible. */
  static final Set<Call> MAY_BE_REFUSED = Set.of(VIEWS, GEOMETRY, CREATION);

  static {
    ALL.put(Gemm.class, List.of(Calls::gemm, Calls::gemmInto, Calls::linear, Calls::gemmBackward));
    ALL.put(PackedMatrix.class, List.of(Calls::packed));
    ALL.put(Attention.class, List.of(Calls::attention, Calls::attentionInto, ATTENTION_BACKWARD));
    ALL.put(KvCache.class, List.of(Calls::cache));
    ALL.put(PagedKvCache.class, List.of(Calls::pagedCache));
    ALL.put(Elementwise.class, List.of(Calls::elementwise, Calls::elementwiseInto));
    ALL.put(Cast.class, List.of(Calls::cast, Calls::castInto));
    ALL.put(Softmax.class, List.of(Calls::softmax, Calls::softmaxBackward));
    ALL.put(LayerNorm.class, List.of(Calls::layernorm, Calls::layernormBackward));
    ALL.put(Reduce.class, List.of(Calls::reduce, Calls::reduceBackward));
    ALL.put(Embedding.class, List.of(Calls::embedding, Calls::embeddingBackward));
    ALL.put(Conv.class, ConvCalls.CONV);
    ALL.put(MaskedConv.class, ConvCalls.MASKED);
    ALL.put(Deconv.class, ConvCalls.DECONV);
    ALL.put(Winograd.class, ConvCalls.WINOGRAD);
    ALL.put(FilterMask.class, ConvCalls.MASK);
    ALL.put(ConvGeometry.class, ConvCalls.GEOMETRY);
    ALL.put(Resize.class, List.of(Calls::resize, Calls::resizeBackward));
    ALL.put(BatchNorm.class, List.of(Calls::batchnorm, Calls::batchnormTraining, Calls::batchnormBackward, Calls::batchnormFold));
    ALL.put(Pool.class, PoolCalls.POOL);
    ALL.put(PoolGeometry.class, PoolCalls.GEOMETRY);
    ALL.put(Unpool.class, PoolCalls.UNPOOL);
    ALL.put(Nade.class, NadeCalls.ALL);
    ALL.put(Iou.class, DetectionCalls.IOU);
    ALL.put(RoiWarp.class, DetectionCalls.ROI_WARP);
    ALL.put(Boxes.class, DetectionCalls.BOXES);
    ALL.put(BoxDeltas.class, DetectionCalls.DELTAS);
    ALL.put(YoloBoxes.class, DetectionCalls.YOLO);
    ALL.put(Anchors.class, DetectionCalls.ANCHORS);
    ALL.put(Matching.class, DetectionCalls.MATCHING);
    ALL.put(RpnProposals.class, DetectionCalls.PROPOSALS);
    ALL.put(Nms.class, BoxCalls.NMS);
    ALL.put(TopK.class, BoxCalls.TOPK);
    ALL.put(RoiAlign.class, RoiAlignCalls.ALIGN);
    ALL.put(PsRoiAlign.class, RoiAlignCalls.POSITION_SENSITIVE);
    ALL.put(RoiPool.class, RoiCalls.POOL);
    ALL.put(Spp.class, RoiCalls.SPP);
    ALL.put(PsRoiPool.class, RoiCalls.SENSITIVE);
    ALL.put(Lstm.class, LstmCalls.ALL);
    ALL.put(Tape.class, TrainingCalls.ALL);
    ALL.put(Tensor.class, List.of(VIEWS, GEOMETRY, CREATION));
  }

  private Calls() {}

  private static Tensor[] list(Tensor... tensors) {
    return tensors;
  }

  private static Gemm.Epilogue epilogue(Arguments a, long n, long... shape) {
    return new Gemm.Epilogue(a.oneIn(2) ? null : a.tensor(n), a.of(Activation.values()),
        a.oneIn(2) ? null : a.rows(shape), a.number(a.oneIn(2) ? 1 : 0.5));
  }

  private static Tensor[] gemm(Arguments a) {
    int m = a.size();
    int n = a.size() * (a.oneIn(3) ? 7 : 1);
    int k = a.size();
    int batch = a.size();
    return a.oneIn(2) ? list(Gemm.matmul(a.tensor(m, k), a.tensor(k, n), epilogue(a, n, m, n)))
        : list(Gemm.matmul(a.tensor(batch, m, k), a.oneIn(2) ? a.tensor(k, n) : a.tensor(1, k, n), epilogue(a, n, batch, m, n)));
  }

  private static Tensor[] gemmInto(Arguments a) {
    int m = a.size();
    int n = a.size();
    int k = a.size();
    Tensor c = a.rows(m, n);
    Gemm.matmulInto(a.tensor(m, k), a.tensor(k, n), a.oneIn(2) ? epilogue(a, n, m, n) : Gemm.Epilogue.NONE.residual(c), c);
    return list(c.reshape(c.shape()));
  }

  private static Tensor[] linear(Arguments a) {
    int k = a.size();
    int n = a.size() * (a.oneIn(2) ? 5 : 1);
    int rows = a.size();
    try (PackedMatrix w = PackedMatrix.of(a.tensor(k, n))) {
      return list(Gemm.linear(a.tensor(2, rows, k), w, epilogue(a, n, 2, rows, n)));
    }
  }

  private static Tensor[] packed(Arguments a) {
    try (PackedMatrix w = PackedMatrix.of(a.tensor(a.size(), a.size() * 4)); PackedMatrix same = w.to(a.device())) {
      return list(same.panels().copy());
    }
  }

  private static Tensor[] gemmBackward(Arguments a) {
    int m = a.size();
    int n = a.size();
    int k = a.size();
    Gemm.Gradients g = Gemm.backward(a.tensor(3, m, k), a.tensor(k, n), a.tensor(3, m, n));
    return list(g.da(), g.db());
  }

  /** Sizes of one attention call. */
  private static final class Shape {
    final int batch;
    final int heads;
    final int kvHeads;
    final int rows;
    final int keys;
    final int dim;
    final int valueDim;

    Shape(Arguments a) {
      batch = a.size();
      kvHeads = 1 + a.below(2);
      heads = kvHeads * (1 + a.below(3));
      rows = a.oneIn(8) ? 17 + a.below(40) : a.size();
      keys = a.oneIn(8) ? 120 + a.below(200) : a.size();
      dim = 1 + a.below(9);
      valueDim = a.oneIn(2) ? dim : 1 + a.below(9);
    }
  }

  private static Options options(Arguments a, Shape s) {
    Options o = Options.DEFAULT;
    if (a.oneIn(2)) {
      o = o.window(a.of(Attention.Alignment.values()), a.integer(a.below(4) - 1), a.integer(a.below(4) - 1));
    }
    if (a.oneIn(4)) {
      o = o.scale(a.number(0.3));
    }
    if (a.oneIn(4)) {
      o = o.mask(a.oneIn(2) ? a.mask(s.rows, s.keys) : a.mask(s.batch, 1, 1, s.keys));
    }
    if (a.oneIn(4)) {
      o = o.bias(a.oneIn(2) ? a.tensor(s.rows, s.keys) : a.tensor(s.batch, s.heads, s.rows, s.keys));
    }
    if (a.oneIn(5)) {
      o = o.alibi(a.tensor(s.heads));
    }
    if (a.oneIn(5)) {
      o = o.softcap(a.number(2));
    }
    if (a.oneIn(5)) {
      o = o.dropout(a.number(0.25), a.integer(5));
    }
    if (a.oneIn(4)) {
      long[] lengths = new long[s.batch];
      Arrays.setAll(lengths, i -> a.below(s.keys + 1));
      o = o.lengths(a.integers(lengths));
    }
    return o;
  }

  private static Tensor[] attention(Arguments a) {
    return switch (a.below(4)) {
      case 0 -> packedSequences(a);
      case 1 -> paged(a);
      default -> {
        Shape s = new Shape(a);
        Attention.Result r = Attention.forward(a.rows(s.batch, s.heads, s.rows, s.dim),
            a.rows(s.batch, s.kvHeads, s.keys, s.dim), a.rows(s.batch, s.kvHeads, s.keys, s.valueDim), options(a, s));
        yield list(r.out(), r.lse());
      }
    };
  }

  private static Tensor[] packedSequences(Arguments a) {
    int items = 1 + a.below(3);
    long[] q = new long[items + 1];
    long[] kv = new long[items + 1];
    for (int i = 1; i <= items; i++) {
      q[i] = q[i - 1] + a.below(4);
      kv[i] = kv[i - 1] + a.below(6);
    }
    return list(Attention.apply(a.rows(1, 2, q[items], 3), a.rows(1, 2, kv[items], 3), a.rows(1, 2, kv[items], 3),
        Options.DEFAULT.window(a.of(Attention.Alignment.values()), -1, a.integer(0)).packed(a.integers(q), a.integers(kv))));
  }

  private static Tensor[] paged(Arguments a) {
    int perItem = 1 + a.below(3);
    int pageSize = 1 + a.below(5);
    long[] pages = new long[2 * perItem];
    Arrays.setAll(pages, i -> a.below(4));
    long[] lengths = {a.below(perItem * pageSize + 1), a.below(perItem * pageSize + 1)};
    return list(Attention.apply(a.rows(2, 4, 1 + a.below(3), 3), a.rows(4, 2, pageSize, 3), a.rows(4, 2, pageSize, 3),
        Options.DEFAULT.paged(a.integers(pages), a.integer(perItem), a.integers(lengths))));
  }

  private static Tensor[] attentionInto(Arguments a) {
    Shape s = new Shape(a);
    Tensor out = a.rows(s.batch, s.heads, s.rows, s.valueDim);
    Attention.into(a.rows(s.batch, s.heads, s.rows, s.dim), a.rows(s.batch, s.kvHeads, s.keys, s.dim),
        a.rows(s.batch, s.kvHeads, s.keys, s.valueDim), options(a, s), out);
    return list(out.reshape(out.shape()));
  }

  private static Tensor[] attentionBackward(Arguments a) {
    Shape s = new Shape(a);
    Options o = options(a, s);
    Attention.Gradients g = Attention.backward(a.rows(s.batch, s.heads, s.rows, s.dim),
        a.rows(s.batch, s.kvHeads, s.keys, s.dim), a.rows(s.batch, s.kvHeads, s.keys, s.valueDim), o,
        new Attention.Result(a.rows(s.batch, s.heads, s.rows, s.valueDim), a.tensor(s.batch, s.heads, s.rows)),
        a.rows(s.batch, s.heads, s.rows, s.valueDim), o.bias() != null && a.oneIn(2));
    return list(g.dq(), g.dk(), g.dv(), g.dbias());
  }

  private static Tensor[] cache(Arguments a) {
    try (KvCache cache = new KvCache(a.device(), a.integer(2), a.integer(2), a.integer(3), a.integer(4), a.integer(1 + a.below(4)))) {
      for (int step = 0; step < 3; step++) {
        int n = a.size();
        cache.append(a.tensor(2, 2, n, 3), a.tensor(2, 2, n, 4));
        if (a.oneIn(4)) {
          cache.truncate(a.integer(a.below((int) cache.length() + 1)));
        }
      }
      return list(cache.attend(a.rows(2, 4, 1 + a.below(2), 3), Options.causal(Attention.Alignment.BOTTOM_RIGHT)));
    }
  }

  private static Tensor[] pagedCache(Arguments a) {
    try (PagedKvCache cache = new PagedKvCache(a.device(), a.smallInteger(6), a.integer(4), a.integer(2), a.integer(3), a.integer(3))) {
      int[] order = {cache.open(), cache.open()};
      for (int step = 0; step < 3; step++) {
        int n = a.size();
        cache.append(a.smallInteger(order[a.below(2)]), a.tensor(2, n, 3), a.tensor(2, n, 3));
        if (a.oneIn(6)) {
          cache.release(order[0]);
          order[0] = cache.open();
        }
      }
      return list(cache.attend(a.rows(2, 4, 1, 3), order, Options.DEFAULT));
    }
  }

  private static Tensor[] elementwise(Arguments a) {
    Elementwise.Op op = a.of(Elementwise.Op.values());
    long[] shape = a.anyShape();
    boolean two = op != null && op.operands() == 2;
    return list(Elementwise.apply(op, a.tensor(shape), two ? a.oneIn(3) ? a.tensor(1) : a.tensor(shape) : null, a.number(2)));
  }

  private static Tensor[] elementwiseInto(Arguments a) {
    Elementwise.Op op = a.of(Elementwise.Op.values());
    long[] shape = a.anyShape();
    boolean two = op != null && op.operands() == 2;
    Tensor out = a.tensor(shape);
    Elementwise.run(op, a.oneIn(3) ? out : a.tensor(shape), two ? a.tensor(shape) : null, out, a.number(2));
    return list(out.reshape(out.shape()));
  }

  private static Tensor[] cast(Arguments a) {
    try (Tensor narrow = Cast.apply(a.tensor(a.anyShape()), a.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16))) {
      return list(narrow.to(a.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16)));
    }
  }

  private static Tensor[] castInto(Arguments a) {
    long[] shape = a.anyShape();
    DType type = a.of(DType.BFLOAT16, DType.FLOAT16);
    try (Tensor y = Tensor.empty(a.device(), type, a.integers(shape))) {
      Cast.into(a.tensor(shape), y);
      return list(y.copy());
    }
  }

  private static Tensor[] softmax(Arguments a) {
    Tensor x = a.tensor(a.size(), a.size(), a.size());
    int dim = a.smallInteger(a.below(3));
    return list(a.flag() ? Softmax.softmax(x, dim) : Softmax.logSoftmax(x, dim));
  }

  private static Tensor[] softmaxBackward(Arguments a) {
    int n = a.size();
    Tensor y = a.tensor(3, n);
    Tensor dy = a.tensor(3, n);
    int dim = a.smallInteger(a.below(2));
    return list(a.flag() ? Softmax.backward(y, dy, dim) : Softmax.logBackward(y, dy, dim));
  }

  private static Tensor[] layernorm(Arguments a) {
    int n = a.size();
    LayerNorm.Result r = LayerNorm.forward(a.tensor(a.size(), 2, n), a.oneIn(3) ? null : a.tensor(n),
        a.oneIn(3) ? null : a.tensor(n), a.number(1e-5));
    return list(r.y(), r.mean(), r.rstd());
  }

  private static Tensor[] layernormBackward(Arguments a) {
    int n = 1 + a.size();
    int rows = a.size();
    LayerNorm.Gradients g = LayerNorm.backward(a.tensor(rows, n), a.oneIn(3) ? null : a.tensor(n), a.tensor(rows, n),
        a.tensor(rows), a.tensor(rows));
    return list(g.dx(), g.dgamma(), g.dbeta());
  }

  private static Tensor[] reduce(Arguments a) {
    return list(Reduce.apply(a.of(Reduce.Op.values()), a.tensor(a.size(), a.size(), a.size()), a.smallInteger(a.below(3)), a.flag()));
  }

  private static Tensor[] reduceBackward(Arguments a) {
    return list(Reduce.backward(a.of(Reduce.Op.SUM, Reduce.Op.MEAN), a.tensor(a.size(), a.size()),
        a.smallInteger(a.below(3)), a.integer(a.size())));
  }

  private static Tensor[] embedding(Arguments a) {
    int rows = 1 + a.below(5);
    return list(Embedding.lookup(a.tensor(rows, a.size()), a.indices(a.size(), rows)));
  }

  private static Tensor[] embeddingBackward(Arguments a) {
    int rows = 1 + a.below(5);
    int count = a.size();
    return list(Embedding.backward(a.tensor(count, a.size()), a.indices(count, rows), a.integer(rows)));
  }

  private static Resize.Options resizeOptions(Arguments a) {
    return new Resize.Options(a.of(Resize.Mode.values()), a.of(Resize.Coordinates.values()), a.of(Resize.Rounding.values()),
        a.of(Resize.Region.ALL, new Resize.Region(a.number(-0.5), a.number(0), a.number(1), a.number(1.5), a.number(3))));
  }

  private static Resize.Target resizeTarget(Arguments a) {
    return switch (a.below(4)) {
      case 0 -> Resize.Target.scale(a.number(1 + a.below(3)), a.number(1.5));
      case 1 -> Resize.Target.notSmaller(a.integer(4), a.integer(1 + a.below(9)));
      case 2 -> Resize.Target.notLarger(a.integer(30), a.integer(60));
      default -> Resize.Target.size(a.integer(1 + a.below(9)), a.integer(1 + a.below(30)));
    };
  }

  private static Tensor[] resize(Arguments a) {
    return list(Resize.apply(a.tensor(a.size(), a.size(), 1 + a.below(6), 1 + a.below(20)), resizeTarget(a), resizeOptions(a)));
  }

  private static Tensor[] resizeBackward(Arguments a) {
    int rows = 1 + a.below(9);
    int columns = 1 + a.below(30);
    return list(Resize.backward(a.tensor(a.size(), rows, columns), a.integer(1 + a.below(6)), a.integer(1 + a.below(20)),
        Resize.Target.size(rows, columns), resizeOptions(a)));
  }

  private static Tensor[] batchnorm(Arguments a) {
    int c = a.size();
    return list(BatchNorm.apply(a.tensor(a.size(), c, a.size(), a.size()), a.oneIn(3) ? null : a.tensor(c),
        a.oneIn(3) ? null : a.tensor(c), a.tensor(c), a.tensor(c), a.number(1e-5), a.flag()));
  }

  private static Tensor[] batchnormTraining(Arguments a) {
    int c = a.size();
    Tensor x = a.oneIn(3) ? a.tensor(2, c) : a.tensor(2, c, 1 + a.below(20));
    if (a.flag()) {
      BatchNorm.Result r = BatchNorm.train(x, a.oneIn(3) ? null : a.tensor(c), a.oneIn(3) ? null : a.tensor(c), a.number(1e-5), a.flag());
      return list(r.y(), r.mean(), r.variance(), r.rstd());
    }
    BatchNorm.Result r = BatchNorm.train(x, null, null, a.number(1e-5), a.flag(),
        new BatchNorm.Running(a.rows(c), a.rows(c), a.number(0.1), a.flag()));
    return list(r.y(), r.mean(), r.variance(), r.rstd());
  }

  private static Tensor[] batchnormBackward(Arguments a) {
    int c = a.size();
    int n = a.size();
    int s = a.size();
    BatchNorm.Gradients g = BatchNorm.backward(a.tensor(n, c, s), a.oneIn(3) ? null : a.tensor(c), a.tensor(n, c, s),
        a.oneIn(2) ? null : a.tensor(n, c, s), a.tensor(c), a.tensor(c), a.flag());
    return list(g.dx(), g.dgamma(), g.dbeta());
  }

  private static Tensor[] batchnormFold(Arguments a) {
    int c = a.size();
    Tensor bias = a.oneIn(2) ? null : a.tensor(2 * c);
    BatchNorm.Folded f = a.flag()
        ? BatchNorm.fold(a.tensor(2 * c, a.size(), 3), bias, null, a.tensor(2 * c), a.tensor(2 * c), a.tensor(2 * c), a.number(1e-5))
        : BatchNorm.foldTransposed(a.tensor(4, c, 3), bias, a.integer(2), null, null, a.tensor(2 * c), a.tensor(2 * c), a.number(1e-5));
    return list(f.weight(), f.bias());
  }

  private static Tensor[] views(Arguments a) {
    List<Tensor> chain = new ArrayList<>();
    chain.add(a.tensor(a.size(), a.size(), a.size()));
    try {
      for (int step = 0; step < 3; step++) {
        Tensor t = chain.getLast();
        if (t == null) {
          return list();
        }
        chain.add(switch (a.below(10)) {
          case 0 -> t.transpose(a.smallInteger(a.below(3)), a.smallInteger(a.below(3)));
          case 1 -> t.permute(a.smallInteger(2), a.smallInteger(0), a.smallInteger(1));
          case 2 -> t.slice(a.smallInteger(0), a.integer(0), a.integer(1));
          case 3 -> t.select(a.smallInteger(0), a.integer(0));
          case 4 -> t.reshape(a.integers(-1, 2));
          case 5 -> t.expand(a.integers(t.shape()));
          case 6 -> t.unsqueeze(a.smallInteger(1));
          case 7 -> t.squeeze(a.smallInteger(0));
          case 8 -> t.contiguous();
          default -> t.copy();
        });
      }
      return list(chain.getLast().copy());
    } finally {
      chain.stream().skip(1).forEach(Tensor::close);
    }
  }

  /** A view of any geometry: accepted or refused, but what it shows need not be written by anybody. */
  private static Tensor[] geometry(Arguments a) {
    Tensor t = a.tensor(a.size(), a.size());
    if (t != null) {
      try (Tensor view = t.view(a.integer(t.offset()), a.integers(t.shape()), a.integers(t.strides()))) {
        view.toFloats();
      }
    }
    return list();
  }

  private static Tensor[] creation(Arguments a) {
    return switch (a.below(6)) {
      case 0 -> {
        Tensor t = Tensor.empty(a.device(), a.of(DType.values()), a.integers(2, 3));
        t.close();
        yield list();
      }
      case 1 -> {
        Tensor t = Tensor.zeros(a.device(), a.of(DType.values()), a.integers(2, 3));
        try (t) {
          yield list(t.dtype() == DType.FLOAT32 ? t.copy() : null);
        }
      }
      case 2 -> list(Tensor.of(a.device(), new float[6], a.integers(2, 3)));
      case 3 -> {
        try (Tensor wrapped = Tensor.wrap(new float[6], a.integers(2, 3)); Tensor there = wrapped.to(a.device())) {
          yield list(there.copy());
        }
      }
      case 4 -> {
        Tensor target = a.rows(2, 3);
        if (target == null) {
          yield list();
        }
        target.assign(a.tensor(2, 3));
        yield list(target.reshape(target.shape()));
      }
      default -> {
        Devices.get(a.of("java", "cpu", "best", "cpu:none", "", "cuda:-1", ":"));
        yield list();
      }
    };
  }
}
