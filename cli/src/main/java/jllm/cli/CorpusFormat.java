package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How files become documents. */
class CorpusFormat {
  private static final Path STANDARD = Path.of("-");

  /** What files hold. */
  enum Format {
    AUTO(CorpusOptions.Format.AUTO),
    TEXT(CorpusOptions.Format.TEXT),
    JSONL(CorpusOptions.Format.JSON_LINES);

    private final CorpusOptions.Format format;

    Format(CorpusOptions.Format format) {
      this.format = format;
    }
  }

  /** What becomes of bytes that are no UTF-8. */
  enum Errors {
    STRICT,
    REPLACE
  }

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      defaultValue = "auto",
      description = "text, jsonl, or auto: jsonl where the name ends with it. Default: auto.")
  private Format format = Format.AUTO;

  @Option(
      names = "--field",
      paramLabel = "NAME",
      defaultValue = "text",
      description = "The field of a JSON line that holds the text. Default: ${DEFAULT-VALUE}.")
  private String field = "text";

  @Option(
      names = "--separator",
      paramLabel = "TEXT",
      description =
          "What stands between the documents of a text file, such as '<|endoftext|>'. Without it a"
              + " file is one document.")
  private @Nullable String separator;

  @Option(
      names = "--include",
      paramLabel = "GLOB",
      description =
          "Of folders and archives, read only files that match, such as '*.java'; may be given more"
              + " than once.")
  private List<String> include = new ArrayList<>();

  @Option(
      names = "--errors",
      paramLabel = "HOW",
      defaultValue = "strict",
      description =
          "Invalid UTF-8: strict (refuse it) or replace (by U+FFFD). Default: ${DEFAULT-VALUE}.")
  private Errors errors = Errors.STRICT;

  @Option(
      names = "--skip-broken",
      description = "Report documents and archive members that cannot be read, and leave them out.")
  private boolean skipBroken;

  /** Whether invalid UTF-8 becomes U+FFFD. */
  boolean replacesInvalid() {
    return errors == Errors.REPLACE;
  }

  private CorpusOptions options() {
    if (separator != null && separator.isEmpty()) {
      throw new UsageException("--separator is empty, expected at least one character");
    }
    if (include.contains("")) {
      throw new UsageException("--include is empty, expected a glob such as '*.java'");
    }
    return new CorpusOptions(
        format.format, field, separator, replacesInvalid(), skipBroken, include, false);
  }

  /** Files and folders, or {@code -} for standard input. */
  Corpus open(List<Path> files, Streams streams) throws IOException {
    if (files.contains(STANDARD)) {
      if (files.size() > 1) {
        throw new UsageException("- (standard input) cannot be read together with other files");
      }
      if (streams.inIsTerminal()) {
        throw new UsageException("- reads standard input, which is the terminal; redirect a file");
      }
      return Corpus.of("standard input", streams.in(), options());
    }
    return open(files);
  }

  Corpus open(List<Path> paths) throws IOException {
    CorpusOptions options = options();
    try {
      return Corpus.of(paths, options);
    } catch (IllegalArgumentException badGlob) {
      throw new UsageException("--include: " + badGlob.getMessage());
    }
  }
}
