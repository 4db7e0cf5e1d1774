package jllm.tokenize.shard;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.Encoder;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.corpus.Batch;
import jllm.tokenize.corpus.Batcher;
import jllm.tokenize.corpus.Chunk;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusException;
import jllm.tokenize.corpus.CorpusSummary;
import jllm.tokenize.corpus.DocumentSink;
import jllm.tokenize.corpus.Work;
import jllm.tokenize.stream.Cuts;
import org.jspecify.annotations.Nullable;

/**
 * Encodes a corpus into token shards: reads and writes on the calling thread, encodes on others,
 * and keeps the order, so that the files depend on the corpus, the tokenizer and the options but
 * not on the number of threads. Files appear under their names only when all is done.
 */
public final class Sharder {
  private static final int BATCH_BYTES = 1 << 18;
  private static final Pattern SHARD_NAME = Pattern.compile("(train|val)-[0-9]{6}\\.bin");

  private final Tokenizer tokenizer;
  private final ShardOptions options;
  private final ShardListener listener;
  private final Cuts cuts;
  private final ConcurrentLinkedQueue<Encoder> encoders = new ConcurrentLinkedQueue<>();

  /** Tokens of a batch, with the end of each segment. */
  private record Encoded(TokenBuffer tokens, int[] ends, boolean[] lasts, int count) {}

  /**
   * @throws IllegalArgumentException if the separator is no id of the tokenizer, or the files are
   *     to have a layout that does not hold all of its ids
   */
  public Sharder(Tokenizer tokenizer, ShardOptions options, ShardListener listener) {
    this.tokenizer = tokenizer;
    this.options = options;
    this.listener = listener;
    this.cuts = Cuts.of(tokenizer, options.parseSpecial());
    if (options.format() == ShardFormat.UINT16
        && ShardFormat.of(tokenizer.vocabulary().size()) != ShardFormat.UINT16) {
      throw new IllegalArgumentException(
          "uint16 does not hold the "
              + tokenizer.vocabulary().size()
              + " ids of "
              + tokenizer.name());
    }
    if (options.separator() >= 0) {
      tokenizer.vocabulary().text(options.separator());
    }
  }

  /** The id that usually separates documents: end of sequence, or what GPT-2 uses; -1 if none. */
  public static int usualSeparator(Tokenizer tokenizer) {
    int eos = tokenizer.special().eos();
    return eos >= 0 ? eos : tokenizer.vocabulary().id("<|endoftext|>");
  }

  /**
   * Encodes a corpus into shards and a manifest in a folder, which is made if it is not there.
   *
   * @param tokenizerFile the file that the tokenizer was read from, for the manifest, or null
   * @throws FileAlreadyExistsException if the folder has shards and they are not to be replaced
   * @throws CorpusException at a broken document, or if the corpus has no text
   */
  public ShardReport write(Corpus corpus, Path folder, @Nullable Path tokenizerFile)
      throws IOException {
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new NotDirectoryException(folder.toString());
    }
    List<Path> old = oldFiles(folder);
    if (!old.isEmpty() && !options.force()) {
      throw new FileAlreadyExistsException(
          old.get(0).toString(),
          null,
          "the folder has shards; name another, or ask to replace them");
    }
    Files.createDirectories(folder);
    ShardFormat smaller = ShardFormat.of(tokenizer.vocabulary().size());
    ShardFormat format = options.format() == null ? smaller : options.format();
    Path manifest = folder.resolve(Manifest.FILE);
    Path newManifest = folder.resolve("." + Manifest.FILE + ".part");
    try (ShardWriter train = new ShardWriter(folder, "train", format, options.shardTokens());
        ShardWriter val = new ShardWriter(folder, "val", format, options.shardTokens());
        ExecutorService threads = Work.threads(options.threads(), "encoder-")) {
      CorpusSummary summary;
      try {
        summary = encode(corpus, new SplitWriter(train, val, options), threads, train, val);
      } finally {
        threads.shutdownNow();
      }
      if (train.total() + val.total() == 0) {
        throw new CorpusException("the corpus has no text: " + String.join(", ", corpus.names()));
      }
      train.finish();
      val.finish();
      Manifest.write(newManifest, tokenizer, tokenizerFile, options, format, summary, train, val);
      replace(folder, old, train, val);
      Files.move(
          newManifest,
          manifest,
          StandardCopyOption.REPLACE_EXISTING,
          StandardCopyOption.ATOMIC_MOVE);
      List<String> files = new ArrayList<>();
      train.shards().forEach(shard -> files.add(shard.file()));
      val.shards().forEach(shard -> files.add(shard.file()));
      return new ShardReport(format, summary, train.total(), val.total(), files);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } finally {
      Files.deleteIfExists(newManifest);
    }
  }

  /** The manifest goes first and comes last: with it there, the shards are those it names. */
  private static void replace(Path folder, List<Path> old, ShardWriter train, ShardWriter val)
      throws IOException {
    Files.deleteIfExists(folder.resolve(Manifest.FILE));
    Set<String> written = new HashSet<>();
    train.shards().forEach(shard -> written.add(shard.file()));
    val.shards().forEach(shard -> written.add(shard.file()));
    train.publish();
    val.publish();
    for (Path file : old) {
      if (!written.contains(String.valueOf(file.getFileName()))) {
        Files.deleteIfExists(file);
      }
    }
  }

  private static List<Path> oldFiles(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> list = Files.list(folder)) {
      return list.filter(
              file -> {
                String name = String.valueOf(file.getFileName());
                return name.equals(Manifest.FILE) || SHARD_NAME.matcher(name).matches();
              })
          .sorted()
          .toList();
    }
  }

  private CorpusSummary encode(
      Corpus corpus,
      SplitWriter writer,
      ExecutorService threads,
      ShardWriter train,
      ShardWriter val)
      throws IOException {
    long size = corpus.size();
    Deque<Future<Encoded>> window = new ArrayDeque<>();
    boolean[] continues = {false};
    Batcher batcher =
        new Batcher(
            cuts.rule(),
            BATCH_BYTES,
            batch -> {
              Work.check(listener);
              if (window.size() >= 4 * options.threads()) {
                write(Work.get(window.remove()), writer);
              }
              boolean inside = continues[0];
              continues[0] = !batch.lasts()[batch.count() - 1];
              window.add(threads.submit(() -> encode(batch, inside)));
              listener.read(batch.position(), size);
              listener.wrote(train.total() + val.total());
            });
    CorpusSummary summary =
        corpus
            .hashed()
            .read(
                new DocumentSink() {
                  @Override
                  public boolean accept(Chunk chunk) {
                    Work.check(listener);
                    batcher.add(chunk);
                    return true;
                  }

                  @Override
                  public void skipped(String message) {
                    listener.skipped(message);
                  }
                });
    batcher.finish();
    while (!window.isEmpty()) {
      Work.check(listener);
      write(Work.get(window.remove()), writer);
      listener.wrote(train.total() + val.total());
    }
    return summary;
  }

  /**
   * @param inside whether the batch begins within a document
   */
  private Encoded encode(Batch batch, boolean inside) {
    Encoder encoder = encoders.poll();
    if (encoder == null) {
      encoder = tokenizer.newEncoder();
    }
    EncodeOptions how = new EncodeOptions(false, options.parseSpecial());
    TokenBuffer tokens = new TokenBuffer();
    tokens.reserve(batch.bytes() / 3);
    int[] ends = new int[batch.count()];
    for (int i = 0; i < ends.length; i++) {
      boolean continues = i == 0 ? inside : !batch.lasts()[i - 1];
      int end = batch.ends()[i];
      int start = Math.min(end, batch.start(i) + (continues && cuts.dropsSpace() ? 1 : 0));
      encoder.encode(batch.text(), start, end, how, tokens);
      ends[i] = tokens.size();
    }
    encoders.add(encoder);
    return new Encoded(tokens, ends, batch.lasts(), ends.length);
  }

  private static void write(Encoded encoded, SplitWriter writer) {
    try {
      int from = 0;
      for (int i = 0; i < encoded.count(); i++) {
        int to = encoded.ends()[i];
        writer.write(encoded.tokens().rawIds(), from, to, encoded.lasts()[i]);
        from = to;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
