package org.ondol.test.onnx;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.function.Function;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.Elementwise;

/** One Android case of DEPTHWISE_CONV_2D or TRANSPOSE_CONV_2D: channels last, operands by position. */
final class NnapiConv {
  private static final int SAME = 1;
  private static final int RELU6 = 3;

  private final JsonObject test;
  private final String op;
  private final JsonArray operands;

  NnapiConv(JsonObject test) {
    this.test = test;
    JsonObject node = test.getAsJsonArray("ops").get(0).getAsJsonObject();
    op = node.get("op").getAsString();
    operands = node.getAsJsonArray("inputs");
  }

  int number() {
    return test.get("case").getAsInt();
  }

  float[] expected() {
    String output = test.getAsJsonArray("ops").get(0).getAsJsonObject().getAsJsonArray("outputs").get(0).getAsString();
    return ConvConformanceTest.floats(test.getAsJsonObject("data").getAsJsonArray(output));
  }

  private int scalar(int i) {
    return operands.get(i).getAsJsonObject().get("value").getAsInt();
  }

  /** An operand of float32, given in place or by name. */
  private Tensor tensor(Device device, int i) {
    JsonObject o = operands.get(i).getAsJsonObject();
    if (!o.has("ref")) {
      return Tensor.of(device, ConvConformanceTest.floats(o.getAsJsonArray("value")),
          ConvConformanceTest.longs(o.getAsJsonArray("shape")));
    }
    String name = o.get("ref").getAsString();
    return Tensor.of(device, ConvConformanceTest.floats(test.getAsJsonObject("data").getAsJsonArray(name)),
        ConvConformanceTest.longs(test.getAsJsonObject("tensors").getAsJsonObject(name).getAsJsonArray("shape")));
  }

  float[] run(Device device) {
    try (Scope scope = Scope.open()) {
      Tensor x = tensor(device, 0).permute(0, 3, 1, 2);
      Tensor bias = tensor(device, 2);
      Tensor y = op.equals("DEPTHWISE_CONV_2D") ? depthwise(x, tensor(device, 1), bias)
          : transposed(x, tensor(device, 1), bias);
      return y.permute(0, 2, 3, 1).toFloats();
    }
  }

  /** 0: none, 1: relu, 3: relu cut at 6. */
  private static Tensor activated(int code, Function<Conv.Epilogue, Tensor> call, Tensor bias) {
    Conv.Epilogue epilogue = Conv.Epilogue.bias(bias).activation(code == 0 ? Activation.NONE : Activation.RELU);
    if (code == RELU6) {
      Tensor y = call.apply(epilogue);
      return Elementwise.apply(Elementwise.Op.MIN, y, Tensor.of(y.device(), new float[] {6}, 1));
    }
    if (code > 1) {
      throw new IllegalArgumentException("activation " + code);
    }
    return call.apply(epilogue);
  }

  /**
   * filter [1, h, w, out]; the paddings (left, right, top, bottom) or a scheme, strides w and h, multiplier,
   * activation.
   */
  private Tensor depthwise(Tensor x, Tensor filter, Tensor bias) {
    boolean scheme = operands.size() == 8;
    int at = scheme ? 4 : 7;
    Tensor w = filter.permute(3, 0, 1, 2);
    ConvGeometry strided = ConvGeometry.UNIT.groups(x.size(1)).stride(scalar(at + 1), scalar(at));
    ConvGeometry g = !scheme ? strided.padding(scalar(5), scalar(3), scalar(6), scalar(4))
        : scalar(3) == SAME ? strided.same(x.size(2), x.size(3), w.size(2), w.size(3), true) : strided;
    if (w.size(0) != x.size(1) * scalar(at + 2)) {
      throw new IllegalArgumentException("multiplier " + scalar(at + 2));
    }
    return activated(scalar(at + 3), e -> Conv.apply(x, w, g, e), bias);
  }

  /**
   * filter [out, h, w, in]; output shape and scheme, or paddings (left, right, top, bottom); strides w and h,
   * activation.
   */
  private Tensor transposed(Tensor x, Tensor filter, Tensor bias) {
    Tensor w = filter.permute(3, 0, 1, 2);
    if (operands.size() == 11) {
      ConvGeometry g = ConvGeometry.UNIT.stride(scalar(8), scalar(7)).padding(scalar(5), scalar(3), scalar(6),
          scalar(4));
      return activated(scalar(9), e -> Deconv.apply(x, w, g, e), bias);
    }
    ConvGeometry strided = ConvGeometry.UNIT.stride(scalar(6), scalar(5));
    long[] wanted = ConvConformanceTest.longs(operands.get(3).getAsJsonObject().getAsJsonArray("value"));
    long[] full = Deconv.outputShape(x, w, strided, 0, 0);
    long extraH = Math.max(0, wanted[1] - full[2]);
    long extraW = Math.max(0, wanted[2] - full[3]);
    ConvGeometry g = Deconv.geometryFor(x, w, strided, wanted[1] - extraH, wanted[2] - extraW, true);
    return activated(scalar(7), e -> Deconv.apply(x, w, g, extraH, extraW, e), bias);
  }
}
