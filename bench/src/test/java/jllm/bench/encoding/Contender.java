package jllm.bench.encoding;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.IntArrayList;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.Encoder;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.write.TokenizerWriters;

/**
 * One way to encode documents.
 *
 * @param name in the table
 * @param threads how many work
 * @param workers makes what encodes on one thread and tells how many tokens a document has
 * @param ids the tokens of a document, to compare
 * @param parsesSpecial whether the text of a special token becomes that token
 */
record Contender(
    String name,
    int threads,
    Supplier<ToIntFunction<String>> workers,
    Function<String, int[]> ids,
    boolean parsesSpecial) {

  static Contender ours(Tokenizer tokenizer, int threads) {
    return new Contender(
        threads == 1 ? "jllm" : "jllm, " + threads + " threads",
        threads,
        () -> {
          Encoder encoder = tokenizer.newEncoder();
          TokenBuffer out = new TokenBuffer();
          return document -> {
            out.clear();
            encoder.encode(document, EncodeOptions.PLAIN, out);
            return out.size();
          };
        },
        tokenizer::encode,
        false);
  }

  static Contender jtokkit(String table) {
    Encoding encoding = Encodings.newDefaultEncodingRegistry().getEncoding(table).orElseThrow();
    return new Contender(
        "jtokkit",
        1,
        () -> document -> encoding.encodeOrdinary(document).size(),
        document -> ints(encoding.encodeOrdinary(document)),
        false);
  }

  private static int[] ints(IntArrayList list) {
    int[] ids = new int[list.size()];
    Arrays.setAll(ids, list::get);
    return ids;
  }

  /** Hugging Face's native library with the same tokenizer, written to a file for it. */
  static Contender huggingFace(Tokenizer tokenizer) throws IOException {
    Path file = Files.createTempFile("tokenizer", ".json");
    try (OutputStream out = Files.newOutputStream(file)) {
      TokenizerWriters.json(tokenizer, out);
    }
    HuggingFaceTokenizer theirs =
        HuggingFaceTokenizer.newInstance(
            file, Map.of("addSpecialTokens", "false", "truncation", "false"));
    Files.delete(file);
    return new Contender(
        "Hugging Face",
        1,
        () -> document -> theirs.encode(document, false, false).getIds().length,
        document ->
            Arrays.stream(theirs.encode(document, false, false).getIds())
                .mapToInt(Math::toIntExact)
                .toArray(),
        true);
  }
}
