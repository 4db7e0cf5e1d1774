package jllm.tokenize.read;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.Vocabulary;
import org.jspecify.annotations.Nullable;

/**
 * The {@code tokenizer_config.json} that stands beside a tokenizer: which token has which role.
 * Where it is missing, the usual names of special tokens tell.
 */
record TokenizerConfig(@Nullable Fields fields) {

  static final TokenizerConfig NONE = new TokenizerConfig(null);

  private static final Map<Role, String> KEYS =
      Map.of(
          Role.BOS, "bos_token",
          Role.EOS, "eos_token",
          Role.UNK, "unk_token",
          Role.PAD, "pad_token",
          Role.SEP, "sep_token",
          Role.CLS, "cls_token",
          Role.MASK, "mask_token");

  private static final Map<Role, List<String>> USUAL =
      Map.of(
          Role.BOS,
              List.of("<s>", "<|begin_of_text|>", "<bos>", "<|startoftext|>", "<|endoftext|>"),
          Role.EOS, List.of("</s>", "<|end_of_text|>", "<eos>", "<|endoftext|>"),
          Role.UNK, List.of("<unk>", "[UNK]"),
          Role.PAD, List.of("<pad>", "[PAD]"),
          Role.SEP, List.of("[SEP]"),
          Role.CLS, List.of("[CLS]"),
          Role.MASK, List.of("<mask>", "[MASK]"));

  /** Reads the file beside a tokenizer, if there is one. */
  static TokenizerConfig beside(Path tokenizer) throws IOException {
    Path file = tokenizer.resolveSibling("tokenizer_config.json");
    if (!Files.isRegularFile(file)) {
      return NONE;
    }
    try (InputStream in = Files.newInputStream(file);
        JsonParser parser = Json.FACTORY.createParser(in)) {
      parser.nextToken();
      return new TokenizerConfig(Fields.of(file.toString(), Json.value(parser)));
    } catch (JsonProcessingException e) {
      throw new TokenizerFormatException(file + " is no valid JSON: " + e.getOriginalMessage(), e);
    }
  }

  /** The roles of a vocabulary's tokens. */
  SpecialIds roles(Vocabulary vocabulary) {
    Map<Role, Integer> ids = new EnumMap<>(Role.class);
    for (Role role : KEYS.keySet()) {
      int id = -1;
      if (fields == null) {
        id = usual(role, vocabulary);
      } else {
        String text = text(fields.any(KEYS.getOrDefault(role, "")));
        id = text == null ? -1 : vocabulary.id(text);
      }
      if (id >= 0) {
        ids.put(role, id);
      }
    }
    return new SpecialIds(ids);
  }

  private static int usual(Role role, Vocabulary vocabulary) {
    for (String text : USUAL.getOrDefault(role, List.of())) {
      int id = vocabulary.id(text);
      if (id >= 0 && vocabulary.isSpecial(id)) {
        return id;
      }
    }
    return -1;
  }

  /** A token is written as its text or as an object that has it. */
  private static @Nullable String text(@Nullable Object value) {
    return switch (value) {
      case String s -> s;
      case Map<?, ?> map when map.get("content") instanceof String s -> s;
      case null, default -> null;
    };
  }
}
