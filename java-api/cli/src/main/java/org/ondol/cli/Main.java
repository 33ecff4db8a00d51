package org.ondol.cli;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.ondol.OndolException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The {@code ondol} command. Exit codes: 0, 1 for what went wrong while running, 2 for wrong usage. */
@Command(name = "ondol", mixinStandardHelpOptions = true, versionProvider = Version.class,
    description = "A performance engine for the JVM: the same bits from Java, SIMD and CUDA kernels.",
    synopsisSubcommandLabel = "COMMAND", optionListHeading = "%nOptions:%n", commandListHeading = "%nCommands:%n",
    footer = {"", "\"ondol COMMAND --help\" says more. Stack traces: ONDOL_JAVA_OPTS=-Dondol.debug"},
    subcommands = {DevicesCommand.class, EmbedCommand.class, GenerateCommand.class, ProposeCommand.class, DetectCommand.class,
        SegmentCommand.class, TrainCommand.class, EvalCommand.class, CompareCommand.class, SampleCommand.class, DemoCommand.class, BenchCommand.class})
public final class Main implements Runnable {
  @Spec
  private CommandSpec spec;

  private Main() {}

  /** Without a command: what there is. */
  @Override
  public void run() {
    spec.commandLine().usage(System.out);
  }

  public static void main(String[] args) {
    System.setOut(new PrintStream(System.out, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(System.err, true, StandardCharsets.UTF_8));
    System.exit(run(args));
  }

  /** Runs a command line and returns its exit code. */
  public static int run(String... args) {
    CommandLine line = new CommandLine(new Main());
    line.setUsageHelpWidth(Text.WIDTH);
    line.setUsageHelpLongOptionsMaxWidth(24);
    line.setParameterExceptionHandler(Main::wrongUsage);
    line.setExecutionExceptionHandler((e, command, result) -> failure(e, command));
    return line.execute(args);
  }

  private static int wrongUsage(ParameterException e, String[] args) {
    debug(e);
    CommandLine command = e.getCommandLine();
    String name = command.getCommandSpec().qualifiedName();
    System.err.println(name + ": " + usageMessage(e) + "; see \"" + name + " --help\"");
    return CommandLine.ExitCode.USAGE;
  }

  private static String usageMessage(ParameterException e) {
    if (e instanceof UnmatchedArgumentException u && !u.getUnmatched().isEmpty()) {
      String first = u.getUnmatched().getFirst();
      if (first.startsWith("-") && first.length() > 1) return "unknown option \"" + first + "\"";
      if (u.getCommandLine().getParent() == null) return "unknown command \"" + first + "\"";
      return "unexpected argument \"" + first + "\"";
    }
    String message = Text.oneLine(e.getMessage());
    return Character.toLowerCase(message.charAt(0)) + message.substring(1);
  }

  private static int failure(Exception e, CommandLine command) {
    debug(e);
    Text.status("");
    boolean expected = e instanceof OndolException || e instanceof CommandException;
    String message = Text.oneLine(expected ? e.getMessage() : e.toString());
    System.err.println(command.getCommandSpec().qualifiedName() + ": " + message);
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static void debug(Exception e) {
    if (System.getProperty("ondol.debug") != null) e.printStackTrace();
  }
}
