package org.ondol.models.detection;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Value;
import org.ondol.models.images.Picture;
import org.ondol.models.layers.Inference;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Statistics;

/**
 * Faster R-CNN (S. Ren, K. He, R. Girshick and J. Sun, Faster R-CNN: Towards Real-Time Object Detection with Region
 * Proposal Networks, 2015): Fast R-CNN whose proposals come from a network over the same map.
 *
 * <pre>
 * map    = trunk(image)                                      shared by both
 * p, t   = small network over 3 x 3 cells, for each of k anchors: an object?, four deltas     section 3.1
 * L_rpn  = 1/N_cls sum L_cls(p_i, p*_i) + lambda/N_reg sum p*_i L_reg(t_i, t*_i)    equation 1: {@link RegionProposals}
 * r      = the boxes that t makes of the anchors of greatest p, without those that overlap a better one
 * L_fast = Fast R-CNN's loss of the regions r                {@link RegionHead}
 * L      = L_rpn + L_fast
 * </pre>
 *
 * Trained end to end, approximately (section 3.2, way ii): both losses flow into the map, and the coordinates of r
 * count as constants.
 */
public final class FasterRcnn extends RegionDetector {
  /**
   * Its form.
   *
   * @param joined channels of a map of the trunk's two coarsest, or 0 for the coarsest one alone, as in the paper
   * @param before boxes that go into the suppression of proposals: 6000 in the paper, where an image has about 20000
   * @param learning proposals of an image that are sampled from in training, 2000 in the paper
   * @param after proposals of an image that are looked at, 300 in the paper
   */
  public record Options(long joined, RegionProposals.Options proposals, int before, int learning, int after,
      RegionHead.Options head, RegionTargets.Options targets, RegionHead.Choice choice) {
    public Options {
      if (proposals == null) throw new InvalidArgumentException("proposals", "null", "options");
      if (targets == null) throw new InvalidArgumentException("targets", "null", "options");
      if (before < 1) throw new InvalidArgumentException("before", before, "at least 1");
      if (learning < 1) throw new InvalidArgumentException("learning", learning, "at least 1");
      if (after < 1) throw new InvalidArgumentException("after", after, "at least 1");
    }
  }

  private final Options options;
  private final RegionProposals network;

  /** First values. */
  public FasterRcnn(Parts parts, Options options) {
    super(parts, options.joined, options.head, options.choice);
    this.options = options;
    network = new RegionProposals(parts.units().under("rpn"), map().channels(), options.proposals);
  }

  @Override
  Map<String, Value> losses(Value map, RegionMap.Cells cells, List<List<LabelledBox>> truths, List<Tensor> proposals,
      Generator random) {
    long anchorSeed = random.nextLong();
    long regionSeed = random.nextLong();
    Tensor anchors = network.anchors(device(), cells);
    List<Value> outputs = network.run(new Net.OnTape(map.tape(), Statistics.RUNNING), map);
    RegionProposals.Targets wanted =
        RegionProposals.targets(anchors, truths, cells.image(), options.proposals, anchorSeed);
    Map<String, Value> losses = new LinkedHashMap<>(network.losses(outputs, wanted, cells));

    List<Tensor> now = outputs.stream().map(Value::tensor).toList();
    List<Tensor> regions = proposals != null ? proposals
        : network.propose(now, anchors, cells.image(), options.before, options.learning);
    losses.putAll(head().losses(map, cells,
        RegionTargets.of(device(), regions, truths, classes().size(), options.targets, regionSeed)));
    return losses;
  }

  /** Null: it makes its own. */
  @Override
  public float[] propose(Picture picture) {
    return null;
  }

  @Override
  Tensor regions(Inference inference, Tensor map, RegionMap.Cells cells) {
    List<Tensor> outputs = inference.maps(network::run, map);
    Tensor anchors = network.anchors(device(), cells);
    return network.propose(outputs, anchors, cells.image(), options.before, options.after).getFirst();
  }
}
