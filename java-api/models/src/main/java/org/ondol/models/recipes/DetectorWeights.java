package org.ondol.models.recipes;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.models.detection.Detector;
import org.ondol.models.detection.Mtcnn;
import org.ondol.models.detection.Yolo;
import org.ondol.models.training.Experiment;
import org.ondol.models.weights.WeightsException;

/**
 * Weights of a detector, known by what lies there: a run of one of the recipes, or what others published.
 *
 * @param title a name for it
 */
public record DetectorWeights(Path path, Kind kind, String title) {
  /** The side of the smallest face that is looked for, in pixels. */
  private static final int LEAST_FACE = 20;
  private static final String CONFIG = ".cfg";

  /** Whose weights they are. */
  public enum Kind {
    /** A folder with a description (.cfg), weights (.weights) and names (.names), as Darknet has them. */
    DARKNET,
    /** A folder with the three networks of MTCNN. */
    MTCNN,
    /** A run's folder, or a checkpoint. */
    RUN
  }

  /** A detector that is ready. */
  public record Loaded(Detector detector, AutoCloseable owner) implements AutoCloseable {
    @Override
    public void close() {
      try {
        owner.close();
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) { // an experiment or a detector, neither of which throws others
        throw new IllegalStateException(e);
      }
    }
  }

  /**
   * Looks at what there is.
   *
   * @param path a run's folder, a checkpoint of one, or a folder of published weights
   * @throws WeightsException if there is nothing that is known here
   */
  public static DetectorWeights of(Path path) {
    if (path == null) throw new InvalidArgumentException("path", "null", "a path");
    List<String> names = names(path);
    for (String name : names) {
      if (!name.endsWith(CONFIG)) continue;
      return new DetectorWeights(path, Kind.DARKNET, name.substring(0, name.length() - CONFIG.length()));
    }
    if (names.contains("det1.safetensors")) return new DetectorWeights(path, Kind.MTCNN, "mtcnn");
    return new DetectorWeights(path, Kind.RUN, Saved.of(path).recipe().title());
  }

  /** The names of a folder's files, by name; none of what is no folder. */
  private static List<String> names(Path folder) {
    if (!Files.isDirectory(folder)) return List.of();
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new WeightsException("cannot read " + folder + ": " + e, e);
    }
  }

  /**
   * Reads them.
   *
   * @param threshold scores that somebody wants to see are greater, 0 to below 1; null for the detector's own. A detector
   *     may give others too
   * @throws WeightsException if they are damaged, or those of a run that does not detect
   */
  public Loaded load(Device device, Double threshold) {
    return switch (kind) {
      case DARKNET -> alone(Yolo.load(path, device, threshold == null ? Yolo.THRESHOLD : threshold));
      case MTCNN -> alone(Mtcnn.load(path, device, LEAST_FACE));
      case RUN -> {
        Saved saved = Saved.of(path);
        Experiment experiment = saved.load(device);
        if (experiment instanceof Detecting d) yield new Loaded(d.detector(), experiment);
        experiment.close();
        throw new WeightsException(saved.file() + " is of " + title + ", which does not detect");
      }
    };
  }

  private static Loaded alone(Detector detector) {
    return new Loaded(detector, detector);
  }
}
