package jllm.tokenize.shard;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.corpus.CorpusSummary;
import jllm.tokenize.corpus.SourceSummary;
import org.jspecify.annotations.Nullable;

/**
 * Writes {@code manifest.json}: what the shards were made of. The same input gives the same text.
 */
final class Manifest {
  static final String FILE = "manifest.json";

  private Manifest() {}

  static void write(
      Path path,
      Tokenizer tokenizer,
      @Nullable Path tokenizerFile,
      ShardOptions options,
      ShardFormat format,
      CorpusSummary corpus,
      ShardWriter train,
      ShardWriter val)
      throws IOException {
    try (OutputStream out = Files.newOutputStream(path);
        JsonGenerator json = new JsonFactory().createGenerator(out)) {
      json.setPrettyPrinter(new DefaultPrettyPrinter());
      json.writeStartObject();
      json.writeStringField("format", format.name().toLowerCase(Locale.ROOT));
      json.writeNumberField("magic", format.magic());
      json.writeNumberField("version", format.version());
      json.writeObjectFieldStart("tokenizer");
      json.writeStringField("name", tokenizer.name());
      if (tokenizerFile != null) {
        json.writeStringField("file", tokenizerFile.toString());
        json.writeStringField("sha256", hash(tokenizerFile));
      }
      json.writeNumberField("vocabularySize", tokenizer.vocabulary().size());
      json.writeStringField("vocabularySha256", hash(tokenizer.vocabulary()));
      json.writeEndObject();
      json.writeObjectFieldStart("options");
      if (options.separator() >= 0) {
        json.writeNumberField("separator", options.separator());
        json.writeStringField("separatorText", tokenizer.vocabulary().text(options.separator()));
      }
      json.writeNumberField("shardTokens", options.shardTokens());
      json.writeNumberField("valFraction", options.valFraction());
      json.writeNumberField("seed", options.seed());
      json.writeBooleanField("parseSpecial", options.parseSpecial());
      json.writeEndObject();
      json.writeNumberField("documents", corpus.documents());
      json.writeNumberField("textBytes", corpus.textBytes());
      json.writeNumberField("skipped", corpus.skipped());
      split(json, "train", train);
      split(json, "val", val);
      sources(json, corpus);
      json.writeEndObject();
    }
  }

  private static void split(JsonGenerator json, String name, ShardWriter writer)
      throws IOException {
    json.writeObjectFieldStart(name);
    json.writeNumberField("tokens", writer.total());
    json.writeArrayFieldStart("shards");
    for (ShardWriter.Shard shard : writer.shards()) {
      json.writeStartObject();
      json.writeStringField("file", shard.file());
      json.writeNumberField("tokens", shard.tokens());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void sources(JsonGenerator json, CorpusSummary corpus) throws IOException {
    json.writeArrayFieldStart("sources");
    for (SourceSummary source : corpus.sources()) {
      json.writeStartObject();
      json.writeStringField("name", source.name());
      json.writeNumberField("bytes", source.bytes());
      if (source.sha256() != null) {
        json.writeStringField("sha256", source.sha256());
      }
      json.writeNumberField("documents", source.documents());
      json.writeNumberField("textBytes", source.textBytes());
      json.writeNumberField("skipped", source.skipped());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  /** The SHA-256 of all ids with their texts, a line each. */
  private static String hash(Vocabulary vocabulary) {
    MessageDigest digest = sha256();
    for (int id = 0; id < vocabulary.size(); id++) {
      if (vocabulary.has(id)) {
        digest.update((id + " " + vocabulary.text(id) + "\n").getBytes(StandardCharsets.UTF_8));
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static String hash(Path file) throws IOException {
    MessageDigest digest = sha256();
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
