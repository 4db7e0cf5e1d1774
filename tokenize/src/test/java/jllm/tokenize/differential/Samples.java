package jllm.tokenize.differential;

import java.util.Base64;
import java.util.Objects;
import jllm.tokenize.Fixtures;
import jllm.tokenize.normalize.SpmNormalizer;
import jllm.tokenize.read.Tokenizers;
import org.jspecify.annotations.Nullable;

/** Parts of pipelines that are taken from files of others. */
final class Samples {

  private static @Nullable String precompiled;

  private Samples() {}

  /** The character map of a SentencePiece model, in base64. */
  static synchronized String precompiled() {
    if (precompiled == null) {
      try {
        SpmNormalizer n =
            (SpmNormalizer)
                Objects.requireNonNull(
                    Tokenizers.sentencePiece(Fixtures.path("sentencepiece/unigram-1000.model"))
                        .pipeline()
                        .normalizer());
        precompiled = Base64.getEncoder().encodeToString(Objects.requireNonNull(n.map()).toBytes());
      } catch (java.io.IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }
    return precompiled;
  }
}
