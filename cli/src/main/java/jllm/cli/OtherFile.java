package jllm.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.read.Tokenizers;
import jllm.tokenize.shard.ShardFormat;
import jllm.tokenize.shard.TokenShard;
import org.jspecify.annotations.Nullable;

/** What a file says that is no model but belongs to one: a tokenizer, or a shard of tokens. */
final class OtherFile {
  /** Vocabularies of llama2.c have no mark: files up to this size are tried. */
  private static final long MOST_VOCABULARY_BYTES = 64 << 20;

  private static final List<String> TOKENIZERS = List.of("tokenizer.json", "tokenizer.model");

  private OtherFile() {}

  /** Reads such a file; absent if it should be a model. */
  static @Nullable Finding of(Path path) throws IOException {
    String name = String.valueOf(path.getFileName());
    if (Files.isDirectory(path)) {
      boolean isTokenizer =
          !Files.exists(path.resolve("config.json"))
              && (TOKENIZERS.stream().anyMatch(file -> Files.isRegularFile(path.resolve(file)))
                  || Files.isRegularFile(path.resolve("merges.txt")));
      return isTokenizer ? tokenizer(path, Tokenizers.open(path, null)) : null;
    }
    if (isShard(path)) {
      return shard(path);
    }
    if (name.endsWith(".bin")) {
      return llama2c(path);
    }
    boolean isTokenizer =
        name.endsWith(".model")
            || name.endsWith(".tiktoken")
            || name.endsWith("tokenizer.json")
            || name.endsWith("vocab.json");
    return isTokenizer ? tokenizer(path, Tokenizers.open(path, null)) : null;
  }

  private static boolean isShard(Path path) throws IOException {
    try (InputStream in = Files.newInputStream(path)) {
      byte[] start = in.readNBytes(Integer.BYTES);
      return start.length == Integer.BYTES
          && Arrays.stream(ShardFormat.values())
              .anyMatch(format ->
                  format.magic() == ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN).getInt());
    }
  }

  private static @Nullable Finding llama2c(Path path) throws IOException {
    if (Files.size(path) > MOST_VOCABULARY_BYTES) {
      return null;
    }
    try {
      return tokenizer(path, Tokenizers.llama2c(path));
    } catch (TokenizerFormatException model) {
      return null;
    }
  }

  private static Finding tokenizer(Path path, Tokenizer tokenizer) {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("file", path.toString());
    facts.putAll(TokenizerFacts.text(tokenizer));
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("path", path.toString());
    json.put("tokenizer", TokenizerFacts.of(tokenizer));
    return new Finding(Facts.text(facts), json);
  }

  private static Finding shard(Path path) throws IOException {
    try (TokenShard shard = TokenShard.open(path)) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("path", path.toString());
      json.put("format", "token shard");
      json.put("bytes", Files.size(path));
      json.put("bytes_per_token", shard.format().bytesPerToken());
      json.put("tokens", shard.size());
      json.put("largest_id", shard.maxId());
      Map<String, String> facts = new LinkedHashMap<>();
      facts.put("file", path.toString());
      facts.put("format", "token shard, " + shard.format().bytesPerToken() + " bytes a token");
      facts.put("tokens", String.format(Locale.ROOT, "%,d", shard.size()));
      facts.put("largest id", String.valueOf(shard.maxId()));
      return new Finding(Facts.text(facts), json);
    }
  }
}
