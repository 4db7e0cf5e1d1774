package jllm.format.model;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jllm.format.ModelFormatException;
import jllm.format.gguf.GgufArray;
import jllm.format.gguf.GgufMetadata;
import jllm.format.gguf.GgufValue;
import jllm.format.gguf.ValueType;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.VocabularySpec;
import org.jspecify.annotations.Nullable;

/** The vocabulary in the metadata of a GGUF file. */
public final class GgufVocabulary {
  private static final System.Logger LOG = System.getLogger(GgufVocabulary.class.getName());
  private static final String PREFIX = "tokenizer.ggml.";
  private static final String TOKENS = PREFIX + "tokens";
  private static final Set<ValueType> STRINGS = EnumSet.of(ValueType.STRING);
  private static final Set<ValueType> REALS = EnumSet.of(ValueType.F32, ValueType.F64);
  private static final Set<ValueType> BYTES = EnumSet.of(ValueType.U8, ValueType.I8);
  private static final Set<ValueType> INTS =
      EnumSet.complementOf(
          EnumSet.of(
              ValueType.F32, ValueType.F64, ValueType.BOOL, ValueType.STRING, ValueType.ARRAY));

  /** Files of before 2025 name some ids otherwise; one name was misspelled and later mended. */
  private static final Map<Role, String> OTHER_KEYS =
      Map.of(
          Role.SEP, "separator_token_id",
          Role.FIM_PRE, "prefix_token_id",
          Role.FIM_SUF, "suffix_token_id",
          Role.FIM_MID, "middle_token_id");

  private final String file;
  private final GgufMetadata metadata;

  private GgufVocabulary(String file, GgufMetadata metadata) {
    this.file = file;
    this.metadata = metadata;
  }

  /** How many tokens there are, -1 if the file has no vocabulary; nothing is decoded. */
  static int size(GgufMetadata metadata) {
    GgufArray tokens = metadata.array(TOKENS, STRINGS);
    return tokens == null ? -1 : tokens.size();
  }

  /**
   * Reads the vocabulary, absent if the file has none.
   *
   * @throws ModelFormatException if it contradicts itself
   */
  static @Nullable VocabularySpec read(String file, GgufMetadata metadata) {
    String model = metadata.text(PREFIX + "model");
    GgufArray tokens = metadata.array(TOKENS, STRINGS);
    if (model == null || tokens == null) {
      return null;
    }
    try {
      return new GgufVocabulary(file, metadata).spec(model, tokens.strings());
    } catch (TokenizerFormatException e) {
      throw new ModelFormatException(file + ": " + e.getMessage(), e);
    }
  }

  /** The metadata of a vocabulary, for a new file. */
  public static Map<String, GgufValue> write(VocabularySpec spec) {
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    metadata.put(PREFIX + "model", GgufValue.text(spec.model()));
    if (spec.pre() != null) {
      metadata.put(PREFIX + "pre", GgufValue.text(spec.pre()));
    }
    metadata.put(TOKENS, GgufValue.strings(spec.tokens()));
    if (spec.scores().length > 0) {
      metadata.put(PREFIX + "scores", GgufValue.floats(spec.scores()));
    }
    if (spec.types().length > 0) {
      metadata.put(PREFIX + "token_type", GgufValue.ints(spec.types()));
    }
    // Readers take the key for granted in such a vocabulary, if there is nothing in it.
    if (!spec.merges().isEmpty() || spec.model().equals("gpt2")) {
      metadata.put(PREFIX + "merges", GgufValue.strings(spec.merges()));
    }
    for (Role role : Role.values()) {
      if (spec.ids().has(role)) {
        metadata.put(PREFIX + role.key() + "_token_id", GgufValue.u32(spec.ids().id(role)));
      }
    }
    putFlag(metadata, "add_bos_token", spec.addBos());
    putFlag(metadata, "add_eos_token", spec.addEos());
    putFlag(metadata, "add_sep_token", spec.addSep());
    putFlag(metadata, "add_space_prefix", spec.addSpacePrefix());
    putFlag(metadata, "remove_extra_whitespaces", spec.removeExtraWhitespaces());
    byte[] charsMap = spec.precompiledCharsMap();
    if (charsMap != null) {
      metadata.put(PREFIX + "precompiled_charsmap", GgufValue.bytes(charsMap));
    }
    return metadata;
  }

  private static void putFlag(
      Map<String, GgufValue> metadata, String key, @Nullable Boolean value) {
    if (value != null) {
      metadata.put(PREFIX + key, GgufValue.bool(value));
    }
  }

  private VocabularySpec spec(String model, List<String> tokens) {
    GgufArray scores = metadata.array(PREFIX + "scores", REALS);
    GgufArray types = metadata.array(PREFIX + "token_type", INTS);
    GgufArray merges = metadata.array(PREFIX + "merges", STRINGS);
    return VocabularySpec.builder(model, tokens)
        .pre(metadata.text(PREFIX + "pre"))
        .scores(scores == null ? new float[0] : scores.floats())
        .types(types == null ? new int[0] : types.ints())
        .merges(merges == null ? List.of() : merges.strings())
        .ids(ids(tokens.size()))
        .addBos(metadata.bool(PREFIX + "add_bos_token"))
        .addEos(metadata.bool(PREFIX + "add_eos_token"))
        .addSep(metadata.bool(PREFIX + "add_sep_token"))
        .addSpacePrefix(metadata.bool(PREFIX + "add_space_prefix"))
        .removeExtraWhitespaces(metadata.bool(PREFIX + "remove_extra_whitespaces"))
        .precompiledCharsMap(charsMap())
        .build();
  }

  private SpecialIds ids(int size) {
    Map<Role, Integer> ids = new EnumMap<>(Role.class);
    for (Role role : Role.values()) {
      String key = PREFIX + role.key() + "_token_id";
      Long id = metadata.integer(key);
      if (id == null && OTHER_KEYS.containsKey(role)) {
        key = PREFIX + OTHER_KEYS.get(role);
        id = metadata.integer(key);
      }
      if (id == null) {
        continue;
      }
      if (id >= 0 && id < size) {
        ids.put(role, id.intValue());
      } else {
        // Converters wrote -1 and the like for "none"; llama.cpp goes on as well.
        LOG.log(
            System.Logger.Level.WARNING,
            "{0}: {1} is {2}, but there are {3} tokens; ignored",
            file,
            key,
            id.toString(),
            Integer.toString(size));
      }
    }
    return new SpecialIds(ids);
  }

  private byte @Nullable [] charsMap() {
    GgufArray map = metadata.array(PREFIX + "precompiled_charsmap", BYTES);
    return map == null ? null : map.bytes();
  }
}
