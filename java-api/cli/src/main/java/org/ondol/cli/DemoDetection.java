package org.ondol.cli;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.ondol.Device;
import org.ondol.Devices;
import org.ondol.OndolException;
import org.ondol.models.detection.Detection;
import org.ondol.models.detection.Detector;
import org.ondol.models.detection.YoloV1;
import org.ondol.models.images.Picture;
import org.ondol.models.recipes.DetectorWeights;
import org.ondol.spi.Backend;

/**
 * The part of the demo that looks at a picture, on every device: with weights and a photograph that are given or
 * downloaded; else with a detector that is trained at once on scenes that are drawn at random, and looks at another one.
 */
final class DemoDetection {
  /** Pixels of the scene that is shown, a multiple of those that the network sees. */
  private static final int SCENE = 480;
  /** Of the scene that is shown; training has those from 0 to its number of pictures. */
  private static final long SCENE_SEED = 1_000_039;
  private static final int RUNS = 5;

  private record Outcome(String device, List<Detection> found, double seconds) {}

  private final List<Backend.Status> devices;
  private final String out;
  private final List<String> failures = new ArrayList<>();

  DemoDetection(List<Backend.Status> devices, String out) {
    this.devices = devices;
    this.out = out;
  }

  /** Why devices failed. */
  List<String> failures() {
    return failures;
  }

  private interface Maker {
    DetectorWeights.Loaded on(Device device);
  }

  void photograph(Path file, Path weights) {
    Picture photo = Picture.read(file);
    DetectorWeights known = DetectorWeights.of(weights);
    System.out.println("\n" + Text.cut("Photograph: " + known.title() + " on " + file, Text.WIDTH));
    detect(photo, photo, file, device -> known.load(device, null));
  }

  /** Looks at the photograph that is kept or can be downloaded; else says why there is none, and draws a scene. */
  void downloaded(boolean offline) {
    DemoPhotograph files;
    try {
      files = DemoPhotograph.get(offline);
    } catch (IOException e) {
      Text.status("");
      System.out.println();
      Text.wrap("Picture: no photograph (" + Text.reason(e) + "), so YOLO v1 learns drawn discs, squares and triangles",
          Text.WIDTH).forEach(System.out::println);
      scene();
      return;
    }
    photograph(files.photo(), files.weights());
  }

  private void scene() {
    long start = System.nanoTime();
    try (YoloV1 trained = DemoTraining.run(Devices.best())) {
      System.out.printf("  trained from random values in %s on %s: %d steps, %d pictures%n",
          Text.time((System.nanoTime() - start) * 1e-9).strip(), trained.device(), DemoTraining.STEPS,
          DemoTraining.STEPS * DemoTraining.BATCH);
      Picture drawn = Picture.of(DrawnScene.random(new Random(SCENE_SEED)).draw(SCENE));
      detect(drawn, drawn.reduced(DemoTraining.SIDE, DemoTraining.SIDE), Path.of("a new scene"), device -> {
        Detector here = DemoTraining.to(device, trained);
        return new DetectorWeights.Loaded(here, here);
      });
    }
    System.out.println("  \"./ondol demo --photo PHOTO --weights PATH\" looks at a photograph");
  }

  /** @param seen the picture, perhaps smaller */
  private void detect(Picture picture, Picture seen, Path name, Maker maker) {
    List<Outcome> outcomes = new ArrayList<>();
    List<String> classes = List.of();
    for (Backend.Status status : devices) {
      if (!status.available()) continue;
      Text.status("looking on " + status.name() + " ...");
      try (DetectorWeights.Loaded loaded = maker.on(Device.of(status.name()))) {
        outcomes.add(measure(status.name(), loaded.detector(), picture, seen));
        classes = loaded.detector().classes();
      } catch (OndolException e) {
        failures.add(status.name() + " failed: " + e.getMessage());
      }
    }
    Text.status("");
    if (outcomes.isEmpty()) return;
    Outcome first = outcomes.getFirst();
    System.out.println(DetectionText.HEAD);
    System.out.print(DetectionText.rows(name, first.found, classes));
    for (Outcome o : outcomes) {
      String alike = o == first ? "" : o.found.equals(first.found) ? ", the same boxes and scores, bit for bit" : ", which DIFFER";
      System.out.print(Text.entry(o.device, 10, Text.time(o.seconds).strip() + alike));
    }
    BufferedImage image = DetectionPainter.draw(picture.image(), first.found, classes);
    Photo.write(image, out);
    System.out.println("  drawn   in " + out);
  }

  private static Outcome measure(String device, Detector detector, Picture picture, Picture seen) {
    List<Detection> all = List.of();
    double best = Double.POSITIVE_INFINITY;
    for (int i = 0; i < RUNS; i++) {
      long start = System.nanoTime();
      all = detector.detect(seen);
      best = Math.min(best, (System.nanoTime() - start) * 1e-9);
    }
    double x = (double) picture.width() / seen.width();
    double y = (double) picture.height() / seen.height();
    List<Detection> found = all.stream().filter(d -> d.score() > detector.threshold()).map(d -> d.scaled(x, y)).toList();
    return new Outcome(device, found, best);
  }
}
