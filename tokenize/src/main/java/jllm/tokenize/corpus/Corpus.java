package jllm.tokenize.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Files, folders and streams to be read as documents. Compression (gzip, zstd, xz, bzip2) and
 * archives (tar, zip) are recognized by their content, also inside one another; folders are read in
 * the order of their paths, hidden files left out.
 */
public final class Corpus {

  /** One input. */
  sealed interface Source {
    String name();

    /**
     * @param path of the file
     * @param inside its path inside the folder that was named, or its own if it was named itself
     */
    record File(Path path, String inside) implements Source {
      @Override
      public String name() {
        return path.toString();
      }
    }

    /** A stream, to be read once. */
    record Input(String name, InputStream stream) implements Source {}
  }

  private final List<Source> sources;
  private final CorpusOptions options;

  private Corpus(List<Source> sources, CorpusOptions options) {
    this.sources = List.copyOf(sources);
    this.options = options;
  }

  /**
   * A corpus of files and folders.
   *
   * @throws NoSuchFileException if one does not exist
   * @throws CorpusException if a folder has no file to read
   */
  public static Corpus of(List<Path> paths, CorpusOptions options) throws IOException {
    NameFilter filter = new NameFilter(options.include());
    List<Source> sources = new ArrayList<>();
    for (Path path : paths) {
      if (!Files.exists(path)) {
        throw new NoSuchFileException(path.toString(), null, "no such file or folder");
      }
      if (!Files.isDirectory(path)) {
        sources.add(new Source.File(path, String.valueOf(path.getFileName())));
        continue;
      }
      int before = sources.size();
      try (Stream<Path> walk = Files.walk(path)) {
        walk.filter(Files::isRegularFile)
            .map(file -> new Source.File(file, path.relativize(file).toString()))
            .filter(file -> filter.accepts(file.inside()))
            .sorted(Comparator.comparing(Source.File::inside))
            .forEach(sources::add);
      }
      if (sources.size() == before) {
        throw new CorpusException(
            path
                + ": the folder holds no file to read"
                + (options.include().isEmpty() ? "" : " that matches " + options.include()));
      }
    }
    return new Corpus(sources, options);
  }

  /** A corpus of one stream, such as standard input; it can be read once. */
  public static Corpus of(String name, InputStream stream, CorpusOptions options) {
    return new Corpus(List.of(new Source.Input(name, stream)), options);
  }

  public CorpusOptions options() {
    return options;
  }

  /** The same corpus, with the hash of every file in the summary. */
  public Corpus hashed() {
    return new Corpus(sources, options.withHash(true));
  }

  /** Names of the inputs, folders taken apart. */
  public List<String> names() {
    return sources.stream().map(Source::name).toList();
  }

  /** The bytes on disk of all inputs, or -1 where that is not known. */
  public long size() throws IOException {
    long size = 0;
    for (Source source : sources) {
      if (!(source instanceof Source.File file) || !Files.isRegularFile(file.path())) {
        return -1;
      }
      size += Files.size(file.path());
    }
    return size;
  }

  /** Whether it can be read more than once. */
  public boolean isRepeatable() {
    return sources.stream()
        .allMatch(s -> s instanceof Source.File file && Files.isRegularFile(file.path()));
  }

  /**
   * Gives every file to the sink, decompressed and taken out of archives, on the calling thread.
   *
   * @throws CorpusException if a file or archive is damaged
   * @throws IOException if a file cannot be read
   */
  public void readContents(ContentSink sink) throws IOException {
    CorpusReader reader = new CorpusReader(options, sink);
    for (Source source : sources) {
      if (!reader.read(source)) {
        break;
      }
    }
  }

  /**
   * Gives every document to the sink, on the calling thread, in the order of the inputs.
   *
   * @throws CorpusException at a broken document (unless such are skipped), a damaged file or an
   *     archive member that cannot be read
   * @throws IOException if a file cannot be read
   */
  public CorpusSummary read(DocumentSink sink) throws IOException {
    CorpusReader reader = new CorpusReader(options, sink);
    for (Source source : sources) {
      if (!reader.read(source)) {
        break;
      }
    }
    return reader.summary();
  }
}
