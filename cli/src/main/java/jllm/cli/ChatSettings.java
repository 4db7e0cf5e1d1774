package jllm.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import jllm.generate.GenerationOptions;
import jllm.generate.SamplingSettings;

/** What {@code /set} shows and changes, named as the options of the command line. */
final class ChatSettings {
  private final SamplingOptions sampling;
  private final ChatLengthOptions lengths;
  private final Map<String, Setting> settings = new LinkedHashMap<>();

  private record Setting(Supplier<Number> value, Consumer<String> set) {}

  ChatSettings(SamplingOptions sampling, ChatLengthOptions lengths) {
    this.sampling = sampling;
    this.lengths = lengths;
    real("temp", () -> sampling.temperature, value -> sampling.temperature = value);
    whole("top-k", () -> sampling.topK, value -> sampling.topK = Math.toIntExact(value));
    real("top-p", () -> sampling.topP, value -> sampling.topP = value);
    real("min-p", () -> sampling.minP, value -> sampling.minP = value);
    real("repeat-penalty", () -> sampling.repeatPenalty, value -> sampling.repeatPenalty = value);
    real(
        "presence-penalty",
        () -> sampling.presencePenalty,
        value -> sampling.presencePenalty = value);
    real(
        "frequency-penalty",
        () -> sampling.frequencyPenalty,
        value -> sampling.frequencyPenalty = value);
    whole(
        "repeat-last-n",
        () -> sampling.repeatLastN,
        value -> sampling.repeatLastN = Math.toIntExact(value));
    whole("seed", () -> sampling.seed, value -> sampling.seed = value);
    whole(
        "max-tokens", () -> lengths.maxTokens, value -> lengths.maxTokens = Math.toIntExact(value));
  }

  private void real(String name, Supplier<Number> value, Consumer<Double> set) {
    settings.put(name, new Setting(value, text -> set.accept(Double.valueOf(text))));
  }

  private void whole(String name, Supplier<Number> value, Consumer<Long> set) {
    settings.put(name, new Setting(value, text -> set.accept(Long.valueOf(text))));
  }

  Set<String> names() {
    return settings.keySet();
  }

  /** All settings, a line each. */
  String show() {
    StringBuilder lines = new StringBuilder();
    settings.forEach((name, setting) ->
        lines.append(String.format(Locale.ROOT, "%-18s %s%n", name, setting.value().get())));
    return lines.toString().stripTrailing();
  }

  /**
   * Changes one.
   *
   * @throws UsageException if there is none of that name, or the value is out of its range; nothing
   *     has changed then
   */
  void set(String name, String value) {
    Setting setting = settings.get(name.equals("temperature") ? "temp" : name);
    if (setting == null) {
      throw new UsageException(
          "there is no setting '" + name + "'; there are " + String.join(", ", settings.keySet()));
    }
    String old = setting.value().get().toString();
    try {
      setting.set().accept(value);
      sampling.check();
      lengths.check();
    } catch (NumberFormatException | ArithmeticException e) {
      throw new UsageException(name + " is '" + value + "', expected a number as " + old);
    } catch (UsageException outOfRange) {
      setting.set().accept(old);
      throw outOfRange;
    }
  }

  /**
   * How to generate an answer.
   *
   * @param answers given before, since each needs random numbers of its own
   */
  GenerationOptions options(int context, int answers) {
    SamplingSettings settings = sampling.settings(context);
    return new GenerationOptions(
        lengths.maxTokens,
        List.of(),
        false,
        settings.with(settings.temperature(), settings.seed() + answers));
  }
}
