package jllm.cli;

import jllm.format.ModelConfig;
import jllm.model.CacheTypes;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** In what types keys and values are kept. */
final class CacheTypeOptions {
  @Option(
      names = "--cache-type",
      paramLabel = "TYPE",
      converter = TypeConverter.class,
      description =
          "Keep keys and values in f32, f16 or bf16 (half the memory), or q8_0 (a quarter). Default:"
              + " f32.")
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

  static final class TypeConverter implements ITypeConverter<DType> {
    @Override
    public DType convert(String text) {
      return switch (text) {
        case "f32" -> DType.F32;
        case "f16" -> DType.F16;
        case "bf16" -> DType.BF16;
        case "q8_0" -> DType.Q8_0;
        default ->
            throw new TypeConversionException(
                "'" + text + "' is no cache type, expected f32, f16, bf16 or q8_0");
      };
    }
  }

  void check() {
    if (both != null && (keys != null || values != null)) {
      throw new UsageException(
          "--cache-type is for keys and values; give it alone, or -ctk and -ctv");
    }
  }

  /**
   * The types of the cache of a model.
   *
   * @throws UsageException if model or backend cannot use them
   */
  CacheTypes types(ModelConfig config, Backend backend) {
    DType usual = both == null ? backend.activationType() : both;
    CacheTypes types = new CacheTypes(keys == null ? usual : keys, values == null ? usual : values);
    try {
      types.requireUsable(config, backend);
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
    return types;
  }
}
