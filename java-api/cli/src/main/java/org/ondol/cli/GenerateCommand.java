package org.ondol.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.ondol.Device;
import org.ondol.grad.Generator;
import org.ondol.models.BytePairTokenizer;
import org.ondol.models.Llama;
import org.ondol.models.TextGenerator;
import org.ondol.models.TokenSampler;
import org.ondol.models.layers.Assembly;
import org.ondol.models.weights.Llama2c;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Text from a language model. */
@Command(name = "generate", mixinStandardHelpOptions = true, versionProvider = Version.class,
    header = "Continue a text, token by token.", parameterListHeading = "%nText:%n", optionListHeading = "%nOptions:%n",
    description = "Print a text and how a language model continues it, as it is generated. The model is of the LLaMA "
        + "architecture, in the format of llama2.c, such as the one of short stories with 260 thousand parameters.",
    footer = {"", "The model of stories is stories260K.bin with tok512.bin, both in the folder data of",
        GenerateCommand.SOURCE})
final class GenerateCommand implements Runnable {
  static final String SOURCE = "https://github.com/DaveBen/esp32-llm";
  private static final String MODEL = "stories260K.bin";

  @Spec
  private CommandSpec spec;

  @Mixin
  private DeviceOption device;

  @Parameters(paramLabel = "PROMPT", arity = "0..1", defaultValue = "",
      description = "What the text begins with; nothing by default.")
  private String prompt;

  @Option(names = {"-w", "--weights"}, paramLabel = "PATH", description = "A model file, or a folder with " + MODEL
      + " (default: this folder). The tokenizer lies beside it: tokN.bin for N tokens, or tokenizer.bin.")
  private String weights;

  @Option(names = {"-n", "--tokens"}, paramLabel = "N", defaultValue = "256",
      description = "How many tokens at most (default: 256). The model's context ends a text too.")
  private int tokens;

  @Option(names = "--temperature", paramLabel = "T", defaultValue = "0",
      description = "0 (default) for the likeliest token, 1 for the model's own distribution.")
  private double temperature;

  @Option(names = "--top-k", paramLabel = "K", defaultValue = "0",
      description = "Draw from the K likeliest tokens only (default: 0, all).")
  private int topK;

  @Option(names = "--top-p", paramLabel = "P", defaultValue = "1",
      description = "Draw from the likeliest tokens that together have probability P (default: 1, all).")
  private double topP;

  @Option(names = "--seed", paramLabel = "N", defaultValue = "0",
      description = "Of the random numbers (default: 0); the same text on every device.")
  private long seed;

  @Option(names = {"-q", "--quiet"}, description = "Print nothing but the text and errors.")
  private boolean quiet;

  @Override
  public void run() {
    check();
    Path model = model();
    Device where = device.device();
    try (TextGenerator generator = load(model, where)) {
      TokenSampler sampler = TokenSampler.of(temperature, topK, topP, new Generator(seed));
      int given = generator.tokenizer().encode(prompt).length - 1;
      int most = generator.model().maxTokens() - 1;
      if (given > most) {
        throw new CommandException("the prompt has " + given + " tokens, more than the " + most
            + " that fit the model's context");
      }
      show(prompt);
      TextGenerator.Result result = generator.generate(prompt, tokens, sampler, this::show);
      System.out.println();
      if (!quiet) report(result, generator, where);
    }
  }

  private void check() {
    if (tokens < 0) throw wrong("--tokens is " + tokens + ", expected 0 or more");
    if (!(temperature >= 0 && temperature <= Float.MAX_VALUE)) {
      throw wrong("--temperature is " + temperature + ", expected 0 or more");
    }
    if (topK < 0) throw wrong("--top-k is " + topK + ", expected 1 or more, or 0 for all");
    if (!(topP > 0 && topP <= 1)) throw wrong("--top-p is " + topP + ", expected above 0 and at most 1");
    boolean half = false;
    for (int i = 0; i < prompt.length(); i += Character.charCount(prompt.codePointAt(i))) {
      half |= Character.getType(prompt.codePointAt(i)) == Character.SURROGATE;
    }
    if (half) throw wrong("the prompt is no Unicode text");
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private Path model() {
    Path path = Path.of(weights == null ? "" : weights);
    if (Files.isDirectory(path.toAbsolutePath())) path = path.resolve(MODEL);
    if (Files.exists(path)) return path;
    throw new CommandException("no file " + path + "; get data/" + MODEL + " and data/tok512.bin from " + SOURCE
        + " and give their folder as --weights");
  }

  private TextGenerator load(Path model, Device where) {
    if (!quiet) Text.status("loading " + model.getFileName() + " ...");
    try (Assembly parts = new Assembly(); Llama2c weights = Llama2c.open(model)) {
      BytePairTokenizer tokenizer = tokenizer(model, weights.header().vocabulary());
      Llama llama = parts.add(Llama.load(weights, Llama.config(weights.header()), where));
      TextGenerator generator = parts.done(TextGenerator.of(llama, tokenizer));
      if (!quiet) Text.status("");
      return generator;
    }
  }

  private static BytePairTokenizer tokenizer(Path model, int vocabulary) {
    List<String> names = List.of("tok" + vocabulary + ".bin", "tokenizer.bin");
    for (String name : names) {
      Path file = model.resolveSibling(name);
      if (!Files.exists(file)) continue;
      BytePairTokenizer tokenizer = BytePairTokenizer.read(file);
      if (tokenizer.size() == vocabulary) return tokenizer;
      throw new CommandException(file + " has " + tokenizer.size() + " tokens, " + model + " has " + vocabulary);
    }
    throw new CommandException("no tokenizer beside " + model + ", expected " + String.join(" or ", names) + "; for "
        + MODEL + " it is data/tok512.bin in " + SOURCE);
  }

  /** Prints at once; control characters, which a model may draw, are no text for a terminal. */
  private void show(String piece) {
    StringBuilder text = new StringBuilder(piece.length());
    for (int i = 0; i < piece.length(); i++) {
      char c = piece.charAt(i);
      if (!Character.isISOControl(c) || c == '\n' || c == '\t') text.append(c);
    }
    System.out.print(text);
    System.out.flush();
  }

  private void report(TextGenerator.Result r, TextGenerator generator, Device where) {
    int n = r.tokens().length;
    String end = switch (r.end()) {
      case OF_TEXT -> "; the model ended the text";
      case OF_CONTEXT -> "; its context of " + generator.model().maxTokens() + " tokens is full";
      case OF_TOKENS -> "";
    };
    String speed = n == 0 ? "" : " (%.0f tokens/s)".formatted(n / Math.max(r.seconds(), 1e-9));
    System.err.println(Text.count(n, "token") + " on " + where + ": " + Text.time(r.seconds()).strip() + speed + end);
  }
}
