package org.ondol.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.models.MiniLm;
import org.ondol.models.SentenceEncoder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Sentences to vectors. */
@Command(name = "embed", mixinStandardHelpOptions = true, versionProvider = Version.class,
    header = "Turn texts into vectors.", parameterListHeading = "%nTexts:%n", optionListHeading = "%nOptions:%n",
    description = "Print the 384 numbers that all-MiniLM-L6-v2 gives a text: a vector of length 1 whose dot product "
        + "with another one is how alike the texts are. One line a text, in the order of the input.")
final class EmbedCommand implements Runnable {
  /** Texts between two steps of the progress bar, and written at once. */
  private static final int STEP = 64;
  private static final int MAX_POSITIONS = 512;

  @Spec
  private CommandSpec spec;

  @Mixin
  private DeviceOption device;

  @Parameters(paramLabel = "TEXT", arity = "0..*", description = "Texts, or - for one a line from standard input.")
  private List<String> texts = new ArrayList<>();

  @Option(names = {"-f", "--file"}, paramLabel = "FILE", description = "Take the texts from a UTF-8 file, one a line.")
  private String file;

  @Option(names = {"-o", "--out"}, paramLabel = "FILE", description = "Write to a file instead of standard output.")
  private String out;

  private VectorWriter.Format format;

  @Option(names = "--max-tokens", paramLabel = "N", defaultValue = "" + MiniLm.MAX_TOKENS,
      description = "Where a text is cut off, 2 to " + MAX_POSITIONS + " (default: " + MiniLm.MAX_TOKENS + ").")
  private int maxTokens;

  @Option(names = {"-q", "--quiet"}, description = "Print nothing but vectors and errors.")
  private boolean quiet;

  @Option(names = "--format", paramLabel = "FORMAT", defaultValue = "plain",
      description = "plain (default): numbers and spaces; jsonl: an object with \"text\" and \"embedding\".")
  void format(String name) {
    format = switch (name) {
      case "plain" -> VectorWriter.Format.PLAIN;
      case "jsonl" -> VectorWriter.Format.JSONL;
      default -> throw wrong("unknown format \"" + name + "\", expected plain or jsonl");
    };
  }

  private int cut;
  private long tokens;

  @Override
  public void run() {
    List<String> input = input();
    if (maxTokens < 2 || maxTokens > MAX_POSITIONS) {
      throw wrong("--max-tokens is " + maxTokens + ", expected 2 to " + MAX_POSITIONS);
    }
    Device where = device.device();
    try (VectorWriter writer = VectorWriter.open(out, format); SentenceEncoder model = load(where)) {
      long start = System.nanoTime();
      embed(input, model, writer);
      if (!quiet) report(input.size(), where, (System.nanoTime() - start) * 1e-9);
    } catch (IOException e) {
      String target = out == null ? "to standard output" : out;
      throw new CommandException("cannot write " + target + ": " + Text.reason(e), e);
    }
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private SentenceEncoder load(Device where) {
    if (!quiet) Text.status("loading all-MiniLM-L6-v2 ...");
    SentenceEncoder model = MiniLm.load(where, maxTokens, SentenceEncoder.BATCH_TOKENS);
    if (!quiet) Text.status("");
    return model;
  }

  private List<String> input() {
    if (file != null && !texts.isEmpty()) {
      throw wrong("texts beside --file; give one or the other");
    }
    if (file == null && texts.isEmpty()) {
      throw wrong("no text; give texts, --file FILE, or - for standard input");
    }
    if (file != null) return Texts.read(file);
    if (texts.equals(List.of("-"))) return Texts.read("-");
    if (texts.stream().allMatch(String::isBlank)) throw wrong("the text is empty");
    return texts;
  }

  private void embed(List<String> input, SentenceEncoder model, VectorWriter writer) throws IOException {
    try (ProgressBar bar = progress(input.size())) {
      for (int from = 0; from < input.size(); from += STEP) {
        List<String> part = input.subList(from, Math.min(from + STEP, input.size()));
        float[][] vectors = embed(part, model);
        for (int i = 0; i < vectors.length; i++) writer.write(part.get(i), vectors[i]);
        if (bar != null) bar.stepBy(part.size());
      }
    }
  }

  private float[][] embed(List<String> part, SentenceEncoder model) {
    List<long[]> sequences = model.tokenize(part);
    for (long[] sequence : sequences) {
      tokens += sequence.length;
      if (sequence.length == maxTokens) cut++;
    }
    try (Tensor embeddings = model.encode(sequences)) {
      float[][] rows = new float[part.size()][];
      for (int i = 0; i < rows.length; i++) {
        try (Tensor row = embeddings.select(0, i)) {
          rows[i] = row.toFloats();
        }
      }
      return rows;
    }
  }

  /** A bar for what takes long, where somebody sees it and vectors do not go to the same terminal. */
  private ProgressBar progress(int total) {
    int columns = Integer.getInteger("ondol.terminal.err", 0);
    boolean mixed = out == null && Boolean.getBoolean("ondol.terminal.out");
    if (quiet || columns < 40 || total <= 2 * STEP || mixed) return null;
    var terminal = new ConsoleProgressBarConsumer(System.err, Math.min(columns, Text.WIDTH));
    return new ProgressBarBuilder().setTaskName("embed").setInitialMax(total).setStyle(ProgressBarStyle.ASCII)
        .setUnit(" texts", 1).setConsumer(terminal).build();
  }

  private void report(int count, Device where, double seconds) {
    System.err.println(Text.count(count, "text") + ", " + Text.count(tokens, "token") + " on " + where + ": "
        + Text.time(seconds).strip());
    if (cut > 0) {
      System.err.println(Text.count(cut, "text") + (cut == 1 ? " fills" : " fill") + " the limit of " + maxTokens
          + " tokens; what is beyond was cut off (--max-tokens)");
    }
  }
}
