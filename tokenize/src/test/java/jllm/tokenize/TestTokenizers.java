package jllm.tokenize;

import java.io.IOException;
import java.io.UncheckedIOException;
import jllm.tokenize.read.Tokenizers;

/** Tokenizers of every layout, from the fixtures and built in. */
public final class TestTokenizers {

  private TestTokenizers() {}

  /**
   * A tokenizer by a name of its own: {@code builtin:NAME}, {@code gguf:NAME}, {@code spm:NAME},
   * {@code json}, {@code llama2c}.
   */
  public static Tokenizer named(String name) {
    String rest = name.substring(name.indexOf(':') + 1);
    try {
      return switch (name.substring(0, name.length() - rest.length())) {
        case "builtin:" -> Tokenizers.builtIn(rest);
        case "gguf:" ->
            Tokenizers.of(GgufVocabulary.read(Fixtures.path("vocab/" + rest + ".gguf")));
        case "spm:" -> Tokenizers.sentencePiece(Fixtures.path("sentencepiece/" + rest + ".model"));
        default ->
            rest.equals("json")
                ? Tokenizers.json(Fixtures.path("hf/pythia/tokenizer.json"))
                : Tokenizers.llama2c(Fixtures.path("models/aidreams-tok512.bin"));
      };
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
