package jllm.cli;

import java.util.ArrayList;
import java.util.List;
import jllm.train.AdapterOptions;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;

/** What an adapter in training is to be. */
final class AdapterTrainingOptions {
  private static final List<String> NAMES =
      List.of(
          "--lora-rank",
          "--lora-alpha",
          "--lora-dropout",
          "--lora-targets",
          "--use-rslora",
          "--num-layers");

  @Option(
      names = "--lora-rank",
      paramLabel = "N",
      defaultValue = "16",
      description = "Rank of the changes. Default: ${DEFAULT-VALUE}.")
  private int rank;

  @Option(
      names = "--lora-alpha",
      paramLabel = "F",
      defaultValue = "32",
      description = "The changes are multiplied by alpha / rank. Default: ${DEFAULT-VALUE}.")
  private double alpha;

  @Option(
      names = "--lora-dropout",
      paramLabel = "F",
      defaultValue = "0.05",
      description = "Share of its inputs that the adapter does not see. Default: ${DEFAULT-VALUE}.")
  private double loraDropout;

  @Option(
      names = "--lora-targets",
      paramLabel = "NAME,...",
      split = ",",
      defaultValue = "all",
      description =
          "Layers that are changed: q, k, v, o, gate, up, down, attention, all, or names such as"
              + " q_proj. Default: ${DEFAULT-VALUE}.")
  private List<String> targets = List.of();

  @Option(names = "--use-rslora", description = "Multiply by alpha / sqrt(rank).")
  private boolean rankStabilized;

  @Option(
      names = "--num-layers",
      paramLabel = "N",
      defaultValue = "0",
      description = "Change the last N blocks alone; 0 = all. Default: ${DEFAULT-VALUE}.")
  private int blocks;

  AdapterOptions options() {
    return new AdapterOptions(
        rank, alpha, rankStabilized, loraDropout, new ArrayList<>(targets), blocks);
  }

  /** Refuses options of adapters where none is trained. */
  void refuse(ParseResult given) {
    for (String name : NAMES) {
      if (given.hasMatchedOption(name)) {
        throw new UsageException(
            name + " is for adapters; leave it out, or choose --fine-tune-type lora");
      }
    }
  }
}
