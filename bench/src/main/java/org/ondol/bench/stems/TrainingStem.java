package org.ondol.bench.stems;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;

/** A step of training of whole models, beside libtorch through DJL with its gradients and its Adam. */
public final class TrainingStem implements Stem<TrainingCase> {
  private final List<String> devices;

  public TrainingStem(List<String> devices) {
    this.devices = devices;
  }

  @Override
  public String name() {
    return "training";
  }

  @Override
  public List<TrainingCase> cases() {
    List<TrainingCase> all = new ArrayList<>();
    all.add(LatentTraining.vae("dense", 100));
    all.add(LatentTraining.vae("conv", 100));
    all.add(LatentTraining.dcgan(64, 32));
    all.add(PixelTraining.pixelCnn(6, 32, 16));
    return all;
  }

  @Override
  public List<Contender<TrainingCase>> contenders(TrainingCase testCase) {
    List<Contender<TrainingCase>> all = new ArrayList<>();
    for (String device : devices) all.add(new Ours(device));
    all.add(new LibTorch());
    return all;
  }

  private static final class Ours extends OndolContender<TrainingCase> {
    private TrainingCase.Steps steps;
    private Map<String, float[]> firstSteps;

    Ours(String device) {
      super(device, "");
    }

    @Override
    protected void load(TrainingCase testCase) {
      steps = testCase.ondol(device);
      firstSteps = testCase.firstSteps(steps);
    }

    @Override
    public void run() {
      steps.step();
    }

    @Override
    public Map<String, float[]> result() {
      return firstSteps;
    }

    @Override
    public void close() {
      if (steps != null) steps.close();
    }
  }

  private static final class LibTorch implements Contender<TrainingCase> {
    private TrainingCase.Steps steps;
    private Map<String, float[]> firstSteps;

    @Override
    public String name() {
      return "libtorch";
    }

    @Override
    public String variant() {
      return "djl, autograd and adam";
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public void prepare(TrainingCase testCase) throws Exception {
      steps = testCase.torch();
      firstSteps = testCase.firstSteps(steps);
    }

    @Override
    public void run() {
      steps.step();
    }

    @Override
    public Map<String, float[]> result() {
      return firstSteps;
    }

    @Override
    public void close() {
      if (steps != null) steps.close();
    }
  }
}
