package jllm.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import jllm.generate.GenerationOptions;
import jllm.generate.SamplingSettings;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.text.Utf8;
import org.jspecify.annotations.Nullable;

/**
 * A line of {@code --prompts}: a text, or a JSON object.
 *
 * @param line its number, from 1
 * @param id what the result is called; a string, or a number; absent if none was given
 * @param limit of new tokens, absent = as the options say
 * @param temperature likewise
 * @param seed likewise
 */
record BatchPrompt(
    int line,
    String prompt,
    @Nullable Object id,
    @Nullable Integer limit,
    @Nullable Double temperature,
    @Nullable Long seed) {
  private static final System.Logger LOG = System.getLogger(BatchPrompt.class.getName());

  /** Reads a file: JSON lines if its first line begins with a brace, texts otherwise. */
  static List<BatchPrompt> read(Path file, Streams streams) throws IOException {
    String name = file.toString().equals("-") ? "standard input" : file.toString();
    if (Files.isDirectory(file)) {
      throw new FileSystemException(name, null, "is a folder, expected a file of prompts");
    }
    byte[] bytes;
    try (InputStream in = file.toString().equals("-") ? streams.in() : Files.newInputStream(file)) {
      bytes = in.readAllBytes();
    }
    int invalid = Utf8.firstInvalid(bytes, 0, bytes.length);
    if (invalid >= 0) {
      throw new InvalidTextException(
          String.format(
              "%s is not valid UTF-8: byte 0x%02X at offset %d; convert it, such as with iconv -t"
                  + " UTF-8",
              name, bytes[invalid], invalid));
    }
    List<String> lines = new String(bytes, StandardCharsets.UTF_8).lines().toList();
    boolean json =
        lines.stream()
            .filter(line -> !line.isBlank())
            .findFirst()
            .orElse("")
            .strip()
            .startsWith("{");
    List<BatchPrompt> prompts = new ArrayList<>();
    Set<String> unknown = new LinkedHashSet<>();
    for (int i = 0; i < lines.size(); i++) {
      if (!lines.get(i).isBlank()) {
        prompts.add(
            json
                ? parse(lines.get(i), i + 1, name, unknown)
                : new BatchPrompt(i + 1, lines.get(i), null, null, null, null));
      }
    }
    if (!unknown.isEmpty()) {
      LOG.log(
          System.Logger.Level.WARNING,
          "%s: nothing is made of %s; known are prompt, id, n, temp and seed"
              .formatted(name, String.join(", ", unknown)));
    }
    return prompts;
  }

  /**
   * @param unknown gets the names of fields that say nothing here
   */
  private static BatchPrompt parse(String text, int line, String name, Set<String> unknown) {
    String prompt = null;
    Object id = null;
    Integer limit = null;
    Double temperature = null;
    Long seed = null;
    String where = name + ", line " + line + ": ";
    try (JsonParser json = new JsonFactory().createParser(text)) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        throw new InvalidTextException(where + "expected a JSON object");
      }
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String field = json.currentName();
        JsonToken value = json.nextToken();
        switch (field) {
          case "prompt" -> prompt = value == JsonToken.VALUE_STRING ? json.getText() : null;
          case "id" -> id = id(json, value, where);
          case "n", "max_tokens", "n_predict" ->
              limit = Math.toIntExact(whole(json, where, field, -1));
          case "temp", "temperature" -> temperature = number(json, where, field);
          case "seed" -> seed = whole(json, where, field, 0);
          default -> {
            unknown.add('"' + field + '"');
            json.skipChildren();
          }
        }
      }
      if (json.nextToken() != null) {
        throw new InvalidTextException(where + "there is something behind the JSON object");
      }
    } catch (JsonProcessingException | ArithmeticException e) {
      String message =
          e instanceof JsonProcessingException parse
              ? parse.getOriginalMessage().replaceAll(" ?\\(start marker at \\[.*\\)", "")
              : e.getMessage();
      throw new InvalidTextException(where + "this is no JSON object: " + message);
    } catch (IOException e) {
      throw new InvalidTextException(where + e.getMessage());
    }
    if (prompt == null) {
      throw new InvalidTextException(where + "there is no text called \"prompt\"");
    }
    return new BatchPrompt(line, prompt, id, limit, temperature, seed);
  }

  private static Object id(JsonParser json, JsonToken value, String where) throws IOException {
    return switch (value) {
      case VALUE_STRING -> json.getText();
      case VALUE_NUMBER_INT -> json.getLongValue();
      default ->
          throw new InvalidTextException(
              where + "\"id\" is " + json.getText() + ", expected a string or a whole number");
    };
  }

  private static long whole(JsonParser json, String where, String field, long least)
      throws IOException {
    if (json.currentToken() != JsonToken.VALUE_NUMBER_INT || json.getLongValue() < least) {
      throw new InvalidTextException(
          where
              + "\""
              + field
              + "\" is "
              + json.getText()
              + ", expected a whole number of "
              + least
              + " or more");
    }
    return json.getLongValue();
  }

  private static double number(JsonParser json, String where, String field) throws IOException {
    if (!json.currentToken().isNumeric() || !(json.getDoubleValue() >= 0)) {
      throw new InvalidTextException(
          where + "\"" + field + "\" is " + json.getText() + ", expected a number of 0 or more");
    }
    return json.getDoubleValue();
  }

  /** The tokens of the prompt; a message names the line. */
  int[] encode(PromptOptions options, Tokenizer tokenizer) {
    try {
      return options.encode(prompt, tokenizer);
    } catch (UsageException e) {
      throw new UsageException("--prompts, line " + line + ": " + e.getMessage());
    }
  }

  int maxTokens(int usual) {
    return limit == null ? usual : limit;
  }

  /** The options of this prompt: the command's, with what the line says instead. */
  GenerationOptions options(GenerationOptions usual) {
    SamplingSettings sampling = usual.sampling();
    return usual.with(
        maxTokens(usual.maxTokens()),
        sampling.with(
            temperature == null ? sampling.temperature() : temperature,
            seed == null ? sampling.seed() : seed));
  }
}
