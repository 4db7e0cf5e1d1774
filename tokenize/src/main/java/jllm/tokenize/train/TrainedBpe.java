package jllm.tokenize.train;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import jllm.tokenize.AddedToken;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.Encoder;
import jllm.tokenize.Pipeline;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.corpus.CorpusSummary;
import jllm.tokenize.corpus.CutRule;
import jllm.tokenize.decode.ByteLevelDecoder;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.post.PostProcessor;
import jllm.tokenize.split.ByteLevel;
import jllm.tokenize.split.Patterns;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.split.PreTokenizerSequence;
import jllm.tokenize.text.ByteAlphabet;
import org.jspecify.annotations.Nullable;

/**
 * A vocabulary that was learned, and what it was learned from.
 *
 * @param merges the vocabulary
 * @param expression what cuts a text into words, or null: a text is one word
 * @param cuts where the tokenizer allows a text to be cut
 * @param corpus what was read
 * @param textBytes the bytes that counted, fewer than were read where documents are capped
 * @param distinctWords that the merges were learned from
 * @param wordOccurrences how often they occurred in all
 * @param dropped words that the cap on distinct words cost
 * @param sample a part of the text, to check and measure the vocabulary on
 */
public record TrainedBpe(
    Merges merges,
    @Nullable String expression,
    CutRule cuts,
    CorpusSummary corpus,
    long textBytes,
    int distinctWords,
    long wordOccurrences,
    DroppedWords dropped,
    List<byte[]> sample) {

  /** Special tokens whose text was learned as well, so that it is found in ordinary text. */
  public List<String> learnedSpecials() {
    return IntStream.concat(Arrays.stream(merges.byteIds()), Arrays.stream(merges.result()))
        .filter(id -> id < merges.specialCount())
        .mapToObj(merges.tokens()::get)
        .toList();
  }

  /** The tokenizer that the vocabulary makes. */
  public Tokenizer tokenizer() {
    @Nullable String[] tokens = merges.tokens().toArray(new @Nullable String[0]);
    Bpe.Builder bpe = new Bpe.Builder(tokens, Bpe.Options.NONE, true);
    for (int i = 0; i < merges.size(); i++) {
      bpe.merge(merges.leftText(i), merges.rightText(i));
    }
    List<AddedToken> added = new ArrayList<>();
    for (int id = 0; id < merges.specialCount(); id++) {
      added.add(AddedToken.special(id, merges.tokens().get(id)));
    }
    PreTokenizer bytes = new ByteLevel(false, true, false);
    return new Tokenizer(
        new Pipeline(
            "trained",
            new Vocabulary(tokens, added),
            added,
            null,
            expression == null
                ? bytes
                : new PreTokenizerSequence(List.of(Patterns.isolated(expression), bytes)),
            bpe.build(),
            PostProcessor.NONE,
            new ByteLevelDecoder(),
            ByteAlphabet::decodeOrText,
            SpecialIds.NONE,
            new BitSet()));
  }

  /**
   * Encodes and decodes the sample and all bytes.
   *
   * @throws IllegalStateException if a text does not come back
   */
  public void verify() {
    Tokenizer tokenizer = tokenizer();
    for (int b = 0; b < 256; b++) {
      byte[] bytes = tokenizer.tokenBytes(merges.byteIds()[b]);
      if (bytes.length != 1 || (bytes[0] & 0xff) != b) {
        throw new IllegalStateException(
            "token "
                + merges.byteIds()[b]
                + " is not the byte "
                + b
                + " but "
                + Arrays.toString(bytes));
      }
    }
    Encoder encoder = tokenizer.newEncoder();
    TokenBuffer tokens = new TokenBuffer();
    for (byte[] text : sample) {
      tokens.clear();
      encoder.encode(text, 0, text.length, EncodeOptions.PLAIN, tokens);
      String back = tokenizer.decode(tokens.toArray(), false);
      if (!back.equals(new String(text, StandardCharsets.UTF_8))) {
        throw new IllegalStateException("a text of the corpus is not decoded to what it was");
      }
    }
  }

  /**
   * Verifies the vocabulary, then writes the files of {@link TokenizerFiles}; none appears before
   * all are complete.
   *
   * @param force whether files of these names are replaced
   * @throws java.nio.file.FileAlreadyExistsException if there is one and it is not to be replaced
   * @throws IllegalStateException if a text is not decoded to what it was
   */
  public void write(Path folder, boolean force) throws IOException {
    verify();
    TokenizerFiles.write(this, folder, force);
  }
}
