package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.corpus.Corpus;
import picocli.CommandLine.Parameters;

/** Files that hold text to learn from, and how they become documents. */
final class CorpusFiles extends CorpusFormat {
  @Parameters(
      paramLabel = "FILES",
      arity = "1..*",
      description =
          "Text, JSON lines, folders of these, and the same inside .gz .zst .xz .bz2 .zip .tar; - for"
              + " standard input.")
  private List<Path> files = new ArrayList<>();

  /** All files that were named. */
  Corpus open(Streams streams) throws IOException {
    return open(files, streams);
  }

  /** Another file, read in the same way. */
  Corpus open(Path file) throws IOException {
    return open(List.of(file));
  }
}
