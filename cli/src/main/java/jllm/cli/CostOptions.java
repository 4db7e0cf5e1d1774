package jllm.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jllm.train.cost.KnownTraining;
import jllm.train.cost.TrainingCost;
import jllm.train.model.ModelPresets;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What to compute about models that need not exist. */
final class CostOptions {
  private static final double LAPTOP = 100e9;

  @Option(
      names = "--training-cost",
      description = "What training known models costs, by the 6ND rule: a table.")
  private boolean table;

  @Option(
      names = "--params",
      paramLabel = "N",
      converter = Count.class,
      description = "The cost of training N parameters, such as 117e6 or 117M.")
  private @Nullable Double parameters;

  @Option(
      names = "--tokens",
      paramLabel = "N",
      converter = Count.class,
      description = "Tokens of the data, for the cost of training; also of MODEL or a preset.")
  private @Nullable Double tokens;

  @Option(names = "--epochs", paramLabel = "F", description = "Passes through them. Default: 1.")
  private @Nullable Double epochs;

  @Option(
      names = "--flops",
      paramLabel = "N",
      converter = Count.class,
      description =
          "Floating-point operations per second of the machine. Default: 100e9, a laptop.")
  private @Nullable Double flops;

  @Option(
      names = "--preset",
      paramLabel = "NAME",
      description =
          "A model by name: gpt-1, gpt-2, gpt-3, palm, llama-2 (cost of training), or a shape of"
              + " 'pretrain' (parameters, arithmetic, memory).")
  private @Nullable String preset;

  @Option(
      names = "--vocab-size",
      paramLabel = "N",
      description = "Tokens of the vocabulary of a preset's shape. Default: 50257.")
  private @Nullable Integer vocabulary;

  @Option(
      names = "--layers",
      paramLabel = "N,N,...",
      split = ",",
      description = "The parameters of a net of linear layers of these widths: 1000,300,1000.")
  private int[] layers = {};

  /** Whether it is not about a file. */
  boolean areGiven() {
    return table || parameters != null || preset != null || layers.length > 0;
  }

  /** Whether the cost of training is asked for. */
  boolean trains() {
    return tokens != null;
  }

  /** What those options ask for. */
  Finding report() {
    long kinds =
        List.of(table, parameters != null, preset != null, layers.length > 0).stream()
            .filter(given -> given)
            .count();
    if (kinds > 1) {
      throw new UsageException(
          "--training-cost, --params, --preset and --layers are different questions; choose one");
    }
    if (layers.length > 0) {
      return CostReport.ofLayers(checkedLayers());
    }
    if (table) {
      refuse(tokens, "--tokens");
      refuse(epochs, "--epochs");
      return CostReport.ofTraining(List.of(), true, rate());
    }
    if (parameters != null) {
      return training("this model", parameters, true);
    }
    return preset(String.valueOf(preset));
  }

  /** The cost of training a model that exists, or was named. */
  Finding training(String name, double parameters, boolean withKnown) {
    if (tokens == null) {
      throw new UsageException("how many tokens it is trained on is missing; give --tokens");
    }
    double passes = epochs == null ? 1 : epochs;
    Range.check("--epochs", passes, 1e-9, 1e9);
    TrainingCost cost = new TrainingCost(parameters, tokens, passes);
    return CostReport.ofTraining(List.of(new CostReport.Row(name, cost)), withKnown, rate());
  }

  private Finding preset(String name) {
    KnownTraining known = KnownTraining.named(name).orElse(null);
    if (known != null) {
      TrainingCost usual = known.cost();
      TrainingCost cost =
          new TrainingCost(
              usual.parameters(),
              tokens == null ? usual.tokens() : tokens,
              epochs == null ? usual.epochs() : epochs);
      return CostReport.ofTraining(List.of(new CostReport.Row(known.title(), cost)), false, rate());
    }
    if (!ModelPresets.names().contains(name)) {
      throw new UsageException(
          "there is no preset %s; known are %s (cost of training) and %s (shapes)"
              .formatted(
                  name,
                  String.join(", ", KnownTraining.ids()),
                  String.join(", ", ModelPresets.names())));
    }
    ShapeReport shape = new ShapeReport(name, vocabulary == null ? 50_257 : vocabulary);
    return tokens == null ? shape.report() : training(name, shape.parameters(), false);
  }

  private double rate() {
    return flops == null ? LAPTOP : flops;
  }

  private int[] checkedLayers() {
    if (layers.length < 2) {
      throw new UsageException(
          "--layers has one width, expected two or more, from the inputs to the outputs");
    }
    List<Integer> wrong = new ArrayList<>();
    Arrays.stream(layers).filter(width -> width < 1).forEach(wrong::add);
    if (!wrong.isEmpty()) {
      throw new UsageException(
          "--layers has a width of " + wrong.getFirst() + ", expected 1 or more");
    }
    return layers;
  }

  private static void refuse(@Nullable Object value, String option) {
    if (value != null) {
      throw new UsageException(option + " belongs to one model; --training-cost shows known ones");
    }
  }
}
