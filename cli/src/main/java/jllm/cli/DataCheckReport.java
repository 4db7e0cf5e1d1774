package jllm.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.train.sample.RenderedSample;
import jllm.train.sample.SampleCheck;
import jllm.train.sample.SampleEncoder;
import jllm.train.sample.SampleProblem;

/**
 * What a check of samples found.
 *
 * @param length tokens that a sample may have
 * @param strict whether all that is found is an error
 * @param colours whether what is learned is shown by colour
 */
record DataCheckReport(
    SampleCheck check, SampleEncoder encoder, int length, boolean strict, boolean colours) {
  /** Black on light green: spaces show, too. */
  private static final String GREEN = "\u001b[30;48;5;157m";

  private static final String RESET = "\u001b[0m";

  boolean fails() {
    return check.fails() || (strict && !check.counts().isEmpty());
  }

  String text() {
    StringBuilder text = new StringBuilder();
    check
        .first()
        .forEach(shown -> {
          text.append("--- ").append(shown.sample().where()).append('\n');
          text.append(marked(shown.rendered())).append("\n\n");
        });
    line(text, "data", SampleDataText.formats(check.formats()));
    line(text, "template", encoder.templateName());
    line(
        text,
        "tokens",
        String.format(
            Locale.ROOT,
            "%,d, of which %,d are learned (%.1f %%)",
            check.tokens(),
            check.trained(),
            share()));
    SampleCheck.Lengths lengths = check.lengths();
    if (lengths != null) {
      line(
          text,
          "lengths",
          "min %,d, median %,d, 95 %% at most %,d, max %,d tokens; a sequence has %,d"
              .formatted(lengths.min(), lengths.median(), lengths.p95(), lengths.max(), length));
    }
    if (check.turns() > 0) {
      line(text, "answers", "%,d".formatted(check.turns()));
    }
    if (check.samples() + check.brokenRecords() == 0) {
      line(text, "error", "there are no samples; the files are empty");
    } else if (check.trained() == 0) {
      line(text, "error", "there is no token to learn");
    }
    problems(text);
    if (check.counts().isEmpty() && check.trained() > 0) {
      line(text, "problems", "none");
    }
    return text.toString();
  }

  private double share() {
    return check.tokens() == 0 ? 0 : 100.0 * check.trained() / check.tokens();
  }

  private void problems(StringBuilder text) {
    check
        .counts()
        .forEach((problem, count) -> {
          line(text, severity(problem), "%,d: %s".formatted(count, problem.label()));
          List<SampleCheck.Finding> findings =
              check.findings().stream().filter(finding -> finding.problem() == problem).toList();
          findings.forEach(finding ->
              text.append("          ").append(Visible.of(finding.message())).append('\n'));
          if (count > findings.size()) {
            text.append("          and %,d more\n".formatted(count - findings.size()));
          }
        });
  }

  private String severity(SampleProblem problem) {
    return strict || problem.isError() ? "error" : "warning";
  }

  private static void line(StringBuilder text, String name, String value) {
    text.append(String.format(Locale.ROOT, "%-9s %s%n", name, value));
  }

  /** The text with what is learned in colour or brackets, and tokens that are not in the text. */
  private String marked(RenderedSample sample) {
    StringBuilder text = new StringBuilder();
    for (RenderedSample.Part part : sample.parts(encoder.tokenizer().vocabulary())) {
      if (part.learned()) {
        text.append(colours ? GREEN : "[[");
      }
      text.append(Visible.of(part.text()));
      if (part.learned()) {
        text.append(colours ? RESET : "]]");
      }
    }
    return text.toString();
  }

  void write(Json json) throws IOException {
    json.begin();
    json.field("samples", check.samples());
    Map<String, Object> formats = new LinkedHashMap<>();
    check.formats().forEach((format, count) -> formats.put(name(format), count));
    json.field("formats", formats);
    json.field("template", encoder.templateName());
    json.field("tokens", check.tokens());
    json.field("trained_tokens", check.trained());
    json.field("trained_share", share() / 100);
    json.field("max_seq_length", length);
    SampleCheck.Lengths lengths = check.lengths();
    if (lengths != null) {
      json.begin("lengths");
      json.field("min", lengths.min());
      json.field("median", lengths.median());
      json.field("p95", lengths.p95());
      json.field("max", lengths.max());
      json.end();
    }
    json.field("answers", check.turns());
    Map<String, Object> problems = new LinkedHashMap<>();
    for (SampleProblem problem : SampleProblem.values()) {
      problems.put(name(problem), check.counts().getOrDefault(problem, 0L));
    }
    json.field("problems", problems);
    json.field(
        "findings",
        check.findings().stream()
            .map(finding ->
                Map.of(
                    "problem", name(finding.problem()),
                    "severity", severity(finding.problem()),
                    "message", finding.message()))
            .toList());
    json.field("shown", check.first().stream().map(this::shown).toList());
    json.field("passed", !fails());
    json.end();
  }

  private Map<String, Object> shown(SampleCheck.Shown shown) {
    List<Object> parts = new ArrayList<>();
    for (RenderedSample.Part part : shown.rendered().parts(encoder.tokenizer().vocabulary())) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("text", part.text());
      one.put("trained", part.learned());
      parts.add(one);
    }
    Map<String, Object> sample = new LinkedHashMap<>();
    sample.put("where", shown.sample().where());
    sample.put("format", name(shown.sample().format()));
    sample.put("parts", parts);
    return sample;
  }

  private static String name(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
