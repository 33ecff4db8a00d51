package org.ondol.models.training;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.grad.Average;
import org.ondol.grad.GradientException;
import org.ondol.grad.Generator;
import org.ondol.models.data.Batch;
import org.ondol.models.data.DataSet;
import org.ondol.models.data.Examples;
import org.ondol.models.weights.SafeTensors;
import org.ondol.models.weights.WeightsException;

/**
 * A run of training: epochs over shuffled examples, with checkpoints, metrics and a held-out figure after each. The
 * bits of its result follow from the seed, the settings and the data alone: a run that was stopped, or killed, and goes
 * on from its last checkpoint ends as one that was not.
 *
 * <p>It writes into its folder: {@value #LAST}, from which it can go on; {@value #BEST}, the one with the least first
 * figure of {@link Experiment#evaluate}; {@value #METRICS}. Where the experiment has averages of its parameters, the last
 * checkpoint has them beside the parameters, and the best one has nothing else.
 */
public final class Trainer {
  public static final String LAST = "last.safetensors";
  public static final String BEST = "best.safetensors";
  public static final String METRICS = "metrics.jsonl";

  /** Keeps what is drawn for an epoch's order and its evaluation apart from the run's own numbers. */
  private static final long ORDER = 0x6F72646572L;
  private static final long HELD_OUT = 0x68656C64L;
  /** Of the log, an epoch. */
  private static final int LINES = 20;
  private static final String SEED = "run.seed";
  private static final String SECONDS = "run.seconds";
  private static final String BEST_FIGURE = "run.best";

  /**
   * How to go about it.
   *
   * @param folder for what is written; made if it is not there
   * @param save seconds between two checkpoints within an epoch
   * @param notes to keep in checkpoints: model, settings, form
   */
  public record Options(long seed, int epochs, int batch, Path folder, double save, Map<String, String> notes) {
    public Options {
      if (epochs < 1) throw new InvalidArgumentException("epochs", epochs, "at least 1");
      if (batch < 1) throw new InvalidArgumentException("batch", batch, "at least 1");
      if (!(save > 0)) throw new InvalidArgumentException("save", save, "above 0");
      notes = Map.copyOf(notes);
    }
  }

  /** Hears how it goes, on the run's thread. */
  public interface Listener {
    /**
     * Before the first step.
     *
     * @param step done before, by a run that this one goes on with
     * @param steps in all
     */
    default void begin(long step, long steps) {}

    /** After a step, with what it reported. */
    default void step(long step, Map<String, Double> metrics) {}

    /**
     * After an epoch.
     *
     * @param means of what its steps reported
     * @param heldOut what was measured; empty where there was nothing to measure
     * @param best whether this is the best so far
     */
    default void epoch(int epoch, Map<String, Double> means, Map<String, Double> heldOut, boolean best) {}
  }

  private final Experiment experiment;
  private final DataSet data;
  private final Options options;
  private final Listener listener;
  private final Generator random;
  private final int batch;
  private final long perEpoch;

  private MetricsLog log;
  private long step;
  private double seconds;
  private double best = Double.POSITIVE_INFINITY;
  private long saved;
  private final Means epoch = new Means();
  /** Since the last line of the log. */
  private final Means recent = new Means();

  /** @param random with which the experiment was made: its position goes on from there */
  public Trainer(Experiment experiment, DataSet data, Options options, Generator random, Listener listener) {
    this.experiment = experiment;
    this.data = data;
    this.options = options;
    this.random = random;
    this.listener = listener;
    batch = Math.min(options.batch, data.train().count());
    perEpoch = steps(data, options.batch);
  }

  /** Steps of an epoch: whole batches; the examples that are left over differ from epoch to epoch. */
  public static long steps(DataSet data, int batch) {
    int n = data.train().count();
    if (n == 0) throw new InvalidArgumentException("data", "without examples", "at least one to train with");
    return n / Math.min(batch, n);
  }

  /** Goes on from a checkpoint of this run. */
  public void resume(Path checkpoint) {
    long seed = seed(checkpoint);
    if (seed != options.seed) {
      throw new InvalidArgumentException("seed", options.seed, seed + ", with which " + checkpoint + " began");
    }
    Checkpoint.Loaded loaded =
        Checkpoint.load(checkpoint, experiment.parameters(), experiment.optimizer(), experiment.average(), random);
    step = loaded.step();
    seconds = number(checkpoint, loaded.notes().getOrDefault(SECONDS, "0"));
    best = number(checkpoint, loaded.notes().getOrDefault(BEST_FIGURE, "Infinity"));
  }

  /**
   * The seed with which the run of a checkpoint began.
   *
   * @throws WeightsException if it is not of a run
   */
  public static long seed(Path checkpoint) {
    try (SafeTensors saved = SafeTensors.open(checkpoint)) {
      return Long.parseLong(saved.metadata().getOrDefault(SEED, "unknown"));
    } catch (NumberFormatException e) {
      throw new WeightsException(checkpoint + " is not of a run: it does not say its seed", e);
    }
  }

  private static double number(Path checkpoint, String text) {
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw new WeightsException(checkpoint + " is not of a run: its notes are damaged", e);
    }
  }

  /**
   * Trains to the end, or until it is told to stop.
   *
   * @param stop asked after each step
   * @return whether all epochs are done
   * @throws GradientException if the loss is no longer a finite number; the last checkpoint is of before
   */
  public boolean run(BooleanSupplier stop) {
    prepare();
    long steps = perEpoch * options.epochs;
    listener.begin(step, steps);
    saved = System.nanoTime();
    int[] order = null;
    while (step < steps && !stop.getAsBoolean()) {
      if (order == null || step % perEpoch == 0) order = order(step / perEpoch);
      step(order);
      if (step % perEpoch == 0) endEpoch();
      else if ((System.nanoTime() - saved) * 1e-9 >= options.save) save(LAST);
    }
    if (step % perEpoch != 0 || step == 0) save(LAST); // also where it was stopped before the first step
    return step >= steps;
  }

  private void prepare() {
    try {
      Files.createDirectories(options.folder);
    } catch (IOException e) {
      throw new WeightsException("cannot make the folder " + options.folder + ": " + e.getMessage(), e);
    }
    log = MetricsLog.from(options.folder.resolve(METRICS), step);
  }

  private int[] order(long epoch) {
    return new Generator(options.seed + ORDER * (epoch + 1)).permutation(data.train().count());
  }

  private void step(int[] order) {
    long begin = System.nanoTime();
    int from = (int) (step % perEpoch) * batch;
    try (Scope scope = Scope.open()) {
      Batch examples = data.train().batch(experiment.parameters().all().getFirst().tensor().device(),
          Arrays.copyOfRange(order, from, from + batch));
      Map<String, Double> metrics = experiment.step(examples, random);
      step++;
      seconds += (System.nanoTime() - begin) * 1e-9;
      check(metrics);
      epoch.add(metrics);
      recent.add(metrics);
      listener.step(step, metrics);
    }
    if (step % Math.max(1, perEpoch / LINES) == 0 && step % perEpoch != 0) log(Map.of());
  }

  private void log(Map<String, Double> figures) {
    Map<String, Object> line = new LinkedHashMap<>(recent.take());
    line.put("seconds", seconds);
    figures.forEach((name, v) -> line.put("heldout " + name, v));
    log.add(step, (double) step / perEpoch, line);
  }

  private void check(Map<String, Double> metrics) {
    for (Map.Entry<String, Double> m : metrics.entrySet()) {
      if (!Double.isFinite(m.getValue())) {
        throw new GradientException(m.getKey() + " is " + m.getValue() + " after step " + step
            + "; a lower rate or a clipped gradient may help");
      }
    }
  }

  private static final class Means {
    private final Map<String, Double> sums = new LinkedHashMap<>();
    private long count;

    void add(Map<String, Double> values) {
      values.forEach((name, v) -> sums.merge(name, v, Double::sum));
      count++;
    }

    /** The means so far; counting begins anew. */
    Map<String, Double> take() {
      Map<String, Double> means = new LinkedHashMap<>();
      sums.forEach((name, v) -> means.put(name, v / count));
      sums.clear();
      count = 0;
      return means;
    }
  }

  private void endEpoch() {
    Examples heldOut = data.heldOut();
    Map<String, Double> figures = heldOut == null ? Map.of()
        : experiment.evaluate(heldOut, new Generator(options.seed + HELD_OUT));
    boolean better = false;
    if (!figures.isEmpty()) {
      double first = figures.values().iterator().next();
      better = first < best;
      if (better) best = first;
    }
    log(figures);
    if (better) saveBest();
    save(LAST);
    listener.epoch((int) (step / perEpoch), epoch.take(), figures, better);
  }

  private void saveBest() {
    Average average = experiment.average();
    if (average == null) {
      save(BEST);
      return;
    }
    try (Average.Held held = average.hold()) {
      Checkpoint.save(options.folder.resolve(BEST), experiment.parameters(), null, null, step, notes());
    }
  }

  private void save(String name) {
    Checkpoint.save(options.folder.resolve(name), experiment.parameters(), experiment.optimizer(), experiment.average(),
        random, step, notes());
    saved = System.nanoTime();
  }

  private Map<String, String> notes() {
    Map<String, String> notes = new LinkedHashMap<>(options.notes);
    notes.put(SEED, Long.toString(options.seed));
    notes.put(SECONDS, Double.toString(seconds));
    notes.put(BEST_FIGURE, Double.toString(best));
    return notes;
  }

  /** Steps done. */
  public long steps() {
    return step;
  }

  /** Seconds spent in steps, those before a resumption among them. */
  public double seconds() {
    return seconds;
  }

  /** The least first figure so far; infinite where there was none. */
  public double best() {
    return best;
  }
}
