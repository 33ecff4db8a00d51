package org.ondol.models.recipes;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.data.Batch;
import org.ondol.models.data.Examples;
import org.ondol.models.data.Truth;
import org.ondol.models.detection.Detection;
import org.ondol.models.detection.Detector;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.detection.RegionDetector;
import org.ondol.models.evaluation.AveragePrecision;
import org.ondol.models.images.Augmentation;
import org.ondol.models.images.Picture;
import org.ondol.models.training.Experiment;

/**
 * Fast or Faster R-CNN, trained by the sum of its losses on varied pictures. Proposals from elsewhere are made once for
 * each picture and move with it when it is varied.
 */
public final class RegionDetectorTraining implements Experiment, Detecting {
  /** Of gradients: those of the first steps are of a network that knows nothing. */
  private static final double CLIP = 10;

  private final RegionDetector model;
  private final Optimizer optimizer;
  private final Augmentation variation;
  /** Corners of the proposals of pictures, by the digest of their bytes: epochs, and evaluations, see them again. */
  private final Map<ByteBuffer, float[]> known = new HashMap<>();

  RegionDetectorTraining(RegionDetector model, Optimizer optimizer, Augmentation variation) {
    this.model = model;
    this.optimizer = optimizer;
    this.variation = variation;
  }

  @Override
  public Detector detector() {
    return model;
  }

  @Override
  public Parameters parameters() {
    return model.parameters();
  }

  @Override
  public Optimizer optimizer() {
    return optimizer;
  }

  /** "loss" is the sum of the others: "classes" and "boxes" of regions, "rpn objects" and "rpn boxes" of anchors. */
  @Override
  public Map<String, Double> step(Batch batch, Generator random) {
    Varied varied = varied(batch, random);
    Tensor rgb = varied.batch.inputs();
    Map<String, Double> metrics = new LinkedHashMap<>();
    metrics.put("loss", Experiment.descend(this, random, CLIP, tape -> {
      Map<String, Value> losses = model.losses(tape, rgb, varied.batch.boxes(), varied.proposals, random);
      losses.forEach((name, loss) -> metrics.put(name, (double) loss.item()));
      return losses.values().stream().reduce(Value::add).orElseGet(() -> nothing(tape));
    }));
    return metrics;
  }

  /** No loss: a step of pictures in which there is neither an object nor a proposal. */
  private Value nothing(Tape tape) {
    return tape.parameter(parameters().all().getLast()).sum().scale(0);
  }

  // ---- proposals

  /** @param proposals of each picture, or null where the model makes its own */
  private record Varied(Batch batch, List<Tensor> proposals) {}

  private Varied varied(Batch batch, Generator random) {
    List<float[]> proposals = new ArrayList<>();
    for (int i = 0; i < batch.count(); i++) proposals.add(proposals(batch.picture(i)));
    if (proposals.contains(null)) return new Varied(variation.apply(batch, random), null);
    Batch varied = variation.apply(with(batch, proposals), random);
    int proposal = model.classes().size();
    List<List<LabelledBox>> objects = new ArrayList<>();
    List<Tensor> moved = new ArrayList<>();
    for (List<LabelledBox> boxes : varied.boxes()) {
      objects.add(boxes.stream().filter(b -> b.label() < proposal).toList());
      moved.add(tensor(boxes.stream().filter(b -> b.label() == proposal).toList()));
    }
    return new Varied(varied.with(varied.values(), new Truth.Boxes(model.classes(), objects)), moved);
  }

  /** Proposals beside the objects, as those of one more class: so they are varied with the picture. */
  private Batch with(Batch batch, List<float[]> proposals) {
    List<String> classes = new ArrayList<>(model.classes());
    int proposal = classes.size();
    classes.add(" proposal");
    List<List<LabelledBox>> all = new ArrayList<>();
    for (int i = 0; i < proposals.size(); i++) {
      List<LabelledBox> boxes = new ArrayList<>(batch.boxes().get(i));
      float[] p = proposals.get(i);
      for (int k = 0; k < p.length; k += 4) boxes.add(new LabelledBox(proposal, p[k], p[k + 1], p[k + 2], p[k + 3]));
      all.add(boxes);
    }
    return batch.with(batch.values(), new Truth.Boxes(classes, all));
  }

  private Tensor tensor(List<LabelledBox> boxes) {
    float[] corners = new float[4 * boxes.size()];
    for (int i = 0; i < boxes.size(); i++) {
      LabelledBox b = boxes.get(i);
      corners[4 * i] = b.x1();
      corners[4 * i + 1] = b.y1();
      corners[4 * i + 2] = b.x2();
      corners[4 * i + 3] = b.y2();
    }
    return Tensor.of(model.device(), corners, boxes.size(), 4);
  }

  private float[] proposals(Picture picture) {
    ByteBuffer key = digest(picture);
    float[] corners = known.get(key);
    if (corners != null) return corners;
    corners = model.propose(picture);
    if (corners != null) known.put(key, corners);
    return corners;
  }

  private static ByteBuffer digest(Picture picture) {
    try {
      return ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(picture.planes()));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
  }

  // ---- measuring

  /** "error", 1 - mAP; "mAP@0.5"; and the average precision of each class. */
  @Override
  public Map<String, Double> evaluate(Examples examples, Generator random) {
    return AveragePrecision.report(new Remembering(), examples);
  }

  /** The model, which takes proposals from what is known. */
  private final class Remembering implements Detector {
    @Override
    public List<String> classes() {
      return model.classes();
    }

    @Override
    public Device device() {
      return model.device();
    }

    @Override
    public List<Detection> detect(Picture picture) {
      if (picture.width() != model.input().width() || picture.height() != model.input().height()) {
        return model.detect(picture);
      }
      return model.detect(picture, proposals(picture));
    }

    @Override
    public void close() {}
  }

  /** No pictures: it only looks at them. */
  @Override
  public Tensor sample(int count, Generator random) {
    return null;
  }

  @Override
  public void close() {
    optimizer.close();
    model.close();
  }
}
