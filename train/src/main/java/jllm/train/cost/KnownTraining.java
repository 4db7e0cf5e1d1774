package jllm.train.cost;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Models whose training is known, in round numbers: Radford et al. 2018 (GPT-1), Radford et al.
 * 2019 (GPT-2), Brown et al. 2020 (GPT-3), Chowdhery et al. 2022 (PaLM), Touvron et al. 2023 (Llama
 * 2).
 */
public enum KnownTraining {
  GPT_1("GPT-1", 117e6, 600e6, 100),
  GPT_2("GPT-2", 1.5e9, 28e9, 20),
  GPT_3("GPT-3", 175e9, 300e9, 1),
  PALM("PaLM", 540e9, 780e9, 1),
  LLAMA_2("Llama 2", 70e9, 2_000e9, 1);

  private final String title;
  private final TrainingCost cost;

  KnownTraining(String title, double parameters, double tokens, double epochs) {
    this.title = title;
    this.cost = new TrainingCost(parameters, tokens, epochs);
  }

  /** Its usual name. */
  public String title() {
    return title;
  }

  public TrainingCost cost() {
    return cost;
  }

  /** The name on a command line, such as {@code gpt-3}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The model of that name, which may leave hyphens out. */
  public static Optional<KnownTraining> named(String name) {
    String wanted = name.toLowerCase(Locale.ROOT).replaceAll("[-_ ]", "");
    return Arrays.stream(values())
        .filter(known -> known.id().replace("-", "").equals(wanted))
        .findFirst();
  }

  /** The names of all. */
  public static List<String> ids() {
    return Arrays.stream(values()).map(KnownTraining::id).toList();
  }
}
