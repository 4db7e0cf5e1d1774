package jllm.cli;

import java.io.IOException;
import java.util.Locale;
import jllm.generate.Generation;
import jllm.generate.GenerationOptions;
import jllm.generate.StopReason;

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
        "load %.2f s; prompt %s, %.1f tokens/s; decode %s, %.1f tokens/s; %s",
        loadNanos / 1e9,
        count(generation.promptTokens()),
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
      case STOP_STRING -> "stopped at a stop string";
      case TOKEN_LIMIT -> "stopped at the token limit";
      case CONTEXT_FULL -> "the context is full";
      case CANCELLED -> "interrupted";
    };
  }

  void writeJson(StandardOutput out) throws IOException {
    try (Json json = new Json(out)) {
      json.begin();
      json.field("text", text);
      json.field("tokens", generation.tokens());
      json.field("stop_reason", generation.reason().name().toLowerCase(Locale.ROOT));
      json.field("prompt", prompt);
      json.field("prompt_tokens", promptTokens);
      json.field("seed", options.sampling().seed());
      json.begin("timings");
      json.field("load_seconds", loadNanos / 1e9);
      json.field("prompt_tokens", generation.promptTokens());
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
