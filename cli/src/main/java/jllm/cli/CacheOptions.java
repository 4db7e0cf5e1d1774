package jllm.cli;

import java.nio.file.Path;
import jllm.format.ModelConfig;
import jllm.generate.GenerationOptions;
import jllm.model.CacheTypes;
import jllm.tensor.Backend;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How keys and values are kept, and what happens when there is no room for more. */
final class CacheOptions {
  @Mixin private final CacheTypeOptions types = new CacheTypeOptions();

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
          "Keep what was computed of prompt and text in this file; a prompt that begins like the"
              + " text in it need not be computed again.")
  @Nullable Path file;

  @Option(names = "--prompt-cache-ro", description = "Only read that file.")
  boolean readOnly;

  void check() {
    types.check();
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

  /** The types of the cache of a model. */
  CacheTypes types(ModelConfig config, Backend backend) {
    return types.types(config, backend);
  }

  /** As {@link GenerationOptions#keep}. */
  int keep(int promptTokens) {
    if (!shift) {
      return GenerationOptions.NO_SHIFT;
    }
    return keep == null ? 0 : keep < 0 ? promptTokens : keep;
  }
}
