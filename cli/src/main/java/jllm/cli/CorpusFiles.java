package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Files that hold text to learn from, and how they become documents. */
final class CorpusFiles {
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

  @Parameters(
      paramLabel = "FILES",
      arity = "1..*",
      description =
          "Text, JSON lines, folders of these, and the same inside .gz .zst .xz .bz2 .zip .tar; - for"
              + " standard input.")
  private List<Path> files = new ArrayList<>();

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

  private CorpusOptions options() {
    if (separator != null && separator.isEmpty()) {
      throw new UsageException("--separator is empty, expected at least one character");
    }
    if (include.contains("")) {
      throw new UsageException("--include is empty, expected a glob such as '*.java'");
    }
    return new CorpusOptions(
        format.format, field, separator, errors == Errors.REPLACE, skipBroken, include, false);
  }

  /** All files that were named. */
  Corpus open(Streams streams) throws IOException {
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

  /** Another file, read in the same way. */
  Corpus open(Path file) throws IOException {
    return open(List.of(file));
  }

  private Corpus open(List<Path> paths) throws IOException {
    CorpusOptions options = options();
    try {
      return Corpus.of(paths, options);
    } catch (IllegalArgumentException badGlob) {
      throw new UsageException("--include: " + badGlob.getMessage());
    }
  }
}
