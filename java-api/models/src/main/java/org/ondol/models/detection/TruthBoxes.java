package org.ondol.models.detection;

import java.util.List;
import org.ondol.Device;
import org.ondol.Tensor;

/**
 * The objects of one image as tensors of the current scope.
 *
 * @param boxes [M, 4] of those that count
 * @param labels of those
 * @param ignored [D, 4] of the difficult ones, which are neither objects nor background; null where there are none
 */
record TruthBoxes(Tensor boxes, int[] labels, Tensor ignored) {
  static TruthBoxes of(Device device, List<LabelledBox> objects) {
    List<LabelledBox> counting = objects.stream().filter(b -> !b.difficult()).toList();
    List<LabelledBox> difficult = objects.stream().filter(LabelledBox::difficult).toList();
    return new TruthBoxes(tensor(device, counting), counting.stream().mapToInt(LabelledBox::label).toArray(),
        difficult.isEmpty() ? null : tensor(device, difficult));
  }

  private static Tensor tensor(Device device, List<LabelledBox> boxes) {
    float[] corners = new float[4 * boxes.size()];
    for (int i = 0; i < boxes.size(); i++) {
      LabelledBox b = boxes.get(i);
      corners[4 * i] = b.x1();
      corners[4 * i + 1] = b.y1();
      corners[4 * i + 2] = b.x2();
      corners[4 * i + 3] = b.y2();
    }
    return Tensor.of(device, corners, boxes.size(), 4);
  }
}
