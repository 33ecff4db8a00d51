package org.ondol.test.onnx;

import org.ondol.Tensor;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.RoiAlign.Op;
import org.ondol.ops.Rois;

/** ONNX's RoiAlign with its attributes as a call of Ondol's. */
final class OnnxRoiAlign {
  private OnnxRoiAlign() {}

  static Tensor run(OnnxCase c, Tensor x, Tensor boxes) {
    boolean aligned = c.opset() >= 16 && c.stringAttribute("coordinate_transformation_mode", "half_pixel").equals("half_pixel");
    Op op = c.stringAttribute("mode", "avg").equals("max") ? Op.MAX_CORNERS : Op.AVERAGE;
    long sampling = c.intAttribute("sampling_ratio", 0);
    long[] images = c.input(2).longs();
    try (Rois rois = Rois.of(boxes, Tensor.of(x.device(), images, images.length))) {
      return RoiAlign.apply(x, c.floatAttribute("spatial_scale", 1), rois, c.intAttribute("output_height", 1),
          c.intAttribute("output_width", 1), new RoiAlign.Options(op, aligned, sampling, sampling));
    }
  }
}
