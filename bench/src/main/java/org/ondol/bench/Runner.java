package org.ondol.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Checks every contender of a case, then times them interleaved: each round gives each contender one slot of a few
 * calls, so that a change in the machine's speed falls on all alike.
 */
final class Runner {
  private static final double CROSS_CHECK = 1e-4;
  /** A warm-up ends when the fastest time has not fallen for so long, or for half of the warm-up. */
  private static final double SETTLED = 600;
  private static final double LONGEST_WARM_UP = 2_500;
  private static final double GAIN = 0.99;

  private final Settings settings;
  private final Peak peak;
  private final Report report;

  /** How long to measure. Times are in milliseconds. */
  record Settings(int rounds, double caseBudget, double warmUp, double slot, long pause) {
    static final int FEWEST_ROUNDS = 3;

    static Settings full() {
      return new Settings(15, 60_000, 1_500, 40, 10);
    }

    /** {@code stemBudget} is shared evenly by the cases of a stem. */
    static Settings quick(double stemBudget, int cases) {
      double budget = stemBudget / Math.max(1, cases);
      return new Settings(7, budget, Math.min(400, budget / 12), 12, 3);
    }
  }

  Runner(Settings settings, Peak peak, Report report) {
    this.settings = settings;
    this.peak = peak;
    this.report = report;
  }

  /** A prepared contender and its times, one per round. */
  private static final class Entry<C extends Case> {
    final Contender<C> contender;
    final List<Double> times = new ArrayList<>();
    boolean checked;
    int calls = 1;

    Entry(Contender<C> contender) {
      this.contender = contender;
    }

    double median() {
      return Runner.median(times.stream().mapToDouble(d -> d).toArray());
    }

    double best() {
      return times.stream().mapToDouble(d -> d).min().orElseThrow();
    }
  }

  <C extends Case> void run(Stem<C> stem, C testCase) throws Exception {
    long start = System.nanoTime();
    List<Entry<C>> entries = new ArrayList<>();
    try {
      for (Contender<C> contender : stem.contenders(testCase)) {
        prepare(stem, testCase, contender, entries);
      }
      check(stem, testCase, entries);
      peak.sampleFma();
      peak.sampleRead();
      List<Entry<C>> timed = entries.stream().filter(e -> e.checked).toList();
      for (Entry<C> entry : timed) {
        warmUp(entry, stem.leastWarmUp());
      }
      rounds(timed, start, testCase.readBound());
      report.add(rows(stem, testCase, entries));
    } finally {
      for (Entry<C> entry : entries) {
        entry.contender.close();
      }
    }
  }

  /** A contender that cannot be had is left out with the reason; one that fails makes the run fail at its end. */
  private <C extends Case> void prepare(Stem<C> stem, C testCase, Contender<C> contender, List<Entry<C>> entries)
      throws Exception {
    try {
      contender.prepare(testCase);
      entries.add(new Entry<>(contender));
    } catch (Contender.Unavailable e) {
      contender.close();
      report.missing(stem.name(), contender.name(), e.getMessage());
    } catch (Exception e) {
      contender.close();
      report.wrong("%s, %s: %s: %s".formatted(stem.name(), testCase.name(), contender.name(), e));
    }
  }

  private <C extends Case> void check(Stem<C> stem, C testCase, List<Entry<C>> entries) throws Exception {
    Map<String, float[]> trusted = null;
    for (Entry<C> entry : entries) {
      entry.contender.run();
      Map<String, float[]> answer = entry.contender.result();
      String wrong = testCase.check(answer);
      if (wrong == null && trusted != null) {
        wrong = Check.same(trusted, answer, CROSS_CHECK);
      }
      if (wrong == null && (trusted == null || answer.size() > trusted.size())) {
        trusted = answer;
      }
      entry.checked = wrong == null;
      if (wrong != null) {
        String who = entry.contender.name() + " " + entry.contender.variant();
        report.wrong("%s, %s: %s: %s".formatted(stem.name(), testCase.name(), who, wrong));
      }
    }
  }

  /**
   * Runs until compiled and settled, and chooses how many calls make a slot. Any case may be the first of a kernel in Java, a gradient
   * as a maximum: with 400 ms for all but a contender's first one, java's gradient of RoiAlign took 14.8 ms instead of 10.5.
   */
  private <C extends Case> void warmUp(Entry<C> entry, double stemsLeast) throws Exception {
    double least = Math.max(settings.warmUp, stemsLeast);
    double longest = entry.contender.peer() ? settings.warmUp : Math.max(LONGEST_WARM_UP, least);
    long start = System.nanoTime();
    double fastest = Double.MAX_VALUE;
    double gained = 0;
    double spent;
    do {
      long before = System.nanoTime();
      entry.contender.run();
      double time = (System.nanoTime() - before) * 1e-6;
      spent = (System.nanoTime() - start) * 1e-6;
      if (time < fastest * GAIN) {
        gained = spent;
      }
      fastest = Math.min(fastest, time);
    } while (spent < least || spent < longest && spent - gained < Math.max(SETTLED, spent / 2));
    entry.calls = (int) Math.clamp(Math.round(settings.slot / fastest), 1, 100_000);
  }

  private <C extends Case> void rounds(List<Entry<C>> entries, long caseStart, boolean readBound) throws Exception {
    System.gc();
    for (int round = 0; round < settings.rounds; round++) {
      double spent = (System.nanoTime() - caseStart) * 1e-6;
      if (round >= Settings.FEWEST_ROUNDS && spent > settings.caseBudget) {
        break;
      }
      Thread.sleep(settings.pause); // as below
      peak.sampleFma();
      if (readBound) {
        peak.sampleRead();
      }
      for (int i = 0; i < entries.size(); i++) {
        // Rotated, so that nobody always follows the same neighbour.
        Entry<C> entry = entries.get((i + round) % entries.size());
        // Threads of the previous contender may still spin for a moment.
        Thread.sleep(settings.pause);
        entry.times.add(slot(entry));
      }
    }
  }

  /** Milliseconds of one answer. */
  private static <C extends Case> double slot(Entry<C> entry) throws Exception {
    if (entry.calls > 3) {
      entry.contender.run(); // brings the operands back into the cache
    }
    long start = System.nanoTime();
    for (int i = 0; i < entry.calls; i++) {
      entry.contender.run();
    }
    return (System.nanoTime() - start) * 1e-6 / entry.calls * entry.contender.repetitions();
  }

  private <C extends Case> List<Row> rows(Stem<C> stem, C testCase, List<Entry<C>> entries) {
    List<Row> rows = new ArrayList<>();
    for (Entry<C> entry : entries) {
      rows.add(row(stem, testCase, entry, rivals(entry, entries)));
    }
    return rows;
  }

  /** The peers that this contender is compared with, fastest median first. */
  private static <C extends Case> List<Entry<C>> rivals(Entry<C> entry, List<Entry<C>> entries) {
    if (entry.contender.peer()) {
      return List.of();
    }
    return entries.stream()
        .filter(e -> e.checked && e.contender.peer() && entry.contender.comparable(e.contender))
        .sorted(Comparator.comparingDouble(Entry::median))
        .toList();
  }

  private <C extends Case> Row row(Stem<C> stem, C testCase, Entry<C> entry, List<Entry<C>> rivals) {
    Contender<C> who = entry.contender;
    String peakName = testCase.readBound() ? "read" : testCase.flops() > 0 ? "fma" : null;
    if (!entry.checked) {
      return new Row(stem.name(), testCase.name(), who.name(), who.variant(), who.peer(), null, null, null, peakName,
          null, null, null, false);
    }
    double best = entry.best();
    double work = testCase.readBound() ? testCase.bytes() : testCase.flops();
    double top = testCase.readBound() ? peak.readBest() : peak.fmaBest();
    // One peer for all rounds, the one with the least median: the least of several noisy times in each round would be a
    // faster library than exists.
    Double ratio = rivals.isEmpty() ? null : round(medianRatio(rivals.getFirst().times, entry.times));
    Double ratioBest = rivals.isEmpty() ? null : round(rivals.stream().mapToDouble(Entry::best).min().orElseThrow() / best);
    return new Row(stem.name(), testCase.name(), who.name(), who.variant(), who.peer(), round(entry.median()), round(best),
        testCase.flops() > 0 ? round(testCase.flops() / best * 1e-6) : null, peakName,
        peakName == null ? null : round(work / best * 1e-6 / top), ratio, ratioBest, true);
  }

  private static double medianRatio(List<Double> rival, List<Double> own) {
    double[] ratios = new double[own.size()];
    for (int i = 0; i < ratios.length; i++) {
      ratios[i] = rival.get(i) / own.get(i);
    }
    return median(ratios);
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int n = sorted.length;
    return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
  }

  private static double round(double value) {
    return Double.parseDouble(String.format(Locale.ROOT, "%.5g", value));
  }
}
