package org.ondol.test.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.ondol.cli.Main;

/** A command line that has run: its exit code and what it printed. */
record CommandRun(int code, String out, String err) {
  static CommandRun of(Object... words) {
    String[] args = new String[words.length];
    for (int i = 0; i < args.length; i++) args[i] = words[i].toString();
    PrintStream out = System.out;
    PrintStream err = System.err;
    var newOut = new ByteArrayOutputStream();
    var newErr = new ByteArrayOutputStream();
    try {
      System.setOut(new PrintStream(newOut, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(newErr, true, StandardCharsets.UTF_8));
      int code = Main.run(args);
      return new CommandRun(code, newOut.toString(StandardCharsets.UTF_8), newErr.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }
}
