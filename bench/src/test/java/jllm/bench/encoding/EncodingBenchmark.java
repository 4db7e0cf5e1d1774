package jllm.bench.encoding;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToIntFunction;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.Encoder;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.read.Tokenizers;

/**
 * Encodes documents of 4,000 characters with this program, jtokkit and Hugging Face's native
 * library, in turns, after checking that the tokens are the same: medians of several rounds in
 * MB/s, ratios, and the bytes that encoding allocates per token. {@code scripts/encoding-speed}
 * runs it.
 */
public final class EncodingBenchmark {

  private static final int ROUNDS = 5;

  private final double seconds;
  private final Map<String, List<String>> corpora = new LinkedHashMap<>();

  private EncodingBenchmark(double seconds) {
    this.seconds = seconds;
  }

  /**
   * Arguments: a folder of English texts ({@code *.txt}), seconds a measurement, then tokenizers:
   * names of built-in ones or files.
   */
  public static void main(String[] args) throws IOException {
    if (args.length < 3) {
      System.err.println("usage: scripts/encoding-speed FOLDER SECONDS TOKENIZER...");
      System.exit(2);
    }
    EncodingBenchmark benchmark = new EncodingBenchmark(Double.parseDouble(args[1]));
    benchmark.corpora.put("English", Corpora.texts(Path.of(args[0])));
    benchmark.corpora.put("Java", Corpora.javaSource());
    System.out.println(
        "| tokenizer | text | jllm MB/s | jtokkit | Hugging Face | jllm / jtokkit | jllm / HF"
            + " | 2 threads MB/s | 2 / 1 | bytes allocated per token |");
    System.out.println("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (String name : Arrays.copyOfRange(args, 2, args.length)) {
      benchmark.measure(name);
    }
  }

  private void measure(String name) throws IOException {
    boolean builtIn = Tokenizers.builtInNames().contains(name);
    Tokenizer tokenizer = builtIn ? Tokenizers.builtIn(name) : Tokenizers.open(Path.of(name), null);
    List<Contender> contenders = new ArrayList<>();
    contenders.add(Contender.ours(tokenizer, 1));
    contenders.add(Contender.ours(tokenizer, 2));
    contenders.add(Contender.huggingFace(tokenizer));
    if (builtIn) {
      contenders.add(Contender.jtokkit(name.equals("gpt2") ? "r50k_base" : name));
    }
    for (Map.Entry<String, List<String>> corpus : corpora.entrySet()) {
      List<String> documents = corpus.getValue();
      String different = different(tokenizer, contenders, documents);
      Map<String, Double> speed = speeds(contenders, documents);
      double one = speed.getOrDefault("jllm", 0.0);
      double two = speed.getOrDefault("jllm, 2 threads", 0.0);
      Double hf = speed.get("Hugging Face");
      Double jtokkit = speed.get("jtokkit");
      System.out.printf(
          Locale.ROOT,
          "| %s | %s, %.1f MB | %.1f | %s | %s | %s | %s | %.1f | %.2f | %.2f |%s%n",
          builtIn ? name : Path.of(name).getFileName(),
          corpus.getKey(),
          Arrays.stream(Corpora.sizes(documents)).sum() / 1e6,
          one,
          text("%.1f", jtokkit, 1),
          text("%.2f", hf, 1),
          text("%.2f", jtokkit, one),
          text("%.1f", hf, one),
          two,
          two / one,
          allocated(tokenizer, documents),
          different);
    }
  }

  private static String text(
      String format, @org.jspecify.annotations.Nullable Double of, double one) {
    return of == null ? "" : String.format(Locale.ROOT, format, one == 1 ? of : one / of);
  }

  private static String different(
      Tokenizer tokenizer, List<Contender> contenders, List<String> documents) {
    StringBuilder result = new StringBuilder();
    for (Contender other : contenders) {
      int different = 0;
      for (String document : documents) {
        // The native library takes special text for special tokens, always.
        int[] ids = tokenizer.encode(document, new EncodeOptions(false, other.parsesSpecial()));
        different += Arrays.equals(ids, other.ids().apply(document)) ? 0 : 1;
      }
      if (different > 0) {
        result.append(" ").append(different).append(" documents differ: ").append(other.name());
      }
    }
    return result.toString();
  }

  private Map<String, Double> speeds(List<Contender> contenders, List<String> documents) {
    long[] sizes = Corpora.sizes(documents);
    Map<String, double[]> rounds = new LinkedHashMap<>();
    for (int round = -1; round < ROUNDS; round++) {
      for (Contender contender : contenders) {
        double speed = speed(contender, documents, sizes);
        // The first round warms up.
        if (round >= 0) {
          rounds.computeIfAbsent(contender.name(), n -> new double[ROUNDS])[round] = speed;
        }
      }
    }
    Map<String, Double> medians = new LinkedHashMap<>();
    rounds.forEach((name, speeds) -> {
      Arrays.sort(speeds);
      medians.put(name, speeds[ROUNDS / 2]);
    });
    return medians;
  }

  /** Lets the threads of a contender work for a while: MB/s of all together. */
  private double speed(Contender contender, List<String> documents, long[] sizes) {
    int threads = contender.threads();
    double[] speeds = new double[threads];
    Thread[] team = new Thread[threads];
    for (int t = 0; t < threads; t++) {
      int k = t;
      team[t] = Thread.ofPlatform().start(() -> speeds[k] = speed(contender, documents, sizes, k));
    }
    for (Thread thread : team) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
    return Arrays.stream(speeds).sum();
  }

  private double speed(Contender contender, List<String> documents, long[] sizes, int first) {
    ToIntFunction<String> worker = contender.workers().get();
    long start = System.nanoTime();
    long bytes = 0;
    long tokens = 0;
    double elapsed = 0;
    for (int i = first; elapsed < seconds; i += contender.threads()) {
      int document = i % documents.size();
      tokens += worker.applyAsInt(documents.get(document));
      bytes += sizes[document];
      elapsed = (System.nanoTime() - start) / 1e9;
    }
    if (tokens == 0) {
      throw new IllegalStateException(contender.name() + " found no tokens");
    }
    return bytes / elapsed / 1e6;
  }

  /** The bytes allocated per token where the text is UTF-8 and the buffer is used again. */
  private static double allocated(Tokenizer tokenizer, List<String> documents) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    Encoder encoder = tokenizer.newEncoder();
    TokenBuffer out = new TokenBuffer();
    byte[][] utf8 = new byte[documents.size()][];
    Arrays.setAll(utf8, i -> documents.get(i).getBytes(StandardCharsets.UTF_8));
    long tokens = 0;
    long allocated = 0;
    for (int round = 0; round < 2; round++) {
      tokens = 0;
      long before = threads.getCurrentThreadAllocatedBytes();
      for (byte[] document : utf8) {
        out.clear();
        encoder.encode(document, 0, document.length, EncodeOptions.PLAIN, out);
        tokens += out.size();
      }
      allocated = threads.getCurrentThreadAllocatedBytes() - before;
    }
    return (double) allocated / tokens;
  }
}
