package jllm.format.convert;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;

/**
 * What is wanted.
 *
 * @param format to write
 * @param type of the matrices; absent: as they are. What GGUF readers need in F32 (vectors,
 *     routers, learned positions) is F32 there, whatever the type
 * @param vocabularyOnly whether the weights stay behind
 * @param metadata further metadata of a GGUF file, as {@link MetadataOption} reads them
 * @param tokenizer a folder or file whose tokenizer takes the place of the model's own; absent:
 *     that
 * @param maxShardBytes the most that a safetensors file holds
 */
public record ConversionOptions(
    TargetFormat format,
    @Nullable DType type,
    boolean vocabularyOnly,
    Map<String, String> metadata,
    @Nullable Path tokenizer,
    long maxShardBytes) {
  /** What a safetensors file holds at most if nobody says otherwise. */
  public static final long DEFAULT_SHARD = 5_000_000_000L;

  public ConversionOptions {
    metadata = new LinkedHashMap<>(metadata);
  }

  /** Just that format. */
  public static ConversionOptions of(TargetFormat format) {
    return new ConversionOptions(format, null, false, Map.of(), null, DEFAULT_SHARD);
  }

  public ConversionOptions withType(@Nullable DType newType) {
    return new ConversionOptions(
        format, newType, vocabularyOnly, metadata, tokenizer, maxShardBytes);
  }
}
