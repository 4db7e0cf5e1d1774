package jllm.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.generate.Choice;
import jllm.generate.Generation;
import jllm.generate.GenerationOptions;
import jllm.generate.StopReason;
import jllm.tokenize.Tokenizer;

/** What is said about a finished text: a line for people, or JSON. */
record GenerationReport(
    String prompt,
    int[] promptTokens,
    String text,
    Generation generation,
    GenerationOptions options,
    long loadNanos) {

  /**
   * Such as {@code load 0.21 s; prompt 7 tokens, 95.2 tokens/s; decode 255 tokens, 25.3 tokens/s;
   * end of text}.
   */
  String line() {
    return String.format(
        Locale.ROOT,
        "load %.2f s; prompt %s%s, %.1f tokens/s; decode %s, %.1f tokens/s; %s",
        loadNanos / 1e9,
        count(generation.promptTokens()),
        generation.reusedTokens() == 0 ? "" : " (" + generation.reusedTokens() + " more known)",
        generation.promptTokensPerSecond(),
        count(generation.decodeTokens()),
        generation.decodeTokensPerSecond(),
        describe(generation.reason()));
  }

  private static String count(int tokens) {
    return tokens == 1 ? "1 token" : tokens + " tokens";
  }

  private static String describe(StopReason reason) {
    return switch (reason) {
      case END_OF_TEXT -> "the model ended the text";
      case STOP_TOKEN -> "stopped at a stop token";
      case STOP_STRING -> "stopped at a stop string";
      case TOKEN_LIMIT -> "stopped at the token limit";
      case CONTEXT_FULL -> "the context is full";
      case CANCELLED -> "interrupted";
    };
  }

  /** The choice of each token with its best alternatives, for JSON. */
  static List<Map<String, Object>> logprobs(Generation generation, Tokenizer tokenizer) {
    List<Map<String, Object>> steps = new ArrayList<>();
    for (Choice choice : generation.choices()) {
      Map<String, Object> step = logprob(choice.token(), choice.logProbability(), tokenizer);
      List<Map<String, Object>> best = new ArrayList<>();
      for (Choice.Alternative alternative : choice.best()) {
        best.add(logprob(alternative.token(), alternative.logProbability(), tokenizer));
      }
      step.put("top", best);
      steps.add(step);
    }
    return steps;
  }

  private static Map<String, Object> logprob(int token, double value, Tokenizer tokenizer) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("token", token);
    fields.put("text", TokenText.visible(tokenizer, token));
    fields.put("logprob", value);
    return fields;
  }

  /** A line for each token: log-probability, token, and the best in its place. */
  String choiceTable(Tokenizer tokenizer) {
    StringBuilder table = new StringBuilder();
    for (Choice choice : generation.choices()) {
      table.append(entry(choice.token(), choice.logProbability(), tokenizer));
      String separator = "  | ";
      for (Choice.Alternative alternative : choice.best()) {
        table
            .append(separator)
            .append(entry(alternative.token(), alternative.logProbability(), tokenizer));
        separator = "  ";
      }
      table.append('\n');
    }
    return table.toString();
  }

  private static String entry(int token, double value, Tokenizer tokenizer) {
    return String.format(Locale.ROOT, "%8.4f \"%s\"", value, TokenText.visible(tokenizer, token));
  }

  void writeJson(StandardOutput out, Tokenizer tokenizer) throws IOException {
    try (Json json = new Json(out)) {
      json.begin();
      json.field("text", text);
      json.field("tokens", generation.tokens());
      json.field("stop_reason", generation.reason().name().toLowerCase(Locale.ROOT));
      json.field("prompt", prompt);
      json.field("prompt_tokens", promptTokens);
      if (!generation.choices().isEmpty()) {
        json.field("logprobs", logprobs(generation, tokenizer));
      }
      if (generation.shifts() > 0) {
        json.field("context_shifts", generation.shifts());
      }
      json.field("seed", options.sampling().seed());
      json.begin("timings");
      json.field("load_seconds", loadNanos / 1e9);
      json.field("prompt_tokens", generation.promptTokens());
      json.field("reused_tokens", generation.reusedTokens());
      json.field("prompt_seconds", generation.promptNanos() / 1e9);
      json.field("prompt_tokens_per_second", generation.promptTokensPerSecond());
      json.field("decode_tokens", generation.decodeTokens());
      json.field("decode_seconds", generation.decodeNanos() / 1e9);
      json.field("decode_tokens_per_second", generation.decodeTokensPerSecond());
      json.end();
      json.end();
    }
  }
}
