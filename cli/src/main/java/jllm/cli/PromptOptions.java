package jllm.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import jllm.generate.PromptEncoder;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.text.Utf8;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Where a prompt comes from: exactly one place. */
final class PromptOptions {
  @Parameters(
      arity = "0..1",
      paramLabel = "PROMPT",
      description = "The text to go on with. Without -p and -f it may also come on standard input.")
  @Nullable String argument;

  @Option(
      names = {"-p", "--prompt"},
      paramLabel = "TEXT",
      description = "The prompt; an empty one starts from the model's BOS token alone.")
  @Nullable String option;

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      description =
          "Take the prompt from a file in UTF-8, - for standard input; one line break at its end is"
              + " dropped.")
  @Nullable Path file;

  @Option(
      names = "--no-parse-special",
      description =
          "Take the names of special tokens in the prompt, such as <|im_start|>, as plain text.")
  boolean plain;

  /** The tokens of a prompt. */
  int[] encode(String prompt, Tokenizer tokenizer) {
    try {
      return new PromptEncoder(tokenizer, !plain).encode(prompt);
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }

  /** Checks that the prompt comes from one place. */
  void check(Streams streams) {
    int sources = (argument == null ? 0 : 1) + (option == null ? 0 : 1) + (file == null ? 0 : 1);
    if (sources > 1) {
      throw new UsageException(
          "the prompt was given " + sources + " times; give it as an argument, with -p or with -f");
    }
    if (sources == 0 && streams.inIsTerminal()) {
      throw new UsageException(
          "no prompt; give it as an argument, with -p, with -f FILE or on standard input"
              + " (-p '' starts from nothing)");
    }
  }

  /** Reads the prompt. */
  String read(Streams streams) throws IOException {
    if (argument != null) {
      return argument;
    }
    if (option != null) {
      return option;
    }
    if (file != null && !file.toString().equals("-")) {
      if (Files.isDirectory(file)) {
        throw new FileSystemException(file.toString(), null, "is a folder, expected a text file");
      }
      return decode(file.toString(), Files.readAllBytes(file));
    }
    try (InputStream in = streams.in()) {
      return decode("standard input", in.readAllBytes());
    }
  }

  /** A text in UTF-8, without a line break at its end. */
  static String decode(String source, byte[] bytes) {
    int invalid = Utf8.firstInvalid(bytes, 0, bytes.length);
    if (invalid >= 0) {
      throw new InvalidTextException(
          String.format(
              "%s is not valid UTF-8: byte 0x%02X at offset %d; convert it, such as with iconv -t"
                  + " UTF-8",
              source, bytes[invalid], invalid));
    }
    String text = new String(bytes, StandardCharsets.UTF_8);
    // An editor or echo ends the last line; as part of a prompt a line break changes what follows.
    int end = text.endsWith("\r\n") ? 2 : text.endsWith("\n") ? 1 : 0;
    return text.substring(0, text.length() - end);
  }
}
