package jllm.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import jllm.format.ModelConfig;
import jllm.format.gguf.GgufValue;
import jllm.format.model.GgufModelWriter;
import jllm.format.model.GgufVocabulary;
import jllm.format.model.ModelArchitectures;
import jllm.format.model.RandomWeights;
import jllm.quantize.QuantizationOptions;
import jllm.quantize.QuantizationType;
import jllm.quantize.Recipe;
import jllm.tensor.DType;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.VocabularySpec;

/**
 * A GGUF file of a given shape with random weights: as fast as a real model of that shape, without
 * having one. It has a vocabulary, of invented words, so that every program that reads GGUF files
 * runs it.
 */
public final class RandomModel {
  private static final long SEED = 1;
  private static final List<String> SPECIAL = List.of("<unk>", "<s>", "</s>");

  private RandomModel() {}

  /**
   * Writes a model.
   *
   * @param type of the weights, mixed as {@code quantize} mixes them
   * @throws IOException if the file cannot be written
   */
  public static void write(Path target, String name, ModelShape shape, QuantizationType type)
      throws IOException {
    ModelConfig config = shape.config();
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    metadata.put("general.name", GgufValue.text("random " + name));
    metadata.putAll(GgufVocabulary.write(vocabulary(shape.vocabulary())));
    Map<String, DType> types =
        Recipe.types(QuantizationOptions.of(type), config, ModelArchitectures.weights(config));
    try (RandomWeights weights =
        new RandomWeights(config, (weight, _) -> Objects.requireNonNull(types.get(weight)), SEED)) {
      GgufModelWriter.write(target, weights, metadata);
    }
  }

  /** A SentencePiece vocabulary: special tokens, the bytes, and words of lower-case letters. */
  private static VocabularySpec vocabulary(int size) {
    List<String> tokens = new ArrayList<>(SPECIAL);
    for (int value = 0; value < 256; value++) {
      tokens.add("<0x%02X>".formatted(value));
    }
    int words = tokens.size();
    for (int number = 0; tokens.size() < size; number++) {
      tokens.add((number % 2 == 0 ? "\u2581" : "") + word(number / 2));
    }
    int[] types = new int[size];
    float[] scores = new float[size];
    Arrays.fill(types, 0, SPECIAL.size(), VocabularySpec.CONTROL);
    types[0] = VocabularySpec.UNKNOWN;
    Arrays.fill(types, SPECIAL.size(), words, VocabularySpec.BYTE);
    for (int id = words; id < size; id++) {
      types[id] = VocabularySpec.NORMAL;
      scores[id] = words - id;
    }
    return VocabularySpec.builder("llama", tokens)
        .scores(scores)
        .types(types)
        .ids(new SpecialIds(Map.of(Role.UNK, 0, Role.BOS, 1, Role.EOS, 2)))
        .addBos(true)
        .addEos(false)
        .build();
  }

  /** a, b, ... z, aa, ab...: every word once, short ones first. */
  private static String word(int number) {
    StringBuilder word = new StringBuilder();
    for (int left = number + 1; left > 0; left = (left - 1) / 26) {
      word.insert(0, (char) ('a' + (left - 1) % 26));
    }
    return word.toString();
  }
}
