package jllm.cli;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.read.Tokenizers;
import jllm.tokenize.train.BpeTrainer;
import jllm.tokenize.train.Compression;
import jllm.tokenize.train.CompressionMeter;
import jllm.tokenize.train.PatternException;
import jllm.tokenize.train.TokenizerFiles;
import jllm.tokenize.train.TrainOptions;
import jllm.tokenize.train.TrainedBpe;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jllm train-bpe}: learns a tokenizer from text. */
@Command(
    name = "train-bpe",
    description = "Learn a byte-level BPE tokenizer from text.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "The most frequent pair of neighbouring tokens becomes a token, among equals the smaller pair of",
      "ids, until the vocabulary is full. Ids are: the special tokens, the 256 bytes by the code points",
      "of their visible characters, the merges in the order in which they were learned. The corpus is",
      "not searched for special tokens: their text is learned from like any other.",
      "",
      "The memory needed grows with the distinct words, not with the corpus. They are counted up to",
      "--max-words; above it the rarest are dropped, all of one count together, until at most half are",
      "left, and the report says how many.",
      "",
      "The report compares bytes per token with gpt2 and cl100k_base: on the text of --eval, or else on a",
      "part (up to 2 MiB) of the text that was learned from.",
      "",
      "Example: jllm train-bpe corpus.jsonl.zst --vocab-size 32768 --special-tokens '<|endoftext|>' -o"
          + " my-tokenizer"
    })
final class TrainBpeCommand implements Callable<Integer> {
  private static final int MOST_TOKENS = 1 << 24;
  private static final int MOST_THREADS = 1024;

  private final Streams streams;

  @Mixin private final CorpusFiles files = new CorpusFiles();

  @Option(
      names = "--vocab-size",
      paramLabel = "N",
      required = true,
      description = "Tokens in all: special tokens, 256 bytes and merges.")
  private int vocabSize;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIR",
      required = true,
      description = "Where tokenizer.json, vocab.json and merges.txt are written.")
  private Path output = Path.of("");

  @Option(names = "--force", description = "Replace these files where they exist.")
  private boolean force;

  @Option(
      names = "--pattern",
      paramLabel = "PATTERN",
      defaultValue = "gpt2",
      description =
          "What cuts text into words, beyond which no token reaches: gpt2, cl100k, o200k, llama3,"
              + " qwen2, tekken, none (a document is a word), or a regular expression. Default: ${DEFAULT-VALUE}.")
  private String pattern = "gpt2";

  @Option(
      names = "--special-tokens",
      paramLabel = "TOKEN,...",
      split = ",",
      description = "Tokens that get the first ids, without commas; may be given more than once.")
  private List<String> specialTokens = new ArrayList<>();

  @Option(
      names = "--min-frequency",
      paramLabel = "N",
      defaultValue = "0",
      description = "Pairs that occur less often are not merged. Default: ${DEFAULT-VALUE}.")
  private long minFrequency;

  @Option(
      names = "--max-token-length",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Merges stay below so many bytes (two bytes may always be merged); 0 = no limit. Default:"
              + " ${DEFAULT-VALUE}.")
  private int maxTokenLength;

  @Option(
      names = "--limit-alphabet",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "The most characters of the alphabet; 0 = no limit. A byte-level alphabet is all 256 bytes,"
              + " so less is refused and more changes nothing.")
  private int limitAlphabet;

  @Option(
      names = "--doc-cap",
      paramLabel = "N",
      defaultValue = "0",
      description = "Learn from the first N characters of each document; 0 = all.")
  private int docCap;

  @Option(
      names = "--max-bytes",
      paramLabel = "N",
      defaultValue = "0",
      converter = ByteSize.class,
      description = "Stop reading after so many bytes of text, such as 500M or 2G; 0 = read all.")
  private long maxBytes;

  @Option(
      names = "--max-words",
      paramLabel = "N",
      defaultValue = "" + TrainOptions.MAX_WORDS,
      description = "The most distinct words that are kept. Default: ${DEFAULT-VALUE}.")
  private int maxWords;

  @Option(
      names = {"-t", "--threads"},
      paramLabel = "N",
      defaultValue = "0",
      description = "Threads that count words; 0 = all of the machine. Default: ${DEFAULT-VALUE}.")
  private int threads;

  @Option(
      names = "--eval",
      paramLabel = "FILE",
      description = "Text to measure the compression on, read as FILES are.")
  private @Nullable Path eval;

  @Mixin private final OutputOptions outputOptions = new OutputOptions();

  TrainBpeCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    outputOptions.apply();
    TrainOptions options = options();
    TrainProgress progress = new TrainProgress(streams, outputOptions.quiet);
    BpeTrainer trainer = trainer(options, progress);
    Corpus corpus = files.open(streams);
    Corpus evaluated = eval == null ? null : files.open(eval);
    checkOutput();
    if (evaluated != null) {
      CompressionMeter.check(evaluated);
    }
    try (Interruption _ = new Interruption(progress::cancel, null);
        progress) {
      progress.begin("counting");
      TrainedBpe trained = train(trainer, corpus);
      progress.begin("writing");
      trained.write(output, force);
      progress.begin("measuring");
      List<Compression> compression = measure(trained, evaluated, progress);
      progress.close();
      report(new TrainBpeReport(trained, options, output, progress.seconds(), compression, eval));
      return ExitCode.OK;
    } catch (CancellationException interrupted) {
      String written = progress.seconds().containsKey("writing") ? "the files are" : "nothing was";
      streams.err().println("jllm: interrupted; " + written + " written");
      return ExitCode.INTERRUPTED;
    }
  }

  private void report(TrainBpeReport report) throws IOException {
    if (outputOptions.json) {
      report.writeJson(streams.out());
    } else {
      streams.out().print(report.text());
    }
    if (!outputOptions.quiet) {
      report.notices().forEach(notice -> streams.err().println("jllm: note: " + notice));
    }
  }

  /** Before the work, which may be long, not after it. */
  private void checkOutput() throws IOException {
    try {
      TokenizerFiles.check(output, force);
    } catch (FileAlreadyExistsException exists) {
      throw new FileAlreadyExistsException(
          exists.getFile(),
          null,
          "the file exists; name another folder, or replace it with --force");
    }
  }

  private TrainOptions options() {
    Range.check("--vocab-size", vocabSize, 0, MOST_TOKENS);
    Range.check("--threads", threads, 0, MOST_THREADS);
    try {
      return new TrainOptions(
          vocabSize,
          pattern,
          specialTokens,
          minFrequency,
          maxTokenLength,
          limitAlphabet,
          docCap,
          maxBytes,
          maxWords,
          threads == 0 ? Runtime.getRuntime().availableProcessors() : threads);
    } catch (IllegalArgumentException contradiction) {
      throw new UsageException(String.valueOf(contradiction.getMessage()));
    }
  }

  private static BpeTrainer trainer(TrainOptions options, TrainProgress progress) {
    try {
      return new BpeTrainer(options, progress);
    } catch (PatternException malformed) {
      throw new UsageException("--pattern: " + malformed.getMessage());
    }
  }

  private static TrainedBpe train(BpeTrainer trainer, Corpus corpus) throws IOException {
    try {
      return trainer.train(corpus);
    } catch (PatternException unfit) {
      throw new UsageException("--pattern: " + unfit.getMessage());
    }
  }

  private static List<Compression> measure(
      TrainedBpe trained, @Nullable Corpus text, TrainProgress progress) throws IOException {
    Map<String, Tokenizer> tokenizers = new LinkedHashMap<>();
    tokenizers.put("trained", trained.tokenizer());
    for (String name : List.of("gpt2", "cl100k_base")) {
      tokenizers.put(name, Tokenizers.builtIn(name));
    }
    CompressionMeter meter = new CompressionMeter(tokenizers);
    return text == null
        ? meter.measure(trained.sample())
        : meter.measure(text, trained.cuts(), progress);
  }
}
