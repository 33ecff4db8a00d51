package org.ondol.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Unmatched;

/** Hands over to the benchmarks, which are built apart: their peers weigh some hundred megabytes. */
@Command(name = "bench", header = "Benchmark beside other engines; calls bench/run.")
final class BenchCommand implements Callable<Integer> {
  @Option(names = {"-h", "--help"}, description = "Show the help of bench/run.")
  private boolean help;

  @Unmatched
  private List<String> arguments = new ArrayList<>();

  @Override
  public Integer call() throws IOException, InterruptedException {
    String home = System.getProperty("ondol.home");
    if (home == null) throw new CommandException("benchmarks need the source tree; run the ondol script at its root");
    Path script = Path.of(home, "bench", "run");
    if (!Files.isExecutable(script)) throw new CommandException(script + " is missing or not executable");
    List<String> command = new ArrayList<>(List.of(script.toString()));
    command.addAll(arguments);
    if (help) command.add("--help");
    return new ProcessBuilder(command).inheritIO().start().waitFor();
  }
}
