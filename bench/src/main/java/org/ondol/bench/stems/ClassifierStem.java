package org.ondol.bench.stems;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OnnxNet;
import org.ondol.bench.peers.OnnxSession;
import org.ondol.bench.peers.TorchNet;
import org.ondol.models.layers.Inference;

/** Whole networks that classify images, forward. Peers run the same network with the same weights. */
public final class ClassifierStem implements Stem<ClassifierCase> {
  private final List<String> devices;
  private final ClassifierCase.Kind kind;

  private ClassifierStem(List<String> devices, ClassifierCase.Kind kind) {
    this.devices = devices;
    this.kind = kind;
  }

  public static ClassifierStem squeezeNet(List<String> devices) {
    return new ClassifierStem(devices, ClassifierCase.Kind.SQUEEZENET);
  }

  public static ClassifierStem vgg16(List<String> devices) {
    return new ClassifierStem(devices, ClassifierCase.Kind.VGG16);
  }

  @Override
  public String name() {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public List<ClassifierCase> cases() {
    return List.of(new ClassifierCase(kind, 1), new ClassifierCase(kind, 8));
  }

  @Override
  public double leastWarmUp() {
    return kind == ClassifierCase.Kind.VGG16 ? 2_000 : 5_000;
  }

  @Override
  public List<Contender<ClassifierCase>> contenders(ClassifierCase c) {
    List<Contender<ClassifierCase>> all = new ArrayList<>();
    devices.forEach(device -> all.add(new Ondol(device, "", new Inference())));
    devices.forEach(device -> all.add(new Ondol(device, "winograd", Inference.winograd())));
    all.add(new Onnx());
    all.add(new Torch());
    return all;
  }

  private static final class Ondol extends OndolContender<ClassifierCase> {
    private final Inference inference;
    private ClassifierCase.Classifier net;
    private Tensor images;
    private Tensor scores;

    Ondol(String device, String variant, Inference inference) {
      super(device, variant);
      this.inference = inference;
    }

    @Override
    protected void load(ClassifierCase c) throws Exception {
      net = c.kind.of(device);
      images = Tensor.of(device, c.images(), c.shape());
    }

    @Override
    public void run() {
      release();
      scores = inference.map(net::logits, images);
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("scores", scores.toFloats());
    }

    private void release() {
      if (scores != null) scores.close();
      scores = null;
    }

    @Override
    public void close() {
      release();
      inference.close();
      if (images != null) images.close();
    }
  }

  private static final class Onnx implements Contender<ClassifierCase> {
    private OnnxSession session;

    @Override
    public String name() {
      return "onnxruntime";
    }

    @Override
    public String variant() {
      return "";
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public void prepare(ClassifierCase c) throws Exception {
      OnnxNet net = new OnnxNet();
      session = new OnnxSession(net.bytes(c.kind.host().logits(net, net.input("image", c.shape()))));
      session.input("image", c.images(), c.shape());
      session.output(session.outputNames().iterator().next(), session.outputShape());
    }

    @Override
    public void run() throws Exception {
      session.run();
    }

    @Override
    public Map<String, float[]> result() {
      float[] scores = new float[session.onlyResult().capacity()];
      session.onlyResult().get(0, scores);
      return Map.of("scores", scores);
    }

    @Override
    public void close() throws Exception {
      if (session != null) session.close();
    }
  }

  private static final class Torch implements Contender<ClassifierCase> {
    private TorchNet net;

    @Override
    public String name() {
      return "libtorch";
    }

    @Override
    public String variant() {
      return "djl";
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public void prepare(ClassifierCase c) throws Exception {
      ClassifierCase.Classifier host = c.kind.host();
      net = new TorchNet(host::logits, c.images(), c.shape());
      net.run();
    }

    @Override
    public void run() {
      net.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("scores", net.result());
    }

    @Override
    public void close() {
      if (net != null) net.close();
    }
  }
}
