package jllm.cli;

import java.io.IOException;
import java.util.List;
import jllm.format.ModelFile;
import jllm.tokenize.Tokenizer;
import jllm.train.data.SampleData;
import jllm.train.data.SourceSpec;
import jllm.train.data.TrainingData;
import jllm.train.sample.SampleFiles;
import jllm.train.sample.SampleReader;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What a model is tuned on: samples, or texts and tokens that run on. */
final class SampleTrainingOptions {
  @Mixin private final SampleFormatOptions format = new SampleFormatOptions();

  @Option(
      names = "--packing",
      description =
          "Samples: fill the sequences of a batch with as many as there is room for. They do not"
              + " see each other.")
  private boolean packing;

  @Option(
      names = "--skip-broken",
      description =
          "Samples: leave out damaged ones, and those that the chat template refuses, with a"
              + " warning.")
  private boolean skipBroken;

  /**
   * Opens the data.
   *
   * @param length tokens of a sequence, at most
   */
  TrainingData open(
      PretrainDataOptions data,
      ModelFile model,
      Tokenizer tokenizer,
      int length,
      long seed,
      PretrainDisplay display)
      throws IOException {
    int vocabulary = model.config().vocabularySize();
    if (!samples(data)) {
      refuse("--packing", packing);
      refuse("--skip-broken", skipBroken);
      format.given().forEach(option -> refuse(option, true));
      return TrainingData.open(data.options(seed), tokenizer, vocabulary, length, display);
    }
    SampleReader reader = format.reader(model.path(), tokenizer);
    SampleData samples =
        SampleData.open(
            data.samples(format.whenLong(), packing, skipBroken, seed),
            reader,
            vocabulary,
            length,
            display);
    display.close();
    SampleDataText.lines(data.sources(), samples, format, reader.encoder().templateName())
        .forEach(display::say);
    return samples;
  }

  private static void refuse(String option, boolean given) {
    if (given) {
      throw new UsageException(
          option + " is for samples (JSON), but --data names texts or tokens; leave it out");
    }
  }

  private static boolean samples(PretrainDataOptions data) throws IOException {
    List<SourceSpec> sources = data.sources();
    int samples = 0;
    for (SourceSpec source : sources) {
      boolean tokens = TrainingData.isTokens(source.path());
      samples += !tokens && SampleFiles.isSamples(source.path()) ? 1 : 0;
    }
    if (samples > 0 && samples < sources.size()) {
      throw new UsageException(
          "--data names both samples (JSON) and texts or tokens; train on one kind at a time");
    }
    return samples > 0;
  }
}
