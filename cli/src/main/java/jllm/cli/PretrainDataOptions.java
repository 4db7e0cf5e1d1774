package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.train.data.DataOptions;
import jllm.train.data.SampleDataOptions;
import jllm.train.data.SourceSpec;
import jllm.train.data.TrainingData;
import jllm.train.sample.LongSamples;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What a model is trained on. */
final class PretrainDataOptions {
  private static final double TEXT_FRACTION = 0.1;

  @Option(
      names = "--data",
      paramLabel = "FILE[:WEIGHT],...",
      description =
          "Text (files or folders, also compressed, JSON lines), or shards of 'tokenize"
              + " --to-shards'; several with weights: a.bin:0.7,b.bin:0.3.")
  private @Nullable String data;

  @Option(
      names = "--tokenizer",
      paramLabel = "NAME|FILE",
      description =
          "Of text, and for checkpoints: byte, char (the characters of the data), a built-in name"
              + " such as gpt2, or a file. Default: that of --init-from, or byte.")
  @Nullable String tokenizer;

  @Option(
      names = "--val-data",
      paramLabel = "FILE,...",
      description = "What the model is measured on.")
  private @Nullable String validation;

  @Option(
      names = {"--val-fraction", "--val-split"},
      paramLabel = "F",
      description =
          "Share of the data, at its end (of samples: drawn), that is kept to measure on. Default:"
              + " 0.1 of text, 0 of shards (a folder of them has its own) and with --val-data.")
  private @Nullable Double fraction;

  @Option(
      names = "--sequential",
      description = "Batches in the order of the files, not in a random one.")
  private boolean sequential;

  @Option(
      names = "--no-cross-documents",
      description =
          "Attention does not reach from one document into the one before it in the same sequence.")
  private boolean separate;

  /** The sources that were named. */
  List<SourceSpec> sources() {
    if (data == null) {
      throw new UsageException("there is nothing to train on; name text or shards with --data");
    }
    return SourceSpec.parse(data);
  }

  private List<Path> validation() {
    if (validation == null) {
      return List.of();
    }
    List<Path> files = new ArrayList<>();
    for (String name : validation.split(",", -1)) {
      if (name.isBlank()) {
        throw new UsageException("--val-data '" + validation + "' names an empty file");
      }
      files.add(Path.of(name.strip()));
    }
    return files;
  }

  /** Files of text among the sources, for a tokenizer that is made of them. */
  List<Path> texts() throws IOException {
    List<Path> texts = new ArrayList<>();
    for (SourceSpec source : sources()) {
      if (!TrainingData.isTokens(source.path())) {
        texts.add(source.path());
      }
    }
    for (Path path : validation()) {
      if (!TrainingData.isTokens(path)) {
        texts.add(path);
      }
    }
    return texts;
  }

  DataOptions options(long seed) throws IOException {
    List<SourceSpec> sources = sources();
    boolean text = false;
    for (SourceSpec source : sources) {
      text |= !TrainingData.isTokens(source.path());
    }
    double share = fraction(text ? TEXT_FRACTION : 0);
    return new DataOptions(sources, validation(), share, sequential, !separate, seed);
  }

  /** The same for files of samples. */
  SampleDataOptions samples(LongSamples whenLong, boolean packing, boolean skipBroken, long seed) {
    return new SampleDataOptions(
        sources(),
        validation(),
        fraction(TEXT_FRACTION),
        sequential,
        packing,
        whenLong,
        skipBroken,
        seed);
  }

  /**
   * The share that is kept to measure on.
   *
   * @param usual if neither it nor files were named
   */
  private double fraction(double usual) {
    if (fraction != null) {
      Range.check("--val-fraction", fraction, 0, 0.9);
      if (validation != null && fraction > 0) {
        throw new UsageException(
            "--val-fraction and --val-data both say what to measure on; choose one");
      }
      return fraction;
    }
    return validation == null ? usual : 0;
  }

  /** Whether sequences may hold several documents that are to be told apart. */
  boolean severalDocuments() throws IOException {
    List<Path> texts = texts();
    return separate
        || texts.size() > 1
        || texts.stream()
            .anyMatch(path ->
                Files.isDirectory(path)
                    || path.toString().matches(".*\\.(jsonl|ndjson|zip|tar|tgz)(\\..*)?"));
  }
}
