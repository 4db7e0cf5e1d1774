package jllm.cli;

import java.nio.file.Path;
import jllm.generate.GenerationOptions;
import jllm.model.CacheTypes;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** How keys and values are kept, and what happens when there is no room for more. */
final class CacheOptions {
  @Option(
      names = "--cache-type",
      paramLabel = "TYPE",
      converter = TypeConverter.class,
      description =
          "Keep keys and values in f32, f16 (half the memory) or q8_0 (a quarter). Default: f32.")
  private @Nullable DType both;

  @Option(
      names = {"-ctk", "--cache-type-k"},
      paramLabel = "TYPE",
      converter = TypeConverter.class,
      description = "The same of the keys alone.")
  private @Nullable DType keys;

  @Option(
      names = {"-ctv", "--cache-type-v"},
      paramLabel = "TYPE",
      converter = TypeConverter.class,
      description = "The same of the values alone.")
  private @Nullable DType values;

  @Option(
      names = "--context-shift",
      description =
          "When the context is full, drop the earlier half of the text and go on; -n -1 then has no"
              + " end.")
  boolean shift;

  @Option(
      names = "--keep",
      paramLabel = "N",
      description =
          "Tokens at the beginning that --context-shift keeps; -1 = the prompt. Default: 0.")
  @Nullable Integer keep;

  @Option(
      names = "--prompt-cache",
      paramLabel = "FILE",
      description =
          "Keep what was computed of prompt and text in this file; a prompt that begins like the text"
              + " in it need not be computed again.")
  @Nullable Path file;

  @Option(names = "--prompt-cache-ro", description = "Only read that file.")
  boolean readOnly;

  static final class TypeConverter implements ITypeConverter<DType> {
    @Override
    public DType convert(String text) {
      return switch (text) {
        case "f32" -> DType.F32;
        case "f16" -> DType.F16;
        case "q8_0" -> DType.Q8_0;
        default ->
            throw new TypeConversionException(
                "'" + text + "' is no cache type, expected f32, f16 or q8_0");
      };
    }
  }

  void check() {
    if (both != null && (keys != null || values != null)) {
      throw new UsageException(
          "--cache-type is for keys and values; give it alone, or -ctk and -ctv");
    }
    if (keep != null) {
      Range.check("--keep", keep, -1, Integer.MAX_VALUE);
      if (!shift) {
        throw new UsageException("--keep says what --context-shift keeps; give both");
      }
    }
    if (readOnly && file == null) {
      throw new UsageException("--prompt-cache-ro says how to use --prompt-cache; give both");
    }
  }

  /** The types of the cache. */
  CacheTypes types(Backend backend) {
    DType usual = both == null ? backend.activationType() : both;
    return new CacheTypes(keys == null ? usual : keys, values == null ? usual : values);
  }

  /** As {@link GenerationOptions#keep}. */
  int keep(int promptTokens) {
    if (!shift) {
      return GenerationOptions.NO_SHIFT;
    }
    return keep == null ? 0 : keep < 0 ? promptTokens : keep;
  }
}
