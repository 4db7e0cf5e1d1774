package jllm.bench.train;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusOptions;
import jllm.tokenize.train.BpeTrainer;
import jllm.tokenize.train.TrainListener;
import jllm.tokenize.train.TrainOptions;
import jllm.tokenize.train.TrainedBpe;
import org.jspecify.annotations.Nullable;

/**
 * How long it takes to learn a tokenizer from a text file, in processes of its own (from the start
 * of the JVM to the files written, the median of several), by phase, and beside SentencePiece's
 * {@code spm_train --model_type=bpe} on the same file and cores, where that is installed.
 *
 * <p>Arguments: a text file, or a number of megabytes of Java source from this JDK's {@code
 * lib/src.zip}; then sizes of the vocabulary. With {@code --growth} before them, instead: how the
 * phases grow with the corpus and the vocabulary, after a warm-up.
 */
public final class TrainBpeBenchmark {
  private static final int RUNS = 5;
  private static final int THREADS = Runtime.getRuntime().availableProcessors();

  private TrainBpeBenchmark() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    List<String> words = new ArrayList<>(Arrays.asList(args));
    boolean growth = words.remove("--growth");
    boolean once = words.remove("--once");
    if (words.size() < 2) {
      System.err.println("usage: [--growth] TEXT_FILE|MEGABYTES VOCABULARY_SIZE...");
      System.exit(2);
    }
    Path folder = Files.createTempDirectory("bench-train-bpe");
    try {
      Path text = text(words.removeFirst(), folder);
      List<Integer> sizes = words.stream().map(Integer::valueOf).toList();
      if (once) {
        once(text, sizes.getFirst(), folder);
      } else if (growth) {
        growth(text, sizes);
      } else {
        for (int size : sizes) {
          compare(text, size, folder);
        }
      }
    } finally {
      try (Stream<Path> files = Files.walk(folder)) {
        files.sorted((a, b) -> b.compareTo(a)).forEach(file -> file.toFile().delete());
      }
    }
  }

  private static Path text(String argument, Path folder) throws IOException {
    return argument.matches("\\d+")
        ? JavaSource.write(folder.resolve("java.txt"), Long.parseLong(argument) * 1_000_000)
        : Path.of(argument);
  }

  /** Seconds of the phases. */
  private record Phases(double counting, double merging, double writing) {}

  private static Phases train(Path text, int size, long maxBytes, @Nullable Path out)
      throws IOException {
    long[] counted = new long[1];
    TrainListener listener =
        new TrainListener() {
          @Override
          public void counted(int distinctWords, long textBytes) {
            counted[0] = System.nanoTime();
          }
        };
    TrainOptions options = TrainOptions.of(size).withThreads(THREADS);
    options = options.withLimits(0, maxBytes, TrainOptions.MAX_WORDS);
    long start = System.nanoTime();
    TrainedBpe trained =
        new BpeTrainer(options, listener).train(Corpus.of(List.of(text), CorpusOptions.DEFAULT));
    long merged = System.nanoTime();
    if (out != null) {
      trained.write(out, false);
    }
    long end = System.nanoTime();
    return new Phases(
        (counted[0] - start) / 1e9, (merged - counted[0]) / 1e9, (end - merged) / 1e9);
  }

  private static void once(Path text, int size, Path folder) throws IOException {
    Phases p = train(text, size, 0, folder.resolve("out"));
    System.out.println(p.counting + " " + p.merging + " " + p.writing);
  }

  private static void compare(Path text, int size, Path folder)
      throws IOException, InterruptedException {
    print("%.1f MB, vocabulary %,d, %d threads", Files.size(text) / 1e6, size, THREADS);
    List<double[]> runs = new ArrayList<>();
    double peer = 0;
    for (int run = 0; run < RUNS; run++) {
      runs.add(ours(text, size, folder));
      if (run == RUNS / 2) {
        peer = sentencePiece(text, size, folder);
      }
    }
    runs.sort((a, b) -> Double.compare(a[0], b[0]));
    double[] median = runs.get(RUNS / 2);
    print(
        "  jllm       %7.2f s (counting %.2f, merging %.2f, verifying and writing %.2f, the rest is"
            + " the JVM's start; %.2f to %.2f in %d runs)",
        median[0], median[1], median[2], median[3], runs.getFirst()[0], runs.getLast()[0], RUNS);
    if (peer > 0) {
      print("  spm_train  %7.2f s", peer);
      print("  ratio      %7.1f", peer / median[0]);
    } else {
      print("  spm_train is not on the path");
    }
  }

  /** Seconds of a process, and of its phases. */
  private static double[] ours(Path text, int size, Path folder)
      throws IOException, InterruptedException {
    Path out = folder.resolve("phases");
    long start = System.nanoTime();
    run(
        out,
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:+UseSerialGC",
            "-XX:-UsePerfData",
            "-cp",
            System.getProperty("java.class.path"),
            TrainBpeBenchmark.class.getName(),
            "--once",
            text.toString(),
            String.valueOf(size)));
    double seconds = (System.nanoTime() - start) / 1e9;
    String[] phases = Files.readString(out).strip().split(" ");
    return new double[] {
      seconds,
      Double.parseDouble(phases[0]),
      Double.parseDouble(phases[1]),
      Double.parseDouble(phases[2])
    };
  }

  private static double sentencePiece(Path text, int size, Path folder)
      throws IOException, InterruptedException {
    boolean installed =
        Stream.of(System.getenv("PATH").split(File.pathSeparator))
            .anyMatch(path -> Files.isExecutable(Path.of(path, "spm_train")));
    if (!installed) {
      return 0;
    }
    long start = System.nanoTime();
    run(
        folder.resolve("log"),
        List.of(
            "spm_train",
            "--model_type=bpe",
            "--input=" + text,
            "--model_prefix=" + folder.resolve("spm"),
            "--vocab_size=" + size,
            "--num_threads=" + THREADS));
    return (System.nanoTime() - start) / 1e9;
  }

  private static void run(Path out, List<String> command) throws IOException, InterruptedException {
    Path err = out.resolveSibling("err");
    int code =
        new ProcessBuilder(command)
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start()
            .waitFor();
    if (code != 0) {
      throw new IOException(command.getFirst() + " failed: " + Files.readString(err));
    }
  }

  private static void growth(Path text, List<Integer> sizes) throws IOException {
    int largest = sizes.getLast();
    long bytes = Files.size(text);
    train(text, largest, 0, null);
    train(text, largest, 0, null);
    print("counting, vocabulary %,d:", largest);
    for (long part = 8; part >= 1; part /= 2) {
      Phases p = best(text, largest, bytes / part);
      double mb = bytes / part / 1e6;
      print("  %6.1f MB  %6.3f s  %5.0f MB/s", mb, p.counting, mb / p.counting);
    }
    print("merging, %.1f MB:", bytes / 1e6);
    for (int size : sizes) {
      Phases p = best(text, size, 0);
      print(
          "  %,7d tokens  %6.3f s  %6.1f us/merge",
          size, p.merging, p.merging * 1e6 / (size - 256));
    }
  }

  private static Phases best(Path text, int size, long maxBytes) throws IOException {
    Phases best = new Phases(Double.MAX_VALUE, Double.MAX_VALUE, 0);
    for (int run = 0; run < RUNS; run++) {
      Phases p = train(text, size, maxBytes, null);
      best = new Phases(Math.min(best.counting, p.counting), Math.min(best.merging, p.merging), 0);
    }
    return best;
  }

  private static void print(String format, Object... values) {
    System.out.println(String.format(Locale.ROOT, format, values));
  }
}
