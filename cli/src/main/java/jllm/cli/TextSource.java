package jllm.cli;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.text.Utf8;

/**
 * A text to be read once, as it is, the line break at its end included.
 *
 * @param name what to call it
 */
record TextSource(String name, Opener opener) {
  private static final int LONGEST_NAME = 40;

  /** Opens a text. */
  interface Opener {
    InputStream open() throws IOException;
  }

  /** Texts of the command line, then files; standard input where there is neither. */
  static List<TextSource> of(List<String> texts, List<Path> files, Streams streams) {
    List<TextSource> sources = new ArrayList<>();
    for (String text : texts) {
      sources.add(text(text));
    }
    for (Path file : files) {
      sources.add(file.toString().equals("-") ? standardInput(streams) : file(file));
    }
    if (sources.isEmpty()) {
      if (streams.inIsTerminal()) {
        throw new UsageException(
            "no text; give it as an argument, with -f FILE or on standard input");
      }
      sources.add(standardInput(streams));
    }
    return sources;
  }

  private static TextSource text(String text) {
    String line = text.replaceAll("\\s+", " ");
    String shown =
        line.codePointCount(0, line.length()) <= LONGEST_NAME
            ? line
            : line.substring(0, line.offsetByCodePoints(0, LONGEST_NAME - 3)) + "...";
    return text(shown, text);
  }

  /** A text with a name of its own. */
  static TextSource text(String name, String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return new TextSource(name, () -> new ByteArrayInputStream(utf8));
  }

  private static TextSource standardInput(Streams streams) {
    return new TextSource("standard input", streams::in);
  }

  private static TextSource file(Path file) {
    return new TextSource(
        file.toString(),
        () -> {
          if (Files.isDirectory(file)) {
            throw new FileSystemException(
                file.toString(), null, "is a folder, expected a text file");
          }
          return Files.newInputStream(file);
        });
  }

  /**
   * The whole text.
   *
   * @throws InvalidTextException if it is not valid UTF-8
   */
  String readWhole() throws IOException {
    try (InputStream in = opener.open()) {
      byte[] bytes = in.readAllBytes();
      int invalid = Utf8.firstInvalid(bytes, 0, bytes.length);
      if (invalid >= 0) {
        throw new InvalidTextException(
            String.format(
                "%s is not valid UTF-8: byte 0x%02X at offset %d; convert it, such as with iconv -t"
                    + " UTF-8",
                name, bytes[invalid], invalid));
      }
      return new String(bytes, StandardCharsets.UTF_8);
    }
  }

  /** Checks that all files can be opened, before the first is encoded. */
  static void check(List<Path> files) throws IOException {
    for (Path file : files) {
      if (!file.toString().equals("-")) {
        if (Files.isRegularFile(file) || Files.isDirectory(file) || !Files.exists(file)) {
          file(file).opener().open().close();
        }
      }
    }
  }
}
