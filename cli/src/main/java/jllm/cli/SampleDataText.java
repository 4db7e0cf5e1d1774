package jllm.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import jllm.train.data.SampleData;
import jllm.train.data.SourceSpec;
import jllm.train.sample.LongSamples;
import jllm.train.sample.SampleFormat;
import jllm.train.sample.SampleSet;

/** What samples a run learns from, for people. */
final class SampleDataText {
  private SampleDataText() {}

  static List<String> lines(
      List<SourceSpec> sources, SampleData data, SampleFormatOptions format, String template) {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < sources.size(); i++) {
      lines.add(sources.get(i).path() + ": " + found(data.sets().get(i), format.whenLong()));
    }
    SampleSet validation = data.validationSet();
    if (validation != null) {
      lines.add("to validate on: " + found(validation, format.whenLong()));
    }
    lines.add(
        String.format(
            Locale.ROOT,
            "%,d samples to train on, %,d to validate on; %,d tokens, %,d of them learned (%.0f"
                + " %%); template %s",
            data.trainingSamples(),
            data.validationSamples(),
            data.trainingTokens(),
            data.learnedTokens(),
            100.0 * data.learnedTokens() / data.trainingTokens(),
            template));
    return lines;
  }

  private static String found(SampleSet set, LongSamples whenLong) {
    StringBuilder text = new StringBuilder(formats(set.formats()));
    if (set.tooLong() > 0) {
      text.append(
          whenLong == LongSamples.DROP
              ? ", %,d left out as too long".formatted(set.tooLong())
              : ", %,d truncated (%,d of them to nothing)".formatted(set.tooLong(), set.cutOff()));
    }
    if (set.empty() > 0) {
      text.append(", %,d left out as empty".formatted(set.empty()));
    }
    if (set.broken() > 0) {
      text.append(", %,d left out as broken".formatted(set.broken()));
    }
    return text.toString();
  }

  /** Such as {@code 12 samples (messages)} or {@code 5 samples (messages: 3, text: 2)}. */
  static String formats(Map<SampleFormat, Long> formats) {
    long all = formats.values().stream().mapToLong(Long::longValue).sum();
    String names =
        formats.size() == 1
            ? formats.keySet().iterator().next().label()
            : formats.entrySet().stream()
                .map(entry -> "%s: %,d".formatted(entry.getKey().label(), entry.getValue()))
                .collect(Collectors.joining(", "));
    return "%,d samples (%s)".formatted(all, names);
  }
}
