package jllm.tokenize;

import java.util.BitSet;
import java.util.List;
import jllm.tokenize.decode.Decoder;
import jllm.tokenize.model.Model;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.post.PostProcessor;
import jllm.tokenize.split.PreTokenizer;
import org.jspecify.annotations.Nullable;

/**
 * The components of a tokenizer, in the order in which a text meets them.
 *
 * @param name what to call the tokenizer in messages and manifests
 * @param vocabulary all tokens by id
 * @param added tokens that are found in the text
 * @param normalizer or null
 * @param preTokenizer or null: the text is one piece
 * @param model pieces to tokens
 * @param postProcessor special tokens and ranges
 * @param decoder or null: tokens are joined by spaces
 * @param spelling from the text of a model's token to the bytes that it stands for
 * @param special ids by role
 * @param endOfGeneration ids at which a generation ends
 */
public record Pipeline(
    String name,
    Vocabulary vocabulary,
    List<AddedToken> added,
    @Nullable Normalizer normalizer,
    @Nullable PreTokenizer preTokenizer,
    Model model,
    PostProcessor postProcessor,
    @Nullable Decoder decoder,
    Spelling spelling,
    SpecialIds special,
    BitSet endOfGeneration) {

  /** How a vocabulary spells bytes. */
  @FunctionalInterface
  public interface Spelling {
    byte[] bytes(String token);
  }

  public Pipeline {
    added = List.copyOf(added);
    endOfGeneration = (BitSet) endOfGeneration.clone();
  }
}
