package jllm.train.data;

import java.nio.file.Path;
import java.util.List;
import jllm.train.SettingsException;
import jllm.train.sample.LongSamples;

/**
 * Which samples a model learns from.
 *
 * @param sources at least one file or folder; see {@link jllm.train.sample.SampleFiles}
 * @param validation files that the model is measured on, empty = those of the folders, or {@code
 *     valFraction} of the samples
 * @param valFraction share of each source's samples, drawn by the seed, that are kept from training
 *     and measured on, where there are no files for that
 * @param sequential samples in the order of the files instead of a random order
 * @param packing whether a batch holds as many samples as it has room for, instead of one for each
 *     of its sequences
 * @param skipBroken whether damaged samples, and those that the template refuses, are left out
 * @param seed of the order
 */
public record SampleDataOptions(
    List<SourceSpec> sources,
    List<Path> validation,
    double valFraction,
    boolean sequential,
    boolean packing,
    LongSamples whenLong,
    boolean skipBroken,
    long seed) {

  public SampleDataOptions {
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
    if (sequential && sources.stream().anyMatch(source -> source.weight() > 0)) {
      throw new SettingsException(
          "weights of sources need a random order; leave out the weights or the sequential order");
    }
  }
}
