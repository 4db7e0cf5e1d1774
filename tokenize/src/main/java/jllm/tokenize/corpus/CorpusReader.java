package jllm.tokenize.corpus;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorInputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;
import org.apache.commons.compress.compressors.zstandard.ZstdCompressorInputStream;
import org.jspecify.annotations.Nullable;

/** One reading of a corpus: takes sources apart down to documents and keeps the counts. */
final class CorpusReader {
  /** A text of up to so many bytes is one chunk. */
  static final int WHOLE = 1 << 22;

  /** A text that may have to be left out whole is held up to so many bytes. */
  static final int WHOLE_TO_SKIP = 1 << 28;

  private static final int MAX_DEPTH = 8;

  private final CorpusOptions options;
  private final DocumentSink sink;
  private final @Nullable ContentSink contents;
  private final NameFilter filter;
  private final List<SourceSummary> finished = new ArrayList<>();
  private boolean complete = true;

  // The source being read: its bytes read so far, and those of all before it.
  private long finishedBytes;
  private long position;
  private @Nullable SourceStream current;
  private long documents;
  private long textBytes;
  private long skipped;

  CorpusReader(CorpusOptions options, DocumentSink sink) {
    this(options, sink, null);
  }

  /** For files as they are, not for documents. */
  CorpusReader(CorpusOptions options, ContentSink contents) {
    this(options, _ -> true, contents);
  }

  private CorpusReader(CorpusOptions options, DocumentSink sink, @Nullable ContentSink contents) {
    this.options = options;
    this.sink = sink;
    this.contents = contents;
    this.filter = new NameFilter(options.include());
  }

  CorpusSummary summary() {
    return new CorpusSummary(finished, complete);
  }

  /** Reads a source; false if the sink has had enough. */
  boolean read(Corpus.Source source) throws IOException {
    position = 0;
    current = null;
    documents = 0;
    textBytes = 0;
    skipped = 0;
    boolean more =
        switch (source) {
          case Corpus.Source.Input input ->
              readStream(new SourceStream(input.stream(), options.hash()), source.name());
          case Corpus.Source.File file -> readFile(file);
        };
    complete &= more;
    return more;
  }

  private boolean readFile(Corpus.Source.File file) throws IOException {
    Path path = file.path();
    String name = file.name();
    if (Files.isRegularFile(path) && isZip(path)) {
      boolean more =
          readable(name, () -> ZipFiles.read(this, path, name, filter, read -> position = read));
      String hash = options.hash() && more ? ZipFiles.sha256(path) : null;
      finish(name, Files.size(path), hash);
      return more;
    }
    try (InputStream in = Files.newInputStream(path)) {
      return readStream(new SourceStream(in, options.hash()), name);
    }
  }

  private static boolean isZip(Path path) throws IOException {
    try (InputStream in = Files.newInputStream(path)) {
      byte[] head = in.readNBytes(Container.HEAD);
      return Container.of(head, head.length) == Container.ZIP;
    }
  }

  private boolean readStream(SourceStream in, String name) throws IOException {
    current = in;
    boolean more = readable(name, () -> content(in, name, name, 0));
    if (more) {
      in.drain();
    }
    current = null;
    finish(name, in.count(), more ? in.hash() : null);
    return more;
  }

  private void finish(String name, long bytes, @Nullable String hash) {
    finished.add(new SourceSummary(name, bytes, hash, documents, textBytes, skipped));
    finishedBytes += bytes;
  }

  /** Part of the reading. */
  interface Step {
    boolean run() throws IOException;
  }

  /** Runs a step; what cannot be read is left out where that was asked for. */
  boolean readable(String origin, Step step) throws IOException {
    try {
      return step.run();
    } catch (CorpusException e) {
      if (!options.skipBroken()) {
        throw e;
      }
      skip(String.valueOf(e.getMessage()));
      return true;
    }
  }

  /**
   * Reads what may be compressed, an archive, or text.
   *
   * @param origin what to call it in messages
   * @param name decides between text and JSON lines
   */
  boolean content(InputStream raw, String origin, String name, int depth) throws IOException {
    if (depth > MAX_DEPTH) {
      throw new CorpusException(
          origin + ": more than " + MAX_DEPTH + " archives inside one another");
    }
    BufferedInputStream in = new BufferedInputStream(raw, 1 << 16);
    in.mark(Container.HEAD);
    byte[] head = in.readNBytes(Container.HEAD);
    in.reset();
    Container claimed = Container.named(name);
    Container container = Container.of(head, head.length);
    if (container == null && claimed == Container.TAR && head.length == Container.HEAD) {
      container = Container.TAR; // from before POSIX, without a mark
    }
    if (container == null) {
      if (claimed != null) {
        throw new CorpusException(
            origin
                + ": named like a "
                + claimed.label()
                + " file, but it does not begin like one; rename it if it is text");
      }
      return contents == null
          ? documents(in, origin, name)
          : contents.accept(origin, name, in, this::bytesRead);
    }
    if (container == Container.TAR || container == Container.ZIP) {
      return Archives.read(this, container, in, origin, filter, depth);
    }
    InputStream unpacked = decompress(container, in, origin);
    return content(unpacked, origin, container.inner(name), depth + 1);
  }

  private static InputStream decompress(Container container, InputStream in, String origin) {
    try {
      InputStream unpacked =
          switch (container) {
            case GZIP ->
                GzipCompressorInputStream.builder()
                    .setInputStream(in)
                    .setDecompressConcatenated(true)
                    .get();
            case ZSTD -> new ZstdCompressorInputStream(in);
            case XZ -> new XZCompressorInputStream(in, true);
            case BZIP2 -> new BZip2CompressorInputStream(in, true);
            default -> throw new IllegalArgumentException(container + " is an archive");
          };
      return new UnpackedStream(unpacked, origin, container.label());
    } catch (IOException | RuntimeException e) {
      throw UnpackedStream.damaged(origin, container.label(), e);
    }
  }

  private boolean documents(InputStream in, String origin, String name) throws IOException {
    if (isJsonLines(name)) {
      return new SegmentReader(
              in, new byte[] {'\n'}, Integer.MAX_VALUE, new JsonLines(this, origin, options))
          .read();
    }
    String separator = options.separator();
    return new SegmentReader(
            in,
            separator == null ? null : separator.getBytes(StandardCharsets.UTF_8),
            options.skipBroken() ? WHOLE_TO_SKIP : WHOLE,
            new TextDocuments(this, origin, options))
        .read();
  }

  private boolean isJsonLines(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return switch (options.format()) {
      case TEXT -> false;
      case JSON_LINES -> true;
      case AUTO ->
          lower.endsWith(".jsonl") || lower.endsWith(".ndjson") || lower.endsWith(".jsonlines");
    };
  }

  /** Hands a document or a part of one to the sink. */
  boolean emit(byte[] text, boolean first, boolean last) {
    if (first) {
      documents++;
    }
    textBytes += text.length;
    return sink.accept(new Chunk(text, first, last, bytesRead()));
  }

  /** Of all sources, as they lie on disk. */
  private long bytesRead() {
    return finishedBytes + (current == null ? position : current.count());
  }

  /** Reports a broken document, which is then left out, or ends the reading. */
  void broken(String message) {
    if (!options.skipBroken()) {
      throw new CorpusException(message);
    }
    skip(message);
  }

  private void skip(String message) {
    skipped++;
    sink.skipped(message);
  }
}
