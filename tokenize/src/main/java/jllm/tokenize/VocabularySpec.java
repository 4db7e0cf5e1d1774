package jllm.tokenize;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A vocabulary as the metadata of a GGUF file describes it (keys {@code tokenizer.ggml.*}), free of
 * any file format: a reader of model files fills it, a writer takes it apart.
 *
 * @param model {@code llama} (SentencePiece BPE), {@code gpt2} (byte-level BPE), {@code bert}
 *     (WordPiece), {@code t5} (unigram)
 * @param pre name of the pre-tokenizer ({@code tokenizer.ggml.pre}), or null
 * @param tokens the text of every token by id
 * @param scores one a token, or empty
 * @param types one a token ({@link #NORMAL}...), or empty
 * @param merges pairs separated by a space, most important first, or empty
 * @param ids the special ids
 * @param addBos whether BOS precedes a text, or null where the file does not say
 * @param addEos whether EOS follows a text, or null
 * @param addSep whether SEP follows a text, or null
 * @param addSpacePrefix whether a space is put before a text, or null
 * @param removeExtraWhitespaces whether runs of spaces are collapsed, or null
 * @param precompiledCharsMap SentencePiece's compiled normalization rules, or null
 */
public record VocabularySpec(
    String model,
    @Nullable String pre,
    List<String> tokens,
    float[] scores,
    int[] types,
    List<String> merges,
    SpecialIds ids,
    @Nullable Boolean addBos,
    @Nullable Boolean addEos,
    @Nullable Boolean addSep,
    @Nullable Boolean addSpacePrefix,
    @Nullable Boolean removeExtraWhitespaces,
    byte @Nullable [] precompiledCharsMap) {

  /** Values of {@link #types}. */
  public static final int NORMAL = 1;

  public static final int UNKNOWN = 2;
  public static final int CONTROL = 3;
  public static final int USER_DEFINED = 4;
  public static final int UNUSED = 5;
  public static final int BYTE = 6;

  public VocabularySpec {
    tokens = List.copyOf(tokens);
    merges = List.copyOf(merges);
    if (scores.length != 0 && scores.length != tokens.size()) {
      throw new TokenizerFormatException(
          "the vocabulary has "
              + tokens.size()
              + " tokens but "
              + scores.length
              + " scores; expected one a token or none");
    }
    if (types.length != 0 && types.length != tokens.size()) {
      throw new TokenizerFormatException(
          "the vocabulary has "
              + tokens.size()
              + " tokens but "
              + types.length
              + " token types; expected one a token or none");
    }
  }

  /** Starts a specification with nothing but its model and tokens. */
  public static Builder builder(String model, List<String> tokens) {
    return new Builder(model, tokens);
  }

  /** Collects what a file says; what is not set is absent. */
  public static final class Builder {
    private final String model;
    private final List<String> tokens;
    private @Nullable String pre;
    private float[] scores = {};
    private int[] types = {};
    private List<String> merges = List.of();
    private SpecialIds ids = SpecialIds.NONE;
    private @Nullable Boolean addBos;
    private @Nullable Boolean addEos;
    private @Nullable Boolean addSep;
    private @Nullable Boolean addSpacePrefix;
    private @Nullable Boolean removeExtraWhitespaces;
    private byte @Nullable [] precompiledCharsMap;

    private Builder(String model, List<String> tokens) {
      this.model = model;
      this.tokens = tokens;
    }

    public Builder pre(@Nullable String value) {
      pre = value;
      return this;
    }

    public Builder scores(float... value) {
      scores = value;
      return this;
    }

    public Builder types(int... value) {
      types = value;
      return this;
    }

    public Builder merges(List<String> value) {
      merges = value;
      return this;
    }

    public Builder ids(SpecialIds value) {
      ids = value;
      return this;
    }

    public Builder addBos(@Nullable Boolean value) {
      addBos = value;
      return this;
    }

    public Builder addEos(@Nullable Boolean value) {
      addEos = value;
      return this;
    }

    public Builder addSep(@Nullable Boolean value) {
      addSep = value;
      return this;
    }

    public Builder addSpacePrefix(@Nullable Boolean value) {
      addSpacePrefix = value;
      return this;
    }

    public Builder removeExtraWhitespaces(@Nullable Boolean value) {
      removeExtraWhitespaces = value;
      return this;
    }

    public Builder precompiledCharsMap(byte @Nullable [] value) {
      precompiledCharsMap = value;
      return this;
    }

    public VocabularySpec build() {
      return new VocabularySpec(
          model,
          pre,
          tokens,
          scores,
          types,
          merges,
          ids,
          addBos,
          addEos,
          addSep,
          addSpacePrefix,
          removeExtraWhitespaces,
          precompiledCharsMap);
    }
  }
}
