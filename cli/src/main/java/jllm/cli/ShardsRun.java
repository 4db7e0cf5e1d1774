package jllm.cli;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.shard.ShardListener;
import jllm.tokenize.shard.ShardOptions;
import jllm.tokenize.shard.ShardReport;
import jllm.tokenize.shard.Sharder;
import org.jspecify.annotations.Nullable;

/** Writes a corpus as token shards, shows how far it is, and can be interrupted. */
final class ShardsRun implements ShardListener {
  private final Streams streams;
  private final OutputOptions output;
  private final Path folder;
  private volatile boolean cancelled;
  private @Nullable Progress progress;
  private long nextMessage;

  ShardsRun(Streams streams, OutputOptions output, Path folder) {
    this.streams = streams;
    this.output = output;
    this.folder = folder;
  }

  /** Does the work and returns the exit code. */
  int run(
      TokenizerOptions tokenizers,
      CorpusFormat format,
      ShardCommandOptions shards,
      boolean parseSpecial,
      int threads,
      List<Path> inputs)
      throws IOException {
    if (inputs.isEmpty() && streams.inIsTerminal()) {
      throw new UsageException("no corpus; name files or folders, or give it on standard input");
    }
    Corpus corpus = format.open(inputs.isEmpty() ? List.of(Path.of("-")) : inputs, streams);
    Tokenizer tokenizer = tokenizers.open();
    ShardOptions options = shards.options(tokenizer, parseSpecial, threads);
    boolean existed = Files.exists(folder);
    if (!existed) {
      // Where the reading of a pipe is interrupted; a folder with files in it stays.
      folder.toFile().deleteOnExit();
    }
    long start = System.nanoTime();
    boolean done = false;
    try (Interruption _ = new Interruption(() -> cancelled = true, null)) {
      try {
        ShardReport report =
            new Sharder(tokenizer, options, this).write(corpus, folder, tokenizers.file());
        done = true;
        close();
        print(report, tokenizer, (System.nanoTime() - start) / 1e9);
        return ExitCode.OK;
      } catch (CancellationException interrupted) {
        close();
        streams.err().println("jllm: interrupted; nothing was written to " + folder);
        return ExitCode.INTERRUPTED;
      } catch (FileAlreadyExistsException shardsThere) {
        throw new FileAlreadyExistsException(
            shardsThere.getFile(),
            null,
            "the folder has shards; name another, or replace them with --force");
      } catch (FileSystemException | StandardOutput.Failure named) {
        throw named;
      } catch (IOException e) {
        throw new FileSystemException(
            folder.toString(),
            null,
            "the shards cannot be written: " + e.getMessage() + "; nothing of them was left there");
      } finally {
        close();
        if (!done && !existed) {
          removeEmptyFolder();
        }
      }
    }
  }

  private void removeEmptyFolder() throws IOException {
    try {
      Files.deleteIfExists(folder);
    } catch (DirectoryNotEmptyException othersWroteThere) {
      // It stays.
    }
  }

  private void close() {
    if (progress != null) {
      progress.close();
      progress = null;
    }
  }

  @Override
  public void read(long bytes, long total) {
    if (progress == null) {
      progress = Progress.bytes(streams, output.quiet, "Encoding", total);
    }
    progress.update(bytes);
  }

  @Override
  public void wrote(long tokens) {
    long now = System.nanoTime();
    if (progress != null && now >= nextMessage) {
      nextMessage = now + 100_000_000;
      progress.message(String.format(Locale.ROOT, "%.1f M tokens", tokens / 1e6));
    }
  }

  @Override
  public void skipped(String message) {
    String line = "jllm: warning: left out: " + message;
    if (progress == null) {
      streams.err().println(line);
    } else {
      progress.say(line);
    }
  }

  @Override
  public boolean cancelled() {
    return cancelled;
  }

  private void print(ShardReport report, Tokenizer tokenizer, double seconds) throws IOException {
    if (output.json) {
      try (Json json = new Json(streams.out())) {
        json.begin();
        json.field("tokenizer", tokenizer.name());
        json.field("format", report.format().name().toLowerCase(Locale.ROOT));
        json.field("documents", report.corpus().documents());
        json.field("skipped", report.corpus().skipped());
        json.field("textBytes", report.corpus().textBytes());
        json.field("trainTokens", report.trainTokens());
        json.field("valTokens", report.valTokens());
        json.field("files", report.files());
        json.field("seconds", seconds);
        json.end();
      }
      return;
    }
    streams
        .out()
        .print(
            String.format(
                Locale.ROOT,
                "%s: %d documents, %d bytes of text: %d tokens to train on, %d to validate (%s, %d"
                    + " files)%s%n",
                folder,
                report.corpus().documents(),
                report.corpus().textBytes(),
                report.trainTokens(),
                report.valTokens(),
                report.format().name().toLowerCase(Locale.ROOT),
                report.files().size(),
                report.corpus().skipped() == 0
                    ? ""
                    : ", " + report.corpus().skipped() + " documents left out"));
  }
}
