package org.ondol.models.detection;

import java.util.List;
import java.util.Map;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Value;
import org.ondol.models.images.Picture;
import org.ondol.models.layers.Inference;
import org.ondol.models.proposals.SelectiveSearch;

/**
 * Fast R-CNN (R. Girshick, Fast R-CNN, 2015): proposals of selective search, and one network that is trained at once.
 *
 * <pre>
 * map = trunk(image)                                                       once for all regions
 * x_r = RoI pooling of region r of the map, 7 x 7 bins                     section 2.1
 * h_r = relu(fc7(relu(fc6(x_r))))
 * p_r = softmax(W_cls h_r + b_cls), over K objects and background
 * t_r = W_box h_r + b_box, four deltas for each of the K classes
 * L   = mean over r of L_cls(p_r, u_r) + [u_r >= 1] L_loc(t_r^u, v_r)      equations 1 to 3: {@link RegionHead}
 * </pre>
 *
 * Regions of a step come from few images, 64 of each, a quarter of them with IoU of at least 0.5 with an object,
 * background with 0.1 to 0.5 (section 2.3): {@link RegionTargets}. Found boxes are thinned out class by class.
 */
public final class FastRcnn extends RegionDetector implements RegionBased {
  /**
   * Its form.
   *
   * @param joined channels of a map of the trunk's two coarsest, or 0 for the coarsest one alone, as in the paper
   * @param proposals of an image that are looked at, the first ones; about 2000 in the paper
   */
  public record Options(long joined, RegionHead.Options head, RegionTargets.Options targets, RegionHead.Choice choice,
      SelectiveSearch.Options search, int proposals) {
    public Options {
      if (targets == null) throw new InvalidArgumentException("targets", "null", "options");
      if (search == null) throw new InvalidArgumentException("search", "null", "options");
      if (proposals < 1) throw new InvalidArgumentException("proposals", proposals, "at least 1");
    }
  }

  private final Options options;

  /** First values. */
  public FastRcnn(Parts parts, Options options) {
    super(parts, options.joined, options.head, options.choice);
    this.options = options;
  }

  @Override
  Map<String, Value> losses(Value map, RegionMap.Cells cells, List<List<LabelledBox>> truths, List<Tensor> proposals,
      Generator random) {
    if (proposals == null) throw new InvalidArgumentException("proposals", "null", "proposals for each image");
    return head().losses(map, cells,
        RegionTargets.of(device(), proposals, truths, classes().size(), options.targets, random.nextLong()));
  }

  /** By selective search. */
  @Override
  public float[] propose(Picture picture) {
    try (Scope scope = Scope.open()) {
      Tensor rgb = picture.tensor(Device.of("java")).squeeze(0);
      return SelectiveSearch.propose(rgb, options.search).first(options.proposals).toTensor(rgb.device()).toFloats();
    }
  }

  @Override
  Tensor regions(Inference inference, Tensor map, RegionMap.Cells cells) {
    throw new InvalidArgumentException("proposals", "null", "boxes [R, 4]");
  }
}
