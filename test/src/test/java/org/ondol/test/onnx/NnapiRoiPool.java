package org.ondol.test.onnx;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.RoiPool;
import org.ondol.ops.Rois;

/** One Android case of ROI_POOLING: channels last, one scale for both axes, operands by position. */
final class NnapiRoiPool {
  private final JsonObject test;
  private final JsonObject node;

  NnapiRoiPool(JsonObject test) {
    this.test = test;
    node = test.getAsJsonArray("ops").get(0).getAsJsonObject();
  }

  int number() {
    return test.get("case").getAsInt();
  }

  private float[] data(String name) {
    return ConvConformanceTest.floats(test.getAsJsonObject("data").getAsJsonArray(name));
  }

  float[] expected() {
    return data(node.getAsJsonArray("outputs").get(0).getAsString());
  }

  private JsonObject operand(int i) {
    return node.getAsJsonArray("inputs").get(i).getAsJsonObject();
  }

  private Tensor tensor(Device device, int i) {
    String name = operand(i).get("ref").getAsString();
    JsonArray shape = test.getAsJsonObject("tensors").getAsJsonObject(name).getAsJsonArray("shape");
    return Tensor.of(device, data(name), ConvConformanceTest.longs(shape));
  }

  float[] run(Device device) {
    if (operand(7).get("value").getAsBoolean() || operand(5).get("value").getAsDouble() != operand(6).get("value").getAsDouble()) {
      throw new IllegalArgumentException("channels first, or two scales");
    }
    try (Scope scope = Scope.open()) {
      long[] images = ConvConformanceTest.longs(operand(2).getAsJsonArray("value"));
      try (Rois rois = Rois.of(tensor(device, 1), Tensor.of(device, images, images.length))) {
        Tensor y = RoiPool.max(tensor(device, 0).permute(0, 3, 1, 2), rois, 1 / operand(5).get("value").getAsDouble(),
            operand(3).get("value").getAsLong(), operand(4).get("value").getAsLong());
        return y.permute(0, 2, 3, 1).toFloats();
      }
    }
  }
}
