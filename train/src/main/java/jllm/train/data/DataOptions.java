package jllm.train.data;

import java.nio.file.Path;
import java.util.List;
import jllm.train.SettingsException;

/**
 * What a model is trained on.
 *
 * @param sources at least one
 * @param validation files that the model is measured on, empty = {@code valFraction} of the sources
 * @param valFraction share of each source's tokens, those at its end, that are kept from training
 *     and measured on; 0 = none. Folders of shards with {@code val-*.bin} bring their own.
 * @param sequential batches in the order of the files (that of llm.c: batch i starts at token i * B
 *     * T) instead of a random order
 * @param crossDocuments whether attention crosses the boundary of documents that lie in one
 *     sequence; if not, positions start again with each document
 * @param seed of the order
 */
public record DataOptions(
    List<SourceSpec> sources,
    List<Path> validation,
    double valFraction,
    boolean sequential,
    boolean crossDocuments,
    long seed) {

  public DataOptions {
    sources = List.copyOf(sources);
    validation = List.copyOf(validation);
    SourceSpec.check(sources);
    if (sources.isEmpty()) {
      throw new SettingsException("there is nothing to train on: no file was named");
    }
    if (!(valFraction >= 0 && valFraction < 1)) {
      throw new SettingsException(
          "a validation fraction of " + valFraction + ", expected at least 0 and less than 1");
    }
    if (!validation.isEmpty() && valFraction > 0) {
      throw new SettingsException(
          "both files and a fraction were named to validate on; choose one of them");
    }
    if (sequential && sources.stream().anyMatch(source -> source.weight() > 0)) {
      throw new SettingsException(
          "weights of sources need a random order; leave out the weights or the sequential order");
    }
  }

  /** One source, no validation, random order, attention across documents. */
  public static DataOptions of(Path source, long seed) {
    return new DataOptions(List.of(new SourceSpec(source, 0)), List.of(), 0, false, true, seed);
  }
}
