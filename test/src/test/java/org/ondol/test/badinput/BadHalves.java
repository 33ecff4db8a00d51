package org.ondol.test.badinput;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.ondol.ClosedException;
import org.ondol.DType;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Attention;
import org.ondol.ops.Cast;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.Elementwise;
import org.ondol.ops.FilterMask;
import org.ondol.ops.Gemm;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.PackedFilter;
import org.ondol.ops.PackedMatrix;
import org.ondol.ops.Precision;
import org.ondol.ops.Winograd;
import org.ondol.test.badinput.BadInputTest.Row;

/** 16-bit tensors, casts, and precisions that do not go with the operands. */
final class BadHalves {
  private static Tensor t(Device d, long... shape) {
    return Tensor.zeros(d, shape);
  }

  private static Tensor brain(Device d, long... shape) {
    return Tensor.zeros(d, DType.BFLOAT16, shape);
  }

  private static Tensor elsewhere(Device d, long... shape) {
    return Tensor.zeros(Device.of(d.name().equals("java:scalar") ? "java" : "java:scalar"), DType.FLOAT16, shape);
  }

  private static Attention.Options plain() {
    return Attention.Options.DEFAULT;
  }

  static final List<Row> TENSORS = List.of(
      new Row("shorts as a type of four bytes", DTypeException.class, "dtype", "FLOAT32",
          d -> Tensor.of(d, new short[2], DType.FLOAT32, 2)),
      new Row("shorts of no type", InvalidArgumentException.class, "dtype", "null", d -> Tensor.wrap(new short[2], null, 2)),
      new Row("null shorts", InvalidArgumentException.class, "bits", "null", d -> Tensor.of(d, null, DType.FLOAT16, 2)),
      new Row("shorts of another size", ShapeException.class, "shape", "[3]", d -> Tensor.wrap(new short[2], DType.FLOAT16, 3)),
      new Row("wrap of bytes as halves", InvalidArgumentException.class, "data", "array",
          d -> Tensor.wrap(MemorySegment.ofArray(new byte[4]), DType.BFLOAT16, 2)),
      new Row("wrap of halves at an odd address", InvalidArgumentException.class, "data", "alignment",
          d -> Tensor.wrap(MemorySegment.ofArray(new short[4]).asSlice(1, 4), DType.FLOAT16, 2)),
      new Row("shorts of floats", DTypeException.class, "tensor", "FLOAT32", d -> t(d, 2).toShorts()),
      new Row("assign of floats to halves", DTypeException.class, "source", "FLOAT32", d -> brain(d, 2).assign(t(d, 2))),
      new Row("to no type", InvalidArgumentException.class, "type", "null", d -> t(d, 2).to((DType) null)),
      new Row("to integers", DTypeException.class, "type", "INT32", d -> t(d, 2).to(DType.INT32)),
      new Row("integers to floats", DTypeException.class, "x", "INT64", d -> Tensor.of(d, new long[2], 2).to(DType.FLOAT16)),
      new Row("to a type after close", ClosedException.class, null, "closed", d -> {
        Tensor x = t(d, 2);
        x.close();
        x.to(DType.FLOAT16);
      }),
      new Row("cast: null x", InvalidArgumentException.class, "x", "null", d -> Cast.apply(null, DType.FLOAT16)),
      new Row("cast: null y", InvalidArgumentException.class, "y", "null", d -> Cast.into(t(d, 2), null)),
      new Row("cast: another shape", ShapeException.class, "y", "[3]", d -> Cast.into(t(d, 2), brain(d, 3))),
      new Row("cast: y elsewhere", DeviceMismatchException.class, "y", "to(\"", d -> Cast.into(t(d, 2), elsewhere(d, 2))),
      new Row("cast: into integers", DTypeException.class, "y", "UINT8",
          d -> Cast.into(t(d, 2), Tensor.empty(d, DType.UINT8, 2))),
      new Row("cast: y over x", InvalidArgumentException.class, "y", "overlapping x", d -> {
        Tensor x = brain(d, 6);
        Cast.into(x.slice(0, 0, 4), x.slice(0, 2, 6));
      }),
      new Row("cast: y whose elements are one", ShapeException.class, "y", "distinct",
          d -> Cast.into(t(d, 4), brain(d, 1).expand(4))),
      new Row("cast: strided at rank 7", ShapeException.class, "x", "rank of at most 6",
          d -> Cast.into(t(d, 2, 1, 2, 1, 1, 1, 2).transpose(0, 6), brain(d, 2, 1, 2, 1, 1, 1, 2))),
      new Row("elementwise: halves", DTypeException.class, "x", "BFLOAT16", d -> Elementwise.relu(brain(d, 2))));

  static final List<Row> PRECISIONS = List.of(
      new Row("gemm: operands of two types", DTypeException.class, "b", "BFLOAT16", d -> Gemm.matmul(t(d, 2, 2), brain(d, 2, 2))),
      new Row("gemm: TF32 of halves", DTypeException.class, "a", "FLOAT32 for precision TF32",
          d -> Gemm.matmul(brain(d, 2, 2), brain(d, 2, 2), Gemm.Epilogue.NONE.precision(Precision.TF32))),
      new Row("gemm: BFLOAT16 of floats", DTypeException.class, "a", "BFLOAT16 for precision BFLOAT16",
          d -> Gemm.matmul(t(d, 2, 2), t(d, 2, 2), Gemm.Epilogue.NONE.precision(Precision.BFLOAT16))),
      new Row("gemm: gradient of another type", DTypeException.class, "dc", "BFLOAT16",
          d -> Gemm.backward(t(d, 2, 2), t(d, 2, 2), brain(d, 2, 2))),
      new Row("gemm: gradient in EXACT of halves", DTypeException.class, "a", "EXACT", d -> Gemm.backward(brain(d, 2, 2),
          brain(d, 2, 2), brain(d, 2, 2), Precision.EXACT)),
      new Row("gemm: packed weight in TF32", InvalidArgumentException.class, "precision", "packed",
          d -> Gemm.linear(t(d, 2, 2), PackedMatrix.of(t(d, 2, 2)), Gemm.Epilogue.NONE.precision(Precision.TF32))),
      new Row("gemm: packed halves", DTypeException.class, "b", "BFLOAT16", d -> PackedMatrix.of(brain(d, 2, 2))),
      new Row("attention: k of another type", DTypeException.class, "k", "BFLOAT16",
          d -> Attention.apply(t(d, 1, 1, 2, 8), brain(d, 1, 1, 2, 8), t(d, 1, 1, 2, 8), plain())),
      new Row("attention: FLOAT16 of floats", DTypeException.class, "q", "FLOAT16",
          d -> Attention.apply(t(d, 1, 1, 2, 8), t(d, 1, 1, 2, 8), t(d, 1, 1, 2, 8), plain().precision(Precision.FLOAT16))),
      new Row("attention: out of another type", DTypeException.class, "out", "BFLOAT16",
          d -> Attention.into(t(d, 1, 1, 2, 8), t(d, 1, 1, 2, 8), t(d, 1, 1, 2, 8), plain(), brain(d, 1, 1, 2, 8))),
      new Row("conv: x of another type", DTypeException.class, "x", "BFLOAT16",
          d -> Conv.apply(brain(d, 1, 2, 4, 4), t(d, 2, 2, 3, 3), ConvGeometry.UNIT, Conv.Epilogue.NONE)),
      new Row("conv: residual of another type", DTypeException.class, "residual", "BFLOAT16", d -> Conv.apply(t(d, 1, 2, 4, 4),
          t(d, 2, 2, 3, 3), ConvGeometry.UNIT, Conv.Epilogue.NONE.residual(brain(d, 1, 2, 2, 2)))),
      new Row("conv: gradient of another type", DTypeException.class, "dy", "BFLOAT16",
          d -> Conv.backward(t(d, 1, 2, 4, 4), t(d, 2, 2, 3, 3), brain(d, 1, 2, 2, 2), ConvGeometry.UNIT)),
      new Row("conv: packed filters in BFLOAT16X3", InvalidArgumentException.class, "precision", "packed",
          d -> Conv.apply(t(d, 1, 2, 4, 4), PackedFilter.conv(t(d, 2, 2, 3, 3), ConvGeometry.UNIT),
              Conv.Epilogue.NONE.precision(Precision.BFLOAT16X3))),
      new Row("conv: packed halves", DTypeException.class, "weight", "BFLOAT16",
          d -> PackedFilter.conv(brain(d, 2, 2, 3, 3), ConvGeometry.UNIT)),
      new Row("maskedconv: TF32 of halves", DTypeException.class, "x", "TF32",
          d -> MaskedConv.apply(brain(d, 1, 2, 4, 4), brain(d, 2, 2, 3, 3),
              FilterMask.raster(d, FilterMask.Type.A, 2, 2, 3, 3, 1), ConvGeometry.UNIT, Conv.Epilogue.NONE.precision(Precision.TF32))),
      new Row("deconv: x of another type", DTypeException.class, "x", "BFLOAT16",
          d -> Deconv.apply(brain(d, 1, 2, 4, 4), t(d, 2, 2, 3, 3), ConvGeometry.UNIT, Conv.Epilogue.NONE)),
      new Row("deconv: FLOAT16 of floats", DTypeException.class, "x", "FLOAT16", d -> Deconv.apply(t(d, 1, 2, 4, 4),
          t(d, 2, 2, 3, 3), ConvGeometry.UNIT, Conv.Epilogue.NONE.precision(Precision.FLOAT16))),
      new Row("winograd: halves", DTypeException.class, "weight", "BFLOAT16",
          d -> Winograd.pack(brain(d, 2, 2, 3, 3), ConvGeometry.UNIT)),
      new Row("winograd: TF32", InvalidArgumentException.class, "precision", "TF32", d -> Winograd.apply(t(d, 1, 2, 4, 4),
          Winograd.pack(t(d, 2, 2, 3, 3), ConvGeometry.UNIT), Conv.Epilogue.NONE.precision(Precision.TF32))));

  private BadHalves() {}
}
