package jllm.tokenize.read;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jllm.tokenize.AddedToken;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.post.PostProcessor;
import jllm.tokenize.post.Template;
import org.jspecify.annotations.Nullable;

/**
 * The {@code tokenizer_config.json} that stands beside a tokenizer, read as Hugging Face's
 * transformers does: which token has which role, tokens that {@code tokenizer.json} lacks, and for
 * the classes that make their own template whether it has BOS and EOS. Where the file is missing,
 * the usual names of special tokens tell.
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

  /** The classes that replace the template of {@code tokenizer.json} by one of their own. */
  private static final Set<String> OWN_TEMPLATE =
      Set.of("LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "CohereTokenizer");

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
    } catch (JsonProcessingException | CharConversionException e) {
      throw Json.damaged(file.toString(), e);
    }
  }

  /**
   * Adds the tokens of {@code added_tokens_decoder} that are not there yet. One that the model
   * knows keeps its id.
   */
  void addTo(List<AddedToken> added, @Nullable String[] tokens) {
    if (fields == null || !fields.has("added_tokens_decoder")) {
      return;
    }
    Set<String> there = new HashSet<>();
    Set<Integer> taken = new HashSet<>();
    for (AddedToken token : added) {
      there.add(token.content());
      taken.add(token.id());
    }
    Fields decoder = fields.object("added_tokens_decoder");
    for (String key : decoder.names()) {
      Fields f = decoder.object(key);
      String content = f.string("content");
      if (content.isEmpty() || !there.add(content)) {
        continue;
      }
      int known = Arrays.asList(tokens).indexOf(content);
      int id = known >= 0 ? known : id(decoder, key);
      if (known < 0 && (id < tokens.length && tokens[id] != null || !taken.add(id))) {
        throw new TokenizerFormatException(
            f.path()
                + " is the token '"
                + content
                + "', but in tokenizer.json another token has the id "
                + id);
      }
      boolean special = f.bool("special", false);
      added.add(
          new AddedToken(
              id,
              content,
              f.bool("single_word", false),
              f.bool("lstrip", false),
              f.bool("rstrip", false),
              f.bool("normalized", !special),
              special));
    }
  }

  private static int id(Fields decoder, String key) {
    try {
      int id = Integer.parseInt(key);
      if (id >= 0 && id < JsonModel.MOST_IDS) {
        return id;
      }
    } catch (NumberFormatException e) {
      // Reported below.
    }
    throw new TokenizerFormatException(
        decoder.path()
            + " has the key '"
            + key
            + "'; expected ids from 0 to "
            + (JsonModel.MOST_IDS - 1));
  }

  /** The template that the tokenizer's class makes, or the given one. */
  PostProcessor postProcessor(PostProcessor given, Vocabulary vocabulary, SpecialIds ids) {
    if (fields == null || !(fields.any("tokenizer_class") instanceof String name)) {
      return given;
    }
    String base = name.endsWith("Fast") ? name.substring(0, name.length() - 4) : name;
    if (!OWN_TEMPLATE.contains(base)) {
      return given;
    }
    List<Template.Part> single = new ArrayList<>();
    List<Template.Part> pair = new ArrayList<>();
    boolean bos = ids.bos() >= 0 && fields.bool("add_bos_token", true);
    boolean eos = ids.eos() >= 0 && fields.bool("add_eos_token", false);
    for (int text = 0; text < 2; text++) {
      List<Template.Part> parts = new ArrayList<>();
      if (bos) {
        parts.add(Template.Part.special(vocabulary, ids.bos(), text));
      }
      parts.add(Template.Part.text(text == 0 ? "A" : "B", text));
      if (eos) {
        parts.add(Template.Part.special(vocabulary, ids.eos(), text));
      }
      single.addAll(text == 0 ? parts : List.of());
      pair.addAll(parts);
    }
    return new Template(single, pair);
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
