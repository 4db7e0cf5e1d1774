package jllm.tokenize.write;

import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.VocabularySpec;

/** Tokenizers, wherever they were read from, in the layouts of others. */
public final class TokenizerWriters {

  private TokenizerWriters() {}

  /**
   * A vocabulary in the form of a GGUF file's metadata.
   *
   * @param vocabulary what the file is to hold
   * @param lost what the tokenizer does and such a file cannot say, one sentence each; empty if a
   *     reader of the file gets the same tokens for every text
   */
  public record GgufForm(VocabularySpec vocabulary, List<String> lost) {
    public GgufForm {
      lost = List.copyOf(lost);
    }
  }

  /**
   * Writes {@code tokenizer.json}.
   *
   * @param out is flushed, not closed
   * @throws TokenizerFormatException if the layout cannot say what the tokenizer does; nothing was
   *     written then
   */
  public static void json(Tokenizer tokenizer, OutputStream out) throws IOException {
    TokenizerJson.write(tokenizer, out);
  }

  /**
   * Writes GPT-2's {@code vocab.json} and {@code merges.txt}.
   *
   * @param vocab takes the tokens and their ids; flushed, not closed
   * @param merges takes the merges; flushed, not closed
   * @return what the two files cannot say, one sentence each: how texts are split if not by GPT-2's
   *     pattern, normalization, the like
   * @throws TokenizerFormatException if the tokenizer is no byte-level BPE; nothing was written
   *     then
   */
  public static List<String> vocabAndMerges(
      Tokenizer tokenizer, OutputStream vocab, OutputStream merges) throws IOException {
    return VocabAndMerges.write(tokenizer, vocab, merges);
  }

  /**
   * The metadata of a GGUF file.
   *
   * @throws TokenizerFormatException if GGUF has no such tokenizer, or no name for the way it
   *     splits texts
   */
  public static GgufForm gguf(Tokenizer tokenizer) {
    return GgufVocabularies.of(tokenizer);
  }
}
