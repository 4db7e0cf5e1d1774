package jllm.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The streams of this process, as the launcher hands them over. */
final class Processes {
  /**
   * The descriptor of the real standard error. The JVM prints a warning about the incubating Vector
   * API that no option turns off; so the launcher starts it with standard error elsewhere, and it
   * is put back here.
   */
  static final String ERROR_DESCRIPTOR = "jllm.stderr.fd";

  /**
   * The descriptors that are terminals, such as {@code 02}: cheap for a shell to find out, not for
   * a JVM.
   */
  static final String TERMINALS = "jllm.terminals";

  private Processes() {}

  static Streams streams() {
    PrintStream err = standardError();
    System.setErr(err);
    return new Streams(
        new FileInputStream(FileDescriptor.in),
        new StandardOutput(new FileOutputStream(FileDescriptor.out)),
        err,
        isTerminal(0),
        isTerminal(1),
        isTerminal(2));
  }

  private static PrintStream standardError() {
    String number = System.getProperty(ERROR_DESCRIPTOR);
    FileOutputStream file = new FileOutputStream(FileDescriptor.err);
    if (number != null) {
      try {
        file = open(Integer.parseInt(number));
      } catch (ReflectiveOperationException | RuntimeException closed) {
        // Opened anew it has a position of its own, so that lines in a file shared with standard
        // output may mix.
        try {
          file = new FileOutputStream("/dev/fd/" + number, true);
        } catch (IOException gone) {
          // Messages go where the JVM's own go.
        }
      }
    }
    return new PrintStream(file, true, StandardCharsets.UTF_8);
  }

  /** A stream on a descriptor that is open already; the launcher opens {@code java.io} for this. */
  private static FileOutputStream open(int descriptor) throws ReflectiveOperationException {
    Constructor<FileDescriptor> constructor =
        FileDescriptor.class.getDeclaredConstructor(int.class);
    constructor.setAccessible(true);
    return new FileOutputStream(constructor.newInstance(descriptor));
  }

  private static boolean isTerminal(int descriptor) {
    String terminals = System.getProperty(TERMINALS);
    if (terminals != null) {
      return terminals.indexOf('0' + descriptor) >= 0;
    }
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty");
    } catch (IOException | RuntimeException noProc) {
      java.io.Console console = System.console();
      return console != null && console.isTerminal();
    }
  }
}
